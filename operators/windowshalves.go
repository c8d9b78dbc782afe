// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"unsafe"

	"github.com/irmak-go/irmak/window"
)

// halves are the slices of one key in the window that has closed last, merged so that the next window costs two merges
// instead of one for each slice. It is the queue of window.Combiner, kept from one window to the next:
//
//	          front             back
//	[ s₁ ← s₂ ← s₃ ← s₄ ] [ b = v₅ v₆ v₇ ]       mid lies between v₄ and v₅, end behind v₇
//	next window: drop s₁, read v₈ and merge it into b, then s₂ merged with b
//
// Once the front is used up, the window is read from the store and becomes the front. So a slice is read and merged
// twice, however many windows it is in.
//
//  1. front[i] is the merge, in time order, of the slices from times[i] to mid. times descend.
//  2. back, if filled, is the merge of the slices in [mid, end), the last of which is at newest.
//  3. No slice of the key before end has changed since it was read: who changes one calls forget.
//  4. Nothing in it is shared with the store or with what was sent, unless it cannot be changed.
type halves[A any] struct {
	times  []int64
	front  []part[A]
	back   part[A]
	filled bool
	newest int64
	end    int64
	weight int // what it counts towards maxHalves
}

const (
	// maxHalves is what the halves of all keys of a task may take, in bytes. The keys that there is no room for read and
	// merge their slices for each window.
	maxHalves = 4 << 20
	// fewSlices is up to how many slices in a window it is cheaper to read them than to keep them merged.
	fewSlices = 3
)

// sum is the value of k in w, where windows ascend from call to call, and the time of its last slice. false: it has no
// slice there.
func (o *slicedWindows[K, V, A]) sum(l *openKey[K, A], w window.Span) (total part[A], newest int64, ok bool) {
	h := l.halves
	if h == nil || h.times[0] < w.Start {
		return o.sumAnew(l, w)
	}
	o.parts.reset()
	o.store.ScanKey(l.key, h.end, w.End-1, o.parts.collect)
	h.end = w.End
	for i := range o.parts.values {
		v := part[A]{o.copied(o.parts.values[i].Value), o.parts.values[i].Time, 0}
		if h.newest = o.parts.times[i]; !h.filled {
			h.back, h.filled = v, true
			continue
		}
		h.back.Value = o.fold.Merge(h.back.Value, v.Value)
		h.back.Time = max(h.back.Time, v.Time)
	}
	last := len(h.times) - 1
	for h.times[last] < w.Start {
		h.front[last] = part[A]{}
		last--
	}
	h.times, h.front = h.times[:last+1], h.front[:last+1]
	total = h.front[last]
	total.Value = o.copied(total.Value)
	if h.filled {
		total.Value = o.fold.Merge(total.Value, o.copied(h.back.Value))
		total.Time = max(total.Time, h.back.Time)
	}
	return total, h.newest, true
}

// sumAnew is sum from the store. It makes halves of what it reads, if that is worth its memory.
func (o *slicedWindows[K, V, A]) sumAnew(l *openKey[K, A], w window.Span) (total part[A], newest int64, ok bool) {
	o.forget(l)
	o.parts.reset()
	o.store.ScanKey(l.key, w.Start, w.End-1, o.parts.collect)
	n := len(o.parts.times)
	if n == 0 {
		return total, 0, false
	}
	newest = o.parts.times[n-1]
	if n <= fewSlices || o.closer.held >= maxHalves {
		return o.parts.total(), newest, true
	}
	h := &halves[A]{newest: newest, end: w.End, times: make([]int64, 0, n), front: make([]part[A], 0, n)}
	for i := n - 1; i >= 0; i-- {
		p := o.parts.values[i]
		p.Value = o.copied(p.Value)
		if i < n-1 {
			behind := h.front[len(h.front)-1]
			// What is behind may become a part of the whole, and is not changed: merged parts are only read from now on.
			p = part[A]{o.fold.Merge(p.Value, behind.Value), max(p.Time, behind.Time), 0}
		}
		h.times, h.front = append(h.times, o.parts.times[i]), append(h.front, p)
	}
	total = h.front[n-1]
	h.weight = n * o.weigh(&total)
	if o.closer.held+h.weight > maxHalves {
		return total, newest, true
	}
	o.closer.held += h.weight
	l.halves = h
	total.Value = o.copied(total.Value)
	return total, newest, true
}

// forget drops the halves of a key.
func (o *slicedWindows[K, V, A]) forget(l *openKey[K, A]) {
	if l.halves == nil {
		return
	}
	o.closer.held -= l.halves.weight
	l.halves = nil
}

// weigh is about what a part like p takes in memory, at most.
func (o *slicedWindows[K, V, A]) weigh(p *part[A]) int {
	n := int(unsafe.Sizeof(*p)) + 8
	if o.flat {
		return n
	}
	enc, err := o.fold.Codec.Append(o.closer.enc[:0], p.Value)
	if err != nil {
		o.failed(err)
		return n
	}
	o.closer.enc = enc
	return n + len(enc)
}
