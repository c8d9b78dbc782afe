// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// slidingPanes keeps a part for each pane, to which records are added in the order of arrival: sliding windows of a
// fold that does not merge. What a new pane begins with is copied from another one. See [window.Sliding.Changes].
type slidingPanes[K comparable, V, A any] struct {
	*slidingWindows[K, V, A]
	times   []int64 // of records, scratch
	steps   []window.Change
	results []result[A]
	collect func(start int64, row *slidingRow[A]) bool
}

func newSlidingPanes[K comparable, V, A any](g *windowTask[K, V, A], w window.Sliding) *slidingPanes[K, V, A] {
	keeps := w.Linger() // what Sliding.OldestPane says
	for range 3 {
		keeps = later(keeps, w.Size.Milliseconds())
	}
	o := &slidingPanes[K, V, A]{slidingWindows: newSliding(g, w, keeps)}
	o.agenda.from = o
	o.collect = func(start int64, row *slidingRow[A]) bool {
		if row.Record {
			o.times = append(o.times, start)
		}
		return true
	}
	return o
}

func (o *slidingPanes[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	if o.late(r) {
		return dropLate
	}
	if o.emission == window.PerCommit && !o.freeze(o.lowest(r.Time)) {
		return ""
	}
	o.apply(r)
	if o.emission == window.EachUpdate {
		for i := range o.results {
			if res := &o.results[i]; !o.send(r, res.span, &res.part) {
				break
			}
		}
	}
	return ""
}

// apply changes all panes that r changes; results are those of them that are open, afterwards.
func (o *slidingPanes[K, V, A]) apply(r *stream.Record[K, V]) {
	history := o.w.History(r.Time)
	o.times = o.times[:0]
	o.store.ScanKey(r.Key, history.Start, history.End-1, o.collect)
	o.steps = o.w.Changes(o.steps[:0], r.Time, o.times)
	o.results = o.results[:0]

	var before part[A] // what the Copy, which is the last step, is to have
	if last := o.steps[len(o.steps)-1]; last.Op == window.Copy {
		before = o.copyOf(r.Key, last.From)
	}
	open := o.oldestOpen(o.clock.Now())
	for _, step := range o.steps {
		p := before
		switch step.Op {
		case window.Add:
			row, _ := o.store.Upsert(r.Key, step.Span.Start)
			row.part = o.plus(row.part, r)
			o.changedPane(r, step, row, open)
			continue
		case window.Create:
			p = o.plus(part[A]{Value: o.fold.init()}, r)
		case window.CopyAdd:
			p = o.plus(o.copyOf(r.Key, step.From), r)
		case window.Copy:
		}
		row, _ := o.store.Upsert(r.Key, step.Span.Start)
		row.Value, row.Time, row.Filled = p.Value, p.Time, true
		o.changedPane(r, step, row, open)
	}
	row, _ := o.store.Upsert(r.Key, r.Time)
	row.Record = true
}

// changedPane notes what is to be done about a pane that has changed: nothing if it was closed.
func (o *slidingPanes[K, V, A]) changedPane(
	r *stream.Record[K, V], step window.Change, row *slidingRow[A], open int64,
) {
	start := step.Span.Start
	switch {
	case start < open:
		return
	case o.emission == window.EachUpdate:
		o.results = append(o.results, result[A]{step.Span, row.part})
	case o.ticks != nil:
		o.stampRow(r, start, row)
	}
	if step.Op != window.Add && o.emission.FinalPane() {
		o.enter(start, r.Key)
	}
}

func (o *slidingPanes[K, V, A]) copyOf(k K, start int64) part[A] {
	row, ok := o.store.Get(k, start)
	if !ok {
		return part[A]{Value: o.fold.init()}
	}
	row.Value = o.copied(row.Value)
	return row.part
}

// plus is p with r in it.
func (o *slidingPanes[K, V, A]) plus(p part[A], r *stream.Record[K, V]) part[A] {
	p.Value = o.fold.Add(p.Value, r.Value)
	p.Time = max(p.Time, r.Time)
	return p
}

// round sees what was frozen as well, but changes of closed panes are behind it.
func (o *slidingPanes[K, V, A]) round(from, to int64) bool {
	ok := true
	o.store.Changed(func(k K, start int64, row *slidingRow[A], exists bool) bool {
		if exists && row.Filled && from <= start && start < to {
			ok = o.pane(k, o.span(start), row.Value, row.Time, false)
		}
		return ok
	})
	return ok
}

func (o *slidingPanes[K, V, A]) changed(k K, starts []int64, from, to int64, yield func(window.Span, part[A])) {
	for _, start := range starts {
		if row, ok := o.store.Get(k, start); ok && from <= start && start < to {
			yield(o.span(start), row.part)
		}
	}
}

// atOrAfter implements candidates: panes are what is stored.
func (o *slidingPanes[K, V, A]) atOrAfter(start int64) (at int64, ok bool) {
	o.store.ScanSpan(start, math.MaxInt64, func(s int64, _ K, _ *slidingRow[A]) bool {
		at, ok = s, true
		return false
	})
	return at, ok
}

func (o *slidingPanes[K, V, A]) between(from, to int64, push func(start int64, k K)) {
	o.store.ScanSpan(from, to-1, func(start int64, k K, row *slidingRow[A]) bool {
		if row.Filled {
			push(start, k)
		}
		return true
	})
}

func (o *slidingPanes[K, V, A]) settle(keys []liveKey[K], start int64) bool {
	for _, l := range keys {
		row, ok := o.store.Get(l.key, start)
		if ok && row.Filled && !o.pane(l.key, o.span(start), row.Value, row.Time, true) {
			return false
		}
	}
	return true
}
