// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// timeline is what windows have in common whose rows lie at the times of records: they close and are expired a little
// at each step of the clock.
type timeline[K comparable, V, A any] struct {
	*windowTask[K, V, A]
	rows   interface{ Expire(before int64) }
	agenda agenda[K]
	closes int64 // from the start of a pane until it closes
	keeps  int64 // from the start of a row until it is not needed any more
}

// timelineSegments is how many segments of the store a window is long. With fewer, more is looked at when windows
// close; with more, reading the rows of a key from the database takes more seeks.
const timelineSegments = 4

func newTimeline[K comparable, V, A any](g *windowTask[K, V, A], size, closes, keeps int64) timeline[K, V, A] {
	l := timeline[K, V, A]{windowTask: g, closes: closes, keeps: keeps}
	l.agenda = agenda[K]{keys: g.keys, owned: g.owned, segment: max(size/timelineSegments, 1)}
	return l
}

// retention is for how long the changelog keeps a row.
func (l *timeline[K, V, A]) retention() int64 {
	return later(later(l.keeps, l.agenda.segment), l.disorder)
}

// expire goes by whole segments: a mark in the changelog for each millisecond would be too many.
func (l *timeline[K, V, A]) expire(clock int64) {
	if oldest := clock - l.keeps; oldest > 0 {
		l.rows.Expire(oldest - oldest%l.agenda.segment)
	}
}

// following is when the next segment can be expired, or the next pane closes that must be sent.
func (l *timeline[K, V, A]) following(clock int64) int64 {
	oldest := max(clock-l.keeps, 0)
	at := later(later(oldest-oldest%l.agenda.segment, l.agenda.segment), l.keeps)
	if l.emission.FinalPane() {
		at = min(at, later(l.agenda.first(), l.closes))
	}
	return at
}

func (l *timeline[K, V, A]) close(to int64) bool {
	ok, err := l.agenda.close(to)
	if err != nil {
		l.failed(err)
	}
	return ok
}

// enter puts a pane that may have come into being, and is not closed, on the agenda.
func (l *timeline[K, V, A]) enter(start int64, k K) {
	l.agenda.enter(start, k)
	l.next = min(l.next, later(start, l.closes))
}

// slidingWindows is what the two ways of keeping sliding windows have in common.
type slidingWindows[K comparable, V, A any] struct {
	timeline[K, V, A]
	w     window.Sliding
	size  int64 // ms
	store *state.WindowStore[K, slidingRow[A]]
	spans []window.Span // scratch
	near  []int64       // of records around one that may be late, scratch
	note  func(start int64, row *slidingRow[A]) bool
}

func newSliding[K comparable, V, A any](
	g *windowTask[K, V, A], w window.Sliding, keeps int64,
) *slidingWindows[K, V, A] {
	size := w.Size.Milliseconds()
	s := &slidingWindows[K, V, A]{
		timeline: newTimeline(g, size, later(later(size, 1), w.Linger()), keeps), w: w, size: size,
	}
	s.agenda.upTo = w.OldestOpen(g.restored)
	s.store = state.Window[K, slidingRow[A]]{
		Name: g.name, Key: g.keys, Value: slidingCodec[A]{partCodec[A]{g.fold.Codec, g.ticks != nil}},
		Segment: s.agenda.segment, Retention: s.retention(),
	}.Open(g.task)
	s.rows = s.store
	s.note = func(start int64, row *slidingRow[A]) bool {
		if row.Record {
			s.near = append(s.near, start)
		}
		return true
	}
	return s
}

// late tells whether all panes that r lies in are closed. Few records need a look at those around them.
func (s *slidingWindows[K, V, A]) late(r *stream.Record[K, V]) bool {
	now := s.clock.Now()
	if r.Time < s.store.Expired() {
		return true
	}
	s.near = s.near[:0]
	if s.lowest(r.Time) < s.oldestOpen(now) {
		near := s.w.Neighbours(r.Time)
		s.store.ScanKey(r.Key, near.Start, near.End-1, s.note)
	}
	return s.w.Late(r.Time, now, s.near)
}

// lowest is the start of the first pane that a record at t is in.
func (s *slidingWindows[K, V, A]) lowest(t int64) int64 { return max(t-s.size, 0) }

// span is the pane that starts at start.
func (s *slidingWindows[K, V, A]) span(start int64) window.Span {
	return window.Span{Start: start, End: later(start, s.size+1)}
}

func (s *slidingWindows[K, V, A]) oldestOpen(clock int64) int64 { return s.w.OldestOpen(clock) }

func (s *slidingWindows[K, V, A]) stamped(stamp int64, yield func(k K, start int64)) {
	s.store.ScanSpan(0, math.MaxInt64, func(start int64, k K, row *slidingRow[A]) bool {
		if row.Stamp == stamp {
			yield(k, start)
		}
		return true
	})
}

// stampRow notes for the next tick that a row has changed.
func (s *slidingWindows[K, V, A]) stampRow(r *stream.Record[K, V], start int64, row *slidingRow[A]) {
	if row.Stamp != s.stamp {
		row.Stamp = s.stamp
		s.ticks.changes.add(s.owned(r.Key), start)
	}
}

// slidingRow is what the store has under a key and a start. For a fold that merges it is what the records at that
// instant add up to. For one that does not it is the pane that starts there, or that a record was there, or both.
type slidingRow[A any] struct {
	part[A]
	Born   int64 // with Merge: the stamp under which the row was made
	Filled bool  // there is a part
	Record bool  // there is a record at the start
}

// slidingCodec writes a byte of flags (1 Filled, 2 Record), the stamp Born (a varint), and the part if there is one.
type slidingCodec[A any] struct{ part partCodec[A] }

const (
	slidingFilled = 1
	slidingRecord = 2
)

func (c slidingCodec[A]) Append(dst []byte, row slidingRow[A]) ([]byte, error) {
	flags := byte(0)
	if row.Filled {
		flags |= slidingFilled
	}
	if row.Record {
		flags |= slidingRecord
	}
	dst = appendStamp(append(dst, flags), row.Born, c.part.every)
	if !row.Filled {
		return dst, nil
	}
	return c.part.Append(dst, row.part)
}

func (c slidingCodec[A]) Decode(src []byte) (row slidingRow[A], err error) {
	if len(src) == 0 || src[0]&^(slidingFilled|slidingRecord) != 0 {
		return row, errors.New("row of a sliding window: it was not written by this version of the program")
	}
	row.Filled, row.Record = src[0]&slidingFilled != 0, src[0]&slidingRecord != 0
	if row.Born, src, err = takeStamp(src[1:]); err != nil || !row.Filled {
		return row, err
	}
	row.part, err = c.part.Decode(src)
	return row, err
}
