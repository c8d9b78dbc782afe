// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// ownWindows keeps a part for each key and window. A record is added to each of its windows.
type ownWindows[K comparable, V, A any] struct {
	alignedWindows[K, V, A]
	results []result[A] // of the record in work
	sent    instalment
}

// result is a pane that is still to be sent: all windows of a record are changed before the first one is seen.
type result[A any] struct {
	span window.Span
	part part[A]
}

func newOwnWindows[K comparable, V, A any](g *windowTask[K, V, A], w window.Aligned) *ownWindows[K, V, A] {
	return &ownWindows[K, V, A]{alignedWindows: newAligned(g, w, false)}
}

func (o *ownWindows[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	open, closed := o.openAt(r.Time)
	switch {
	case len(open) == 0:
		return notIn(closed)
	case o.emission != window.EachUpdate:
		for _, s := range open {
			o.put(r, s.Start)
		}
		return ""
	case len(open) == 1:
		p, _ := o.put(r, open[0].Start)
		o.send(r, open[0], p)
		return ""
	}
	o.results = o.results[:0]
	for _, s := range open {
		p, _ := o.put(r, s.Start)
		o.results = append(o.results, result[A]{s, *p})
	}
	for i := range o.results {
		if res := &o.results[i]; !o.send(r, res.span, &res.part) {
			break
		}
	}
	return ""
}

// close sends what the store holds up to there, which then expires.
func (o *ownWindows[K, V, A]) close(to int64) bool {
	from := o.store.Expired()
	if to <= from {
		return true
	}
	ok, stopped := true, to
	span := window.Span{Start: -1}
	o.sent.begin(from)
	o.store.ScanSpan(from, to-1, func(start int64, k K, p *part[A]) bool {
		if !o.sent.more(start) && !o.more() {
			stopped = start
			return false
		}
		o.sent.add(start)
		if span.Start != start {
			span = o.spanAt(start)
		}
		ok = o.pane(k, span, p.Value, p.Time, true)
		return ok
	})
	if o.owes() {
		expireSent(&o.sent, stopped, o.store)
	}
	return ok
}

// round needs no bounds: what has closed does not change any more, and is sent at the commit after it did.
func (o *ownWindows[K, V, A]) round(int64, int64) bool {
	ok := true
	o.store.Changed(func(k K, start int64, p *part[A], exists bool) bool {
		if exists {
			ok = o.pane(k, o.spanAt(start), p.Value, p.Time, false)
		}
		return ok
	})
	return ok
}

func (o *ownWindows[K, V, A]) changed(k K, starts []int64, from, to int64, yield func(window.Span, part[A])) {
	for _, start := range starts {
		if p, ok := o.store.Get(k, start); ok && from <= start && start < to {
			yield(o.spanAt(start), p)
		}
	}
}
