// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"
	"slices"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// slidingMoments keeps one part for each key and record time: sliding windows of a fold that merges. A record is
// added once; panes are merged from the parts in them when somebody wants to see them.
type slidingMoments[K comparable, V, A any] struct {
	*slidingWindows[K, V, A]
	parts   *parts[A]
	changes changes[K] // scratch of round
	collect func(start int64, row *slidingRow[A]) bool
	born    []int64 // scratch: record times that are new under the stamp
	record  *stream.Record[K, V]
	sendOne func(window.Span, part[A])
}

func newSlidingMoments[K comparable, V, A any](g *windowTask[K, V, A], w window.Sliding) *slidingMoments[K, V, A] {
	// The part at start lies in panes that close up to Size later, and one that starts behind it must know of it.
	keeps := later(later(w.Size.Milliseconds(), w.Linger()), 1)
	m := &slidingMoments[K, V, A]{
		slidingWindows: newSliding(g, w, keeps), parts: newParts(g.fold.Merge, g.copied),
	}
	m.agenda.from = m
	m.collect = func(start int64, row *slidingRow[A]) bool { return m.parts.add(start, &row.part) }
	m.sendOne = func(s window.Span, p part[A]) {
		if !m.task.Failed() {
			m.send(m.record, s, &p)
		}
	}
	return m
}

func (m *slidingMoments[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	if m.late(r) {
		return dropLate
	}
	switch {
	case m.emission == window.EachUpdate:
		m.update(r)
	case m.emission == window.PerCommit:
		if m.freeze(m.lowest(r.Time)) {
			m.put(r)
		}
	default:
		if _, had := m.put(r); !had {
			m.enterOpen(m.lowest(r.Time), r.Key)
			m.enterOpen(later(r.Time, 1), r.Key)
		}
	}
	return ""
}

// put adds r to what the records at its time add up to.
func (m *slidingMoments[K, V, A]) put(r *stream.Record[K, V]) (row *slidingRow[A], had bool) {
	row, had = m.store.Upsert(r.Key, r.Time)
	if had {
		row.Value = m.fold.Add(row.Value, r.Value)
	} else {
		row.Value = m.first(r)
		row.Time, row.Filled, row.Record = r.Time, true, true
	}
	if !had {
		row.Born = m.stamp
	}
	if m.ticks != nil {
		m.stampRow(r, r.Time, row)
	}
	return row, had
}

// first is the accumulator of the first value at a time. When a function of the fold panics, its row goes.
func (m *slidingMoments[K, V, A]) first(r *stream.Record[K, V]) A {
	done := false
	defer func() {
		if !done {
			m.store.Delete(r.Key, r.Time)
		}
	}()
	acc := m.fold.Add(m.fold.init(), r.Value)
	done = true
	return acc
}

// update adds r and sends the panes that it changes.
func (m *slidingMoments[K, V, A]) update(r *stream.Record[K, V]) {
	p := m.parts
	near := m.w.Neighbours(r.Time)
	m.read(r.Key, near.Start, near.End-1)
	m.spans = m.w.Spans(m.spans[:0], r.Time, p.times)
	row, had := m.put(r)
	i, _ := slices.BinarySearch(p.times, r.Time)
	if had {
		p.values[i] = row.part
	} else {
		p.times = slices.Insert(p.times, i, r.Time)
		p.values = slices.Insert(p.values, i, row.part)
	}
	m.record = r
	p.panes(window.Open(m.spans, m.clock.Now(), m.linger), m.sendOne)
}

// read collects the parts of k from one time to another, both included.
func (m *slidingMoments[K, V, A]) read(k K, from, to int64) {
	m.parts.reset()
	m.store.ScanKey(k, from, to, m.collect)
}

func (m *slidingMoments[K, V, A]) round(from, to int64) bool {
	m.store.Changed(func(k K, start int64, _ *slidingRow[A], exists bool) bool {
		if exists {
			m.changes.add(k, start)
		}
		return true
	})
	return m.roundByKey(&m.changes, from, to)
}

// changed are the panes that contain a time that has changed, and those that begin after a new one, unless they were
// there before for the record at their end.
func (m *slidingMoments[K, V, A]) changed(k K, times []int64, from, to int64, yield func(window.Span, part[A])) {
	from = max(from, m.lowest(times[0]))
	to = min(to, later(times[len(times)-1], 2))
	m.parts.reset()
	m.born = m.born[:0]
	m.store.ScanKey(k, max(from-1, 0), later(to, m.size), func(start int64, row *slidingRow[A]) bool {
		if row.Born == m.stamp {
			m.born = append(m.born, start)
		}
		return m.collect(start, row)
	})
	m.spans = m.w.Panes(m.spans[:0], from, to, m.parts.times)
	m.spans = slices.DeleteFunc(m.spans, func(s window.Span) bool {
		if i, _ := slices.BinarySearch(times, s.Start); i < len(times) && s.Contains(times[i]) {
			return false
		}
		_, isNew := slices.BinarySearch(m.born, s.Start-1)
		_, there := slices.BinarySearch(m.parts.times, s.End-1)
		return !isNew || there
	})
	m.parts.panes(m.spans, yield)
}

// enterOpen is enter for a pane that may be closed already: then it comes too late to be sent.
func (m *slidingMoments[K, V, A]) enterOpen(start int64, k K) {
	if start >= m.oldestOpen(m.clock.Now()) {
		m.enter(start, k)
	}
}

// atOrAfter implements candidates: a record gives the pane that ends at it and the one behind it.
func (m *slidingMoments[K, V, A]) atOrAfter(start int64) (at int64, ok bool) {
	m.store.ScanSpan(max(start-1, 0), math.MaxInt64, func(t int64, _ K, _ *slidingRow[A]) bool {
		at, ok = m.lowest(t), true
		return false
	})
	return at, ok
}

func (m *slidingMoments[K, V, A]) between(from, to int64, push func(start int64, k K)) {
	scan := func(first, last, shift int64) {
		m.store.ScanSpan(max(first, 0), last, func(t int64, k K, _ *slidingRow[A]) bool {
			push(max(t+shift, 0), k)
			return true
		})
	}
	scan(from-1, to-2, 1)
	if from == 0 {
		scan(0, later(to, m.size)-1, -m.size)
	} else {
		scan(later(from, m.size), later(to, m.size)-1, -m.size)
	}
}

func (m *slidingMoments[K, V, A]) settle(keys []liveKey[K], start int64) bool {
	for _, l := range keys {
		m.read(l.key, start, later(start, m.size))
		if len(m.parts.times) == 0 {
			continue
		}
		if total := m.parts.total(); !m.pane(l.key, m.span(start), total.Value, total.Time, true) {
			return false
		}
	}
	return true
}
