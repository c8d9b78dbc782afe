// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/window"

// parts are those of one key, in time order, as they were read from the store, and what panes are made of them.
type parts[A any] struct {
	times    []int64
	values   []part[A]
	collect  func(start int64, p *part[A]) bool // add, made once
	merge    func(earlier, later A) A
	copied   func(A) A
	combiner window.Combiner[part[A]]
}

// newParts merges with merge, which may change its arguments, and so gets copies of what is still needed.
func newParts[A any](merge func(earlier, later A) A, copied func(A) A) *parts[A] {
	p := &parts[A]{merge: merge, copied: copied}
	p.collect = p.add
	p.combiner.Merge = func(earlier, later part[A]) part[A] {
		// What merge gives may be either argument. As none of it is ever the earlier one of a second merge without
		// being copied, one copy is enough.
		return part[A]{Value: merge(copied(earlier.Value), later.Value), Time: max(earlier.Time, later.Time)}
	}
	return p
}

func (p *parts[A]) reset() { p.times, p.values = p.times[:0], p.values[:0] }

func (p *parts[A]) add(start int64, v *part[A]) bool {
	p.times, p.values = append(p.times, start), append(p.values, *v)
	return true
}

// panes calls yield for each of spans that has parts.
func (p *parts[A]) panes(spans []window.Span, yield func(window.Span, part[A])) {
	p.combiner.Panes(spans, p.times, p.values, yield)
}

// total is all parts in one, of which there must be some.
func (p *parts[A]) total() part[A] {
	total := p.values[0]
	if len(p.values) == 1 {
		return total
	}
	total.Value = p.copied(total.Value)
	for _, v := range p.values[1:] {
		total.Value = p.merge(total.Value, p.copied(v.Value)) // which may become a part of the total
		total.Time = max(total.Time, v.Time)
	}
	return total
}
