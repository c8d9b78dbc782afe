// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// slidingWindows is what the two ways of keeping sliding windows have in common.
type slidingWindows[K comparable, V, A any] struct {
	*windowTask[K, V, A]
	w       window.Sliding
	size    int64 // ms
	keeps   int64 // how long a row is needed on the clock, counted from its start
	segment int64
	store   *state.WindowStore[K, slidingRow[A]]
	agenda  agenda[K]
	spans   []window.Span // scratch
}

// slidingSegments is how many segments of the store a window is long. With fewer, more is looked at when windows
// close; with more, reading the rows of a key from the database takes more seeks.
const slidingSegments = 4

func newSliding[K comparable, V, A any](g *windowTask[K, V, A], w window.Sliding, keeps int64) slidingWindows[K, V, A] {
	size := w.Size.Milliseconds()
	s := slidingWindows[K, V, A]{
		windowTask: g, w: w, size: size, keeps: keeps, segment: max(size/slidingSegments, 1),
	}
	s.agenda.upTo = w.OldestOpen(g.restored)
	s.store = state.Window[K, slidingRow[A]]{
		Name: g.name, Key: g.keys, Value: slidingCodec[A]{partCodec[A]{g.fold.Codec, g.ticks != nil}},
		Segment: s.segment, Retention: later(later(keeps, s.segment), g.disorder),
	}.Open(g.task)
	return s
}

// late judges a record at t by the last pane that it could be in.
func (s *slidingWindows[K, V, A]) late(t int64) bool {
	return s.w.Late(t, s.clock.Now()) || t < s.store.Expired()
}

// lowest is the start of the first pane that a record at t is in.
func (s *slidingWindows[K, V, A]) lowest(t int64) int64 { return max(t-s.size, 0) }

// span is the pane that starts at start.
func (s *slidingWindows[K, V, A]) span(start int64) window.Span {
	return window.Span{Start: start, End: later(start, s.size+1)}
}

func (s *slidingWindows[K, V, A]) oldestOpen(clock int64) int64 { return s.w.OldestOpen(clock) }

// expire goes by whole segments: a mark in the changelog for each millisecond would be too many.
func (s *slidingWindows[K, V, A]) expire(clock int64) {
	if oldest := clock - s.keeps; oldest > 0 {
		s.store.Expire(oldest - oldest%s.segment)
	}
}

// following is when the next segment can be expired, or the next pane closes that must be sent.
func (s *slidingWindows[K, V, A]) following(clock int64) int64 {
	oldest := max(clock-s.keeps, 0)
	at := later(later(oldest-oldest%s.segment, s.segment), s.keeps)
	if s.emission.FinalPane() {
		at = min(at, s.span(s.agenda.first()).ClosesAt(s.linger))
	}
	return at
}

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
