// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
)

// ScanKey calls yield for k's rows that start in [from, to], both ends in, in the order of their starts, until it
// returns false. It sees the task's own changes that are not committed. yield may change the store: rows that it
// deletes or expires further on are not seen any more, rows that it adds are not seen. The rows of the range are in
// memory together. Of what the database has behind the range it looks at a bounded number of rows.
func (w *WindowStore[K, V]) ScanKey(k K, from, to int64, yield func(start int64, v *V) bool) {
	from = max(from, w.expired)
	if from > to {
		return
	}
	if w.unknown(k) >= from && !w.loadKey(k, from, to) {
		return
	}
	c := w.index[k]
	if c == 0 {
		return
	}
	base := len(w.picked)
	for i := w.floor(w.chains.at(c), to); i != 0; {
		r := w.core.rows.at(i)
		if r.it.start < from {
			break
		}
		if r.flags&present != 0 {
			w.picked = append(w.picked, i)
		}
		i = r.it.older
	}
	if len(w.picked) > base {
		w.core.scans++
		defer w.unpick(base)
	}
	for at := len(w.picked) - 1; at >= base; at-- {
		r := w.core.rows.at(w.picked[at])
		if r.flags&present == 0 || r.it.start < w.expired {
			continue
		}
		r.touch()
		if !yield(r.it.start, &r.it.val) {
			return
		}
	}
}

// unpick ends a ScanKey whose rows begin at base of picked. Scans may be nested.
func (w *WindowStore[K, V]) unpick(base int) {
	w.picked = w.picked[:base]
	w.core.scans--
}

// loadBeyond is how many rows and segments a scan of one key looks at beyond those that it is asked for.
const loadBeyond = 32

// loadKey brings the rows of k that only the database has and that start in [from, to] into the cache. If there is not
// much more of k behind them, that comes too: then the cache knows everything of k from from on, which is remembered as
// the chain's gap, if need be by an absent row that holds the chain.
func (w *WindowStore[K, V]) loadKey(k K, from, to int64) bool {
	w.core.evict() // before upTo is known: it may raise it
	beyond := loadBeyond
	if !w.loadUpTo(k, from, w.unknown(k), func(start int64, _ int32) bool {
		if start > to {
			beyond--
		}
		return beyond > 0
	}) {
		return false
	}
	if beyond == 0 {
		return true
	}
	if w.index[k] == 0 {
		w.add(k, from, unborn)
	}
	w.chains.at(w.index[k]).gap = from - 1
	return true
}

// loadUpTo brings the rows of k that only the database has and that start in [from, upTo] into the cache, as long as
// more says so, which is told each row, and 0 for a segment without one.
func (w *WindowStore[K, V]) loadUpTo(k K, from, upTo int64, more func(start int64, i int32) bool) bool {
	w.core.scans++ // what is loaded first must not be evicted for what is loaded last
	defer func() { w.core.scans-- }()
	w.core.stats.Misses++
	prefix := w.core.back.Prefix
	if !w.encode(k, upTo) {
		return false
	}
	it, err := w.core.back.DB.Scan(concat(prefix, w.layout.begin(nil, from)), append(bytes.Clone(w.core.key), 0))
	if err == nil {
		err = cmp.Or(w.loadRows(it, k, from, upTo, more), it.Err(), it.Close())
	}
	if err != nil {
		w.core.fail(fmt.Errorf("rows of key %v from %d: %w", k, from, err))
	}
	return err == nil
}

// Next is k's first row that starts at from or later.
func (w *WindowStore[K, V]) Next(k K, from int64) (start int64, v V, ok bool) {
	from = max(from, w.expired)
	w.core.evict() // before it is known what is cached
	i := w.ceiling(k, from)
	if upTo := w.unknown(k); upTo >= from {
		if i != 0 {
			upTo = min(upTo, w.core.rows.at(i).it.start-1)
		}
		if upTo >= from {
			if !w.loadUpTo(k, from, upTo, func(_ int64, i int32) bool {
				return i == 0 || w.core.rows.at(i).flags&present == 0
			}) {
				return 0, v, false
			}
			i = w.ceiling(k, from)
		}
	}
	if i == 0 {
		return 0, v, false
	}
	r := w.core.rows.at(i)
	r.touch()
	return r.it.start, r.it.val, true
}

// ceiling is the oldest cached row of k that is there and does not start before from, or 0.
func (w *WindowStore[K, V]) ceiling(k K, from int64) (found int32) {
	c := w.index[k]
	if c == 0 {
		return 0
	}
	for i := w.chains.at(c).newest; i != 0; {
		r := w.core.rows.at(i)
		if r.it.start < from {
			break
		}
		if r.flags&present != 0 {
			found = i
		}
		i = r.it.older
	}
	return found
}

// loadRows seeks k's rows in every segment that exists between those of from and upTo. See loadUpTo.
func (w *WindowStore[K, V]) loadRows(
	it Iterator, k K, from, upTo int64, more func(start int64, i int32) bool,
) error {
	lower, upper := []byte(nil), []byte(nil)
	older := int32(0) // the row before the next one to come
	for seg := w.layout.of(from); ; {
		first, last := max(from, w.layout.first(seg)), min(upTo, w.layout.last(seg))
		if !w.encode(k, first) {
			return nil
		}
		lower = append(lower[:0], w.core.key...)
		upper = w.layout.finish(append(upper[:0], lower[:len(lower)-w.layout.width]...), last)
		ok, found := it.SeekGE(lower), false
		for ; ok && bytes.Compare(it.Key(), upper) <= 0; ok = it.Next() {
			// Between the rows of this key lie those of keys that begin with it and go on like an offset.
			if len(it.Key()) != len(lower) {
				continue
			}
			_, _, offset, err := w.layout.parse(it.Key()[prefixLen:])
			if err != nil {
				return err
			}
			start := w.layout.first(seg) + offset
			if older, err = w.adopt(k, older, start, it.Value()); err != nil {
				return err
			}
			found = true
			if !more(start, older) {
				return nil
			}
		}
		if !ok {
			return nil
		}
		at, _, _, err := w.layout.parse(it.Key()[prefixLen:])
		if err != nil {
			return err
		}
		if !found && !more(first, 0) {
			return nil
		}
		if seg = max(at, seg+1); seg > w.layout.of(upTo) {
			return nil
		}
	}
}

// adopt adds a row of the database to the cache, unless it is there, and returns it. older is a row of k before it, the
// nearest one that the caller knows, or 0.
func (w *WindowStore[K, V]) adopt(k K, older int32, start int64, enc []byte) (int32, error) {
	if c := w.index[k]; c != 0 {
		next := w.chains.at(c).oldest
		if older != 0 {
			next = w.core.rows.at(older).it.newer
		}
		for next != 0 && w.core.rows.at(next).it.start <= start {
			older, next = next, w.core.rows.at(next).it.newer
		}
		if older != 0 && w.core.rows.at(older).it.start == start {
			return older, nil
		}
	}
	v, err := w.values.decode(enc)
	if err != nil {
		return 0, err
	}
	i := w.link(w.chainOf(k), older, start, present)
	w.fill(i, v, len(enc))
	return i, nil
}

// lowest is the smallest start of a row, at least at.
func (w *WindowStore[K, V]) lowest(at int64) (start int64, ok bool) {
	w.ScanSpan(at, math.MaxInt64, func(s int64, _ K, _ *V) bool {
		start, ok = s, true
		return false
	})
	return start, ok
}
