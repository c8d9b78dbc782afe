// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// alignedWindows is what the two ways of keeping aligned windows have in common: which windows a record is in, and a
// store with a part for each key and start.
//
// All times of a slice have the same windows. So those of the last record are kept, and most records need no division
// to know theirs.
type alignedWindows[K comparable, V, A any] struct {
	*windowTask[K, V, A]
	w      window.Aligned
	sliced window.Sliced // w, or nil when it does not tell its slices
	store  *state.WindowStore[K, part[A]]

	slice window.Span // the slice whose windows are spans; empty at first
	spans []window.Span
	few   []window.Span // scratch
}

func newAligned[K comparable, V, A any](g *windowTask[K, V, A], w window.Aligned, shared bool) alignedWindows[K, V, A] {
	segment, retention := layoutOf(w, shared, g.emission)
	if retention > 0 {
		retention = later(retention, g.disorder)
	}
	a := alignedWindows[K, V, A]{windowTask: g, w: w}
	a.sliced, _ = w.(window.Sliced)
	a.store = state.Window[K, part[A]]{
		Name: g.name, Key: g.keys, Value: partCodec[A]{g.fold.Codec, g.ticks != nil},
		Segment: segment, Retention: retention,
	}.Open(g.task)
	return a
}

// openAt gives the windows of a record at t that are still open, and how many are closed. With neither there is none.
func (a *alignedWindows[K, V, A]) openAt(t int64) (open []window.Span, closed int) {
	if a.sliced == nil || !a.slice.Contains(t) {
		if a.sliced != nil {
			a.slice = a.sliced.Slice(t)
		}
		a.spans = a.w.Spans(a.spans[:0], t)
	}
	open = window.Open(a.spans, a.clock.Now(), a.linger)
	for len(open) > 0 && open[0].Start < a.store.Expired() { // the clock was lost, the state was not
		open = open[1:]
	}
	if len(open) > 0 {
		a.next = min(a.next, open[0].ClosesAt(a.linger))
	}
	return open, len(a.spans) - len(open)
}

// notIn is the reason for which a record with no open window is dropped.
func notIn(closed int) string {
	if closed > 0 {
		return dropLate
	}
	return dropNoWindow
}

// put adds r to the part of its key that starts at start.
func (a *alignedWindows[K, V, A]) put(r *stream.Record[K, V], start int64) (p *part[A], had bool) {
	p, had = a.store.Upsert(r.Key, start)
	if had {
		p.Value = a.fold.Add(p.Value, r.Value)
		p.Time = max(p.Time, r.Time)
	} else {
		p.Value = a.first(r, start)
		p.Time = r.Time
	}
	if a.ticks != nil && p.Stamp != a.stamp {
		p.Stamp = a.stamp
		a.ticks.changes.add(a.owned(r.Key), start)
	}
	return p, had
}

// first is the accumulator of the first value of a part. When a function of the fold panics, the part goes.
func (a *alignedWindows[K, V, A]) first(r *stream.Record[K, V], start int64) A {
	done := false
	defer func() {
		if !done {
			a.store.Delete(r.Key, start)
		}
	}()
	acc := a.fold.Add(a.fold.init(), r.Value)
	done = true
	return acc
}

// spanAt is the window that starts at start.
func (a *alignedWindows[K, V, A]) spanAt(start int64) window.Span {
	a.few = a.w.Spans(a.few[:0], start)
	return a.few[len(a.few)-1]
}

func (a *alignedWindows[K, V, A]) oldestOpen(clock int64) int64 { return window.OldestOpen(a.w, clock) }
func (a *alignedWindows[K, V, A]) expire(clock int64)           { a.store.Expire(a.oldestOpen(clock)) }

// following needs no data as long as windows follow each other without gaps: the first to close next is the first one
// that is open now.
func (a *alignedWindows[K, V, A]) following(clock int64) int64 {
	t := max(clock-a.linger, 0)
	if a.few = a.w.Spans(a.few[:0], t); len(a.few) > 0 {
		return a.few[0].ClosesAt(a.linger)
	}
	at := int64(math.MaxInt64)
	a.store.ScanSpan(t, math.MaxInt64, func(start int64, _ K, _ *part[A]) bool {
		a.few = a.w.Spans(a.few[:0], start)
		at = a.few[0].ClosesAt(a.linger)
		return false
	})
	return at
}

func (a *alignedWindows[K, V, A]) stamped(stamp int64, yield func(k K, start int64)) {
	a.store.ScanSpan(0, math.MaxInt64, func(start int64, k K, p *part[A]) bool {
		if p.Stamp == stamp {
			yield(k, start)
		}
		return true
	})
}
