// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// ScanSpan calls yield for all rows that start in [from, to], both ends in, in the order of their starts, then of their
// keys' bytes, until it returns false. It sees the task's own changes that are not committed. yield may change the
// store: rows that it deletes or expires further on are not seen any more, rows that it adds may or may not be. v is
// for reading only.
//
// Segment by segment, the database's rows, which lie in the order of their keys, are merged with the cached ones. Rows
// that start within a segment, not at its beginning, wait in memory until it has been read: see Window.Segment.
func (w *WindowStore[K, V]) ScanSpan(from, to int64, yield func(start int64, k K, v *V) bool) {
	from = max(from, w.expired)
	if from > to {
		return
	}
	s := spanScan[K, V]{w: w, from: from, to: to, yield: yield, spanScratch: w.span}
	w.span = spanScratch{} // a scan within the scan takes its own
	w.core.scans++
	defer func() {
		w.core.scans--
		w.span = s.spanScratch.reset()
		if s.it != nil {
			if err := s.it.Close(); err != nil {
				w.core.fail(fmt.Errorf("scan from %d to %d: %w", from, to, err))
			}
		}
	}()
	if err := s.run(); err != nil {
		w.core.fail(fmt.Errorf("scan from %d to %d: %w", from, to, err))
	}
}

// spanScan is one ScanSpan at work.
type spanScan[K comparable, V any] struct {
	w        *WindowStore[K, V]
	from, to int64
	yield    func(start int64, k K, v *V) bool
	it       Iterator // nil when the cache knows everything in the span
	more     bool     // it stands on a row
	stopped  bool     // by yield
	spanScratch
}

// spanScratch is what a scan collects of one segment.
type spanScratch struct {
	cached []spanRow // of the cache, in order; those before next are done
	next   int
	aside  []spanRow // of the database, waiting for their turn
	bytes  []byte    // keys and values of both
}

// spanRow is a row of a segment. Its key and value are bytes[key:value] and bytes[value:end].
type spanRow struct {
	start           int64
	key, value, end int
	row             int32 // 0 in aside
}

func (s spanScratch) reset() spanScratch {
	return spanScratch{cached: s.cached[:0], aside: s.aside[:0], bytes: s.bytes[:0]}
}

func (s *spanScratch) sort(rows []spanRow) {
	slices.SortFunc(rows, func(a, b spanRow) int {
		if c := cmp.Compare(a.start, b.start); c != 0 {
			return c
		}
		return bytes.Compare(s.bytes[a.key:a.value], s.bytes[b.key:b.value])
	})
}

func (s *spanScan[K, V]) run() error {
	l, prefix := s.w.layout, s.w.core.back.Prefix
	if s.from <= s.w.gap {
		var err error
		upper := after(concat(prefix, l.begin(nil, min(s.to, s.w.gap))))
		if s.it, err = s.w.core.back.DB.Scan(concat(prefix, l.begin(nil, s.from)), upper); err != nil {
			return err
		}
		s.more = s.it.Next()
	}
	next, end := l.of(s.from), l.of(s.to)
	for !s.stopped {
		seg, ok, err := s.segment(next)
		if err != nil || !ok || seg > end {
			return err
		}
		if err := s.scan(seg); err != nil || seg == end {
			return err
		}
		next = seg + 1
	}
	return nil
}

// segment is the first one from seg on that has rows.
func (s *spanScan[K, V]) segment(seg int64) (first int64, ok bool, err error) {
	s.w.segments.Ascend(seg, func(at int64, _ int32) bool {
		first, ok = at, true
		return false
	})
	if s.it == nil || !s.more {
		if s.it != nil {
			err = s.it.Err()
		}
		return first, ok, err
	}
	stored, _, _, err := s.w.layout.parse(s.it.Key()[prefixLen:])
	if !ok || stored < first {
		first = stored
	}
	return first, true, err
}

// scan yields the rows of one segment.
func (s *spanScan[K, V]) scan(seg int64) error {
	s.spanScratch = s.spanScratch.reset()
	if err := s.collect(seg); err != nil {
		return err
	}
	first := s.w.layout.first(seg)
	for ; s.more && !s.stopped; s.more = s.it.Next() {
		at, key, offset, err := s.w.layout.parse(s.it.Key()[prefixLen:])
		if err != nil {
			return err
		}
		if at != seg {
			break
		}
		start := first + offset
		switch {
		case start < s.from || start > s.to:
		case offset == 0: // nothing in the segment is before it: no need to wait
			if err := s.merge(start, key, s.it.Value()); err != nil {
				return err
			}
		default:
			s.setAside(start, key, s.it.Value())
		}
	}
	s.sort(s.aside)
	for i := 0; i < len(s.aside) && !s.stopped; i++ {
		r := s.aside[i]
		if err := s.merge(r.start, s.bytes[r.key:r.value], s.bytes[r.value:r.end]); err != nil {
			return err
		}
	}
	for ; s.next < len(s.cached) && !s.stopped; s.next++ {
		s.yieldCached(s.cached[s.next].row)
	}
	return nil
}

// collect gathers and sorts the cached rows of a segment: absent ones too, they hide those of the database.
func (s *spanScan[K, V]) collect(seg int64) (err error) {
	i, ok := s.w.segments.Get(seg)
	for head := i; ok; {
		r := s.w.core.rows.at(i)
		if r.it.start >= s.from && r.it.start <= s.to {
			key := len(s.bytes)
			if s.bytes, err = s.w.keys.codec.Append(s.bytes, s.w.chains.at(r.it.chain).key); err != nil {
				return err
			}
			s.cached = append(s.cached, spanRow{start: r.it.start, key: key, value: len(s.bytes), row: i})
		}
		i = r.it.next
		ok = i != head
	}
	s.sort(s.cached)
	return nil
}

func (s *spanScan[K, V]) setAside(start int64, key, value []byte) {
	at := len(s.bytes)
	s.bytes = append(append(s.bytes, key...), value...)
	s.aside = append(s.aside, spanRow{start: start, key: at, value: at + len(key), end: len(s.bytes)})
}

// merge yields the cached rows before a row of the database, and then that, unless the cache has it too.
func (s *spanScan[K, V]) merge(start int64, key, value []byte) error {
	for s.next < len(s.cached) && !s.stopped {
		r := s.cached[s.next]
		c := cmp.Compare(r.start, start)
		if c == 0 {
			c = bytes.Compare(s.bytes[r.key:r.value], key)
		}
		if c > 0 {
			break
		}
		s.next++
		s.yieldCached(r.row)
		if c == 0 {
			return nil
		}
	}
	if s.stopped {
		return nil
	}
	return s.yieldStored(start, key, value)
}

func (s *spanScan[K, V]) yieldCached(i int32) {
	r := s.w.core.rows.at(i)
	if r.flags&present != 0 && r.it.start >= s.w.expired {
		s.stopped = !s.yield(r.it.start, s.w.chains.at(r.it.chain).key, &r.it.val)
	}
}

// yieldStored yields a row of the database, unless the cache knows better: yield itself may have changed it just now.
func (s *spanScan[K, V]) yieldStored(start int64, key, value []byte) error {
	if start < s.w.expired {
		return nil
	}
	k, err := s.w.keys.decode(key)
	if err != nil {
		return fmt.Errorf("key %x: %w", key, err)
	}
	if i := s.w.find(k, start); i != 0 {
		s.yieldCached(i)
		return nil
	}
	v, err := s.w.values.decode(value)
	if err != nil {
		return fmt.Errorf("value of key %v at %d: %w", k, start, err)
	}
	s.stopped = !s.yield(start, k, &v)
	return nil
}
