// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// countedOverlaps keeps count windows that overlap: how many records of a key have come, and rows of them. A row is a
// slice, under the number of its first record, when the fold merges, and otherwise a window, under its end.
//
// What lies in no window that is not full is deleted when one becomes full. So a key has rows for about Size records,
// two to an Advance at most, and never more.
type countedOverlaps[K comparable, V, A any] struct {
	counted[K, V, A]
	seen    *state.MapStore[K, seen]
	store   *state.WindowStore[K, spell[A]]
	parts   *parts[A] // nil when the fold does not merge
	total   spell[A]  // of the rows in parts, without a value
	collect func(start int64, row *spell[A]) bool
}

// seen is how many records of a key have come.
type seen struct {
	n     int64
	stamp int64 // of the last one: see windowTask.stamp; kept for Every only
}

func newCountedOverlaps[K comparable, V, A any](
	g *windowTask[K, V, A], w window.Count, merges bool,
) *countedOverlaps[K, V, A] {
	o := &countedOverlaps[K, V, A]{counted: counted[K, V, A]{g, w}}
	o.seen = state.Map[K, seen]{Name: g.name, Key: g.keys, Value: seenCodec{g.ticks != nil}}.Open(g.task)
	o.store = state.Window[K, spell[A]]{
		Name: derived(g.name, "parts"), Key: g.keys,
		Value: spellCodec[A]{partCodec[A]{g.fold.Codec, false}}, Segment: int64(w.Size),
	}.Open(g.task)
	if merges {
		o.parts = newParts(g.fold.Merge, g.copied)
	}
	o.collect = func(start int64, row *spell[A]) bool {
		o.total = o.total.with(o.total.Value, row.First).with(o.total.Value, row.Time)
		return o.parts.add(start, &row.part)
	}
	return o
}

func (o *countedOverlaps[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	seen, _ := o.seen.Get(r.Key)
	i := seen.n
	o.put(r, i)
	seen.n, seen.stamp = i+1, o.stampOf(r, seen.stamp)
	o.seen.Put(r.Key, seen)
	from, end := o.w.Filling(i)
	full := end == i+1
	if !full && o.emission != window.EachUpdate {
		return ""
	}
	pane, ok := o.read(r.Key, from, end)
	if full {
		o.forget(r.Key, end)
	}
	if ok {
		o.shown(r, &pane, full)
	}
	return ""
}

// put adds r, number i of its key, to its slice, or to all of its windows.
func (o *countedOverlaps[K, V, A]) put(r *stream.Record[K, V], i int64) {
	if o.parts != nil {
		o.plus(r, o.w.Slice(i))
		return
	}
	first, last := o.w.Ends(i)
	for end := first; end <= last; end, _ = o.w.Ends(end) {
		o.plus(r, end)
	}
}

func (o *countedOverlaps[K, V, A]) plus(r *stream.Record[K, V], at int64) {
	row, _ := o.store.Get(r.Key, at)
	o.store.Put(r.Key, at, row.with(o.fold.plus(row.Value, row.N > 0, r.Value), r.Time))
}

// read gives the window from one record's number to another's, as far as they have come.
func (o *countedOverlaps[K, V, A]) read(k K, from, end int64) (pane spell[A], ok bool) {
	if o.parts == nil {
		return o.store.Get(k, end)
	}
	o.parts.reset()
	o.total = spell[A]{}
	o.store.ScanKey(k, from, end-1, o.collect)
	if len(o.parts.times) == 0 { // reading has failed
		return pane, false
	}
	o.total.part = o.parts.total()
	return o.total, true
}

// forget deletes what the windows behind end, of which the one that ends there was read last, do not need.
func (o *countedOverlaps[K, V, A]) forget(k K, end int64) {
	if o.parts == nil {
		o.store.Delete(k, end)
		return
	}
	next, _ := o.w.Filling(end)
	for _, start := range o.parts.times {
		if start < next {
			o.store.Delete(k, start)
		}
	}
}

// unfilled is the window of k that is filled next, if it has changed since the last one was full.
func (o *countedOverlaps[K, V, A]) unfilled(k K, n int64) (pane spell[A], ok bool) {
	if n == 0 {
		return pane, false
	}
	from, end := o.w.Filling(n - 1)
	if end == n {
		return pane, false
	}
	return o.read(k, from, end)
}

func (o *countedOverlaps[K, V, A]) round(int64, int64) bool {
	ok := true
	o.seen.Changed(func(k K, seen *seen, exists bool) bool {
		if pane, changed := o.unfilled(k, seen.n); exists && changed {
			ok = o.pane(k, pane.span(), pane.Value, pane.Time, false)
		}
		return ok
	})
	return ok
}

func (o *countedOverlaps[K, V, A]) changed(k K, _ []int64, _, _ int64, yield func(window.Span, part[A])) {
	seen, _ := o.seen.Get(k)
	if pane, changed := o.unfilled(k, seen.n); changed {
		yield(pane.span(), pane.part)
	}
}

func (o *countedOverlaps[K, V, A]) stamped(stamp int64, yield func(k K, start int64)) {
	o.seen.Scan(func(k K, seen *seen) bool {
		if seen.stamp == stamp {
			yield(k, 0)
		}
		return true
	})
}

// seenCodec writes the stamp (a varint, 0 without Every) and the number of records (a uvarint).
type seenCodec struct{ every bool }

func (c seenCodec) Append(dst []byte, s seen) ([]byte, error) {
	return binary.AppendUvarint(appendStamp(dst, s.stamp, c.every), uint64(s.n)), nil
}

func (c seenCodec) Decode(src []byte) (s seen, err error) {
	if s.stamp, src, err = takeStamp(src); err != nil {
		return s, err
	}
	n, size := binary.Uvarint(src)
	if size <= 0 || size != len(src) || n > math.MaxInt64 {
		return s, fmt.Errorf("a number of records: %d bytes that were not written as such", len(src))
	}
	s.n = int64(n)
	return s, nil
}
