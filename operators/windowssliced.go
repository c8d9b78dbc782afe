// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"reflect"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// slicedWindows keeps a part for each key and slice. A record is added once, and overlapping windows are merged from
// the slices that they share, when somebody wants to see them.
//
// What comes too late for one window but in time for another is added to a slice of both. So a window must have been
// sent, if at all, before anything of the kind comes: OnClose and Every close before they add, PerCommit freezes.
type slicedWindows[K comparable, V, A any] struct {
	alignedWindows[K, V, A]
	parts   *parts[A]
	closer  closer[K, A]
	flat    bool       // accumulators lead to no other memory
	changes changes[K] // scratch of round

	oldest, newest window.Span // of the windows of slice, where spans are not needed; empty: there is none

	record  *stream.Record[K, V] // in work
	sendOne func(window.Span, part[A])
}

func newSlicedWindows[K comparable, V, A any](g *windowTask[K, V, A], w window.Sliced) *slicedWindows[K, V, A] {
	o := &slicedWindows[K, V, A]{
		alignedWindows: newAligned(g, window.Aligned(w), true), parts: newParts(g.fold.Merge, g.copied),
		flat: plain(reflect.TypeFor[A]()),
	}
	o.sendOne = func(s window.Span, p part[A]) {
		if !o.task.Failed() {
			o.send(o.record, s, &p)
		}
	}
	return o
}

func (o *slicedWindows[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	if o.emission != window.EachUpdate {
		return o.addUnseen(r)
	}
	open, closed := o.openAt(r.Time)
	if len(open) == 0 {
		return notIn(closed)
	}
	o.put(r, o.slice.Start)
	o.record = r
	o.read(r.Key, open)
	o.parts.panes(open, o.sendOne)
	return ""
}

// addUnseen is add where nobody wants to see the windows yet, so that it does not matter how many they are.
func (o *slicedWindows[K, V, A]) addUnseen(r *stream.Record[K, V]) (dropped string) {
	if !o.slice.Contains(r.Time) {
		o.slice = o.sliced.Slice(r.Time)
		var ok bool
		if o.oldest, o.newest, ok = window.Edges(o.w, r.Time); !ok {
			o.newest = window.Span{}
		}
	}
	switch now := o.clock.Now(); {
	case o.newest.Empty():
		return dropNoWindow
	case o.isClosed(o.newest, now):
		return dropLate
	case o.isClosed(o.oldest, now):
		if o.emission == window.PerCommit && !o.freeze(o.oldest.Start) {
			return ""
		}
		// The newest one is open, so it contains the instant up to which windows have closed, or begins behind it.
		first, _, ok := window.Edges(o.w, max(now-o.linger, 0))
		if !ok {
			first = o.newest
		}
		o.next = min(o.next, first.ClosesAt(o.linger))
	default:
		o.next = min(o.next, o.oldest.ClosesAt(o.linger))
	}
	o.putSlice(r)
	return ""
}

// isClosed says that nothing is added to s any more. What has expired is closed too where the clock was lost, and the
// state was not.
func (o *slicedWindows[K, V, A]) isClosed(s window.Span, now int64) bool {
	return s.Closed(now, o.linger) || s.Start < o.store.Expired()
}

// read collects the slices of windows, which ascend and are not none.
func (o *slicedWindows[K, V, A]) read(k K, windows []window.Span) {
	o.parts.reset()
	o.store.ScanKey(k, windows[0].Start, windows[len(windows)-1].End-1, o.parts.collect)
}

func (o *slicedWindows[K, V, A]) round(from, to int64) bool {
	o.store.Changed(func(k K, start int64, _ *part[A], exists bool) bool {
		if exists {
			o.changes.add(k, start)
		}
		return true
	})
	return o.roundByKey(&o.changes, from, to)
}

func (o *slicedWindows[K, V, A]) changed(k K, starts []int64, from, to int64, yield func(window.Span, part[A])) {
	o.few = window.Containing(o.few[:0], o.w, starts, from, to)
	if len(o.few) > 0 {
		o.read(k, o.few)
		o.parts.panes(o.few, yield)
	}
}
