// SPDX-License-Identifier: Apache-2.0

package state

import (
	"cmp"
	"math"
	"time"

	"github.com/tidwall/btree"
)

// Expire drops all rows that start before before. They are gone at once; the memory of whole segments is free at
// once, the rest when its segment has expired; the database is rid of them after the commit. Going back does nothing.
//
// That rows have expired is committed like a change: after a recovery they are as gone as they were in the last commit.
func (w *WindowStore[K, V]) Expire(before int64) {
	if before <= w.expired {
		return
	}
	w.expired = before
	if w.gap < before {
		w.gap = -1
	}
	if w.core.scans > 0 {
		return // the scan still holds their numbers: the next Expire or Flush frees them
	}
	edge := w.layout.of(before)
	for {
		seg, i, ok := w.segments.Min()
		if !ok || seg >= edge { // rows of the edge may have expired too: every read and write looks
			return
		}
		for last := false; !last; {
			r := w.core.rows.at(i)
			next := r.it.next
			last = next == i
			w.core.drop(i, r)
			i = next
		}
	}
}

func (w *WindowStore[K, V]) appendLogKey(dst []byte, r *windowRow[V]) ([]byte, error) {
	dst, err := w.keys.codec.Append(dst, w.chains.at(r.chain).key)
	return appendStart(dst, r.start), err
}

func (w *WindowStore[K, V]) appendDBKey(dst []byte, r *windowRow[V]) ([]byte, error) {
	dst, err := w.keys.codec.Append(w.layout.begin(dst, r.start), w.chains.at(r.chain).key)
	return w.layout.finish(dst, r.start), err
}

func (w *WindowStore[K, V]) appendValue(dst []byte, _ int32, r *windowRow[V]) ([]byte, error) {
	return w.values.codec.Append(dst, r.val)
}

func (w *WindowStore[K, V]) beside(Batch, []byte, int32) error { return nil }

func (w *WindowStore[K, V]) gone(r *windowRow[V]) bool { return r.start < w.expired }
func (w *WindowStore[K, V]) keySize(r *windowRow[V]) int {
	return w.keys.size(&w.chains.at(r.chain).key)
}
func (w *WindowStore[K, V]) own(r *windowRow[V])       { w.values.own(&r.val) }
func (w *WindowStore[K, V]) shape() uint64             { return uint64(w.layout.segment) }
func (w *WindowStore[K, V]) ahead() bool               { return w.expired != w.mark }
func (w *WindowStore[K, V]) hold(int32, *windowRow[V]) {}

func (w *WindowStore[K, V]) settle(_ int32, r *windowRow[V]) {
	w.low = min(w.low, w.layout.of(r.start))
}

func (w *WindowStore[K, V]) clear() {
	w.index = make(map[K]int32)
	w.chains.clear()
	w.segments = new(btree.Map[int64, int32])
	w.recent.row = 0
	w.gap, w.low = -1, math.MaxInt64
	w.expired, w.mark, w.written = 0, 0, 0
}

// learn reads the mark, and between which starts the database has rows at all.
func (w *WindowStore[K, V]) learn() error {
	db, prefix := w.core.back.DB, w.core.back.Prefix
	v, ok, err := db.Get(metaKey(nil, prefix, markTag), nil)
	if err != nil {
		return err
	}
	if ok {
		at, err := parseMark(v)
		if err != nil {
			return err
		}
		w.expire(at)
		w.written = at
	}
	it, err := db.Scan(prefix, after(prefix))
	if err != nil {
		return err
	}
	if it.Next() {
		err = w.bounds(it)
	}
	return cmp.Or(err, it.Err(), it.Close())
}

// expire takes over a committed mark.
func (w *WindowStore[K, V]) expire(at int64) {
	w.expired, w.mark = at, at
	if w.gap < at {
		w.gap = -1
	}
}

// bounds sets low and gap by the first and the last row of the database.
func (w *WindowStore[K, V]) bounds(it Iterator) error {
	first, _, _, err := w.layout.parse(it.Key()[prefixLen:])
	if err != nil || !it.Last() {
		return err
	}
	last, _, _, err := w.layout.parse(it.Key()[prefixLen:])
	if err != nil {
		return err
	}
	w.low = first
	if w.gap = w.layout.last(last); w.gap < w.expired {
		w.gap = -1
	}
	return nil
}

// restore implements kind. Rows that have expired stay away; those that are older than a mark further on are deleted
// with their segment at the first WriteBehind.
func (w *WindowStore[K, V]) restore(b Batch, key, value []byte) error {
	if isMark(key) {
		at, err := parseMark(value)
		if err != nil || at <= w.expired {
			return err
		}
		w.expire(at)
		return w.saveMark(b)
	}
	k, start, err := parseStart(key)
	if err != nil || start < w.expired {
		return err
	}
	w.core.key = append(w.layout.begin(append(w.core.key[:0], w.core.back.Prefix...), start), k...)
	w.core.key = w.layout.finish(w.core.key, start)
	if value == nil {
		return b.Delete(w.core.key)
	}
	w.low = min(w.low, w.layout.of(start))
	w.gap = max(w.gap, start)
	return b.Set(w.core.key, value)
}

// flushMark implements kind. The mark is logged whenever it has moved, even if no row is known to have expired: after a
// recovery a late row must be refused exactly when it would have been without one.
func (w *WindowStore[K, V]) flushMark(log Log) (int, error) {
	if w.mark == w.expired {
		return 0, nil
	}
	w.mark = w.expired
	if w.core.spec.Unlogged {
		return 0, nil
	}
	w.core.val = appendMark(w.core.val[:0], w.mark)
	return 1, log.Append(markKey, w.core.val, NoTime)
}

// writeMark implements kind: the mark each time it has moved, the deletion of expired segments once per interval,
// because each leaves a range tombstone that readers have to look at until it is compacted away.
func (w *WindowStore[K, V]) writeMark(b Batch, now time.Time, interval time.Duration) error {
	if w.mark > w.written {
		if err := w.saveMark(b); err != nil {
			return err
		}
	}
	upTo := w.layout.of(w.mark)
	if upTo <= w.low || now.Sub(w.trimmed) < interval {
		return nil
	}
	prefix := w.core.back.Prefix
	lower := w.layout.begin(append([]byte(nil), prefix...), w.layout.first(w.low))
	upper := w.layout.begin(append([]byte(nil), prefix...), w.layout.first(upTo))
	w.low, w.trimmed = upTo, now
	return b.DeleteRange(lower, upper)
}

func (w *WindowStore[K, V]) saveMark(b Batch) error {
	w.written = w.mark
	return b.Set(metaKey(nil, w.core.back.Prefix, markTag), appendMark(nil, w.mark))
}
