// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// sessions keeps one row for each session, under its last instant: then those that a record can join are the rows from
// Gap before it on, sessions close in the order of the rows, and what is expired lies together. A record that makes a
// session longer moves its row.
type sessions[K comparable, V, A any] struct {
	timeline[K, V, A]
	w       window.Session
	store   *state.WindowStore[K, session[A]]
	spans   []window.Span // of the sessions near a record, in time order
	values  []A
	upTo    int64 // the last instant at which a session near the record may begin
	collect func(last int64, s *session[A]) bool
	closing []closingSession[K, A]
}

// session is the row of a session.
type session[A any] struct {
	Value A
	First int64
}

type closingSession[K comparable, A any] struct {
	key K
	session[A]
}

func newSessions[K comparable, V, A any](g *windowTask[K, V, A], w window.Session) *sessions[K, V, A] {
	closes := later(w.Linger(), 1) // after the last instant
	s := &sessions[K, V, A]{timeline: newTimeline(g, w.Gap.Milliseconds(), closes, closes), w: w}
	s.agenda.from = s
	s.agenda.upTo = s.oldestOpen(g.restored)
	s.store = state.Window[K, session[A]]{
		Name: g.name, Key: g.keys, Value: sessionCodec[A]{g.fold.Codec},
		Segment: s.agenda.segment, Retention: s.retention(),
	}.Open(g.task)
	s.rows = s.store
	s.collect = func(last int64, row *session[A]) bool {
		if row.First > s.upTo {
			return false
		}
		s.spans = append(s.spans, sessionSpan(row.First, last))
		s.values = append(s.values, row.Value)
		return true
	}
	return s
}

func sessionSpan(first, last int64) window.Span {
	return window.Span{Start: first, End: later(last, 1)}
}

func (s *sessions[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	near := s.w.Neighbours(r.Time)
	s.spans, s.values, s.upTo = s.spans[:0], s.values[:0], near.End-1
	s.store.ScanKey(r.Key, near.Start, math.MaxInt64, s.collect)
	joined, late := s.w.Join(r.Time, s.clock.Now(), s.spans)
	last := joined.Span.End - 1
	if late || last < s.store.Expired() {
		return dropLate
	}
	value := s.merge(r, joined)
	for _, old := range s.spans[joined.From:joined.To] {
		if old.End != joined.Span.End {
			s.store.Delete(r.Key, old.End-1)
		}
	}
	s.store.Put(r.Key, last, session[A]{value, joined.Span.Start})
	if s.emission == window.EachUpdate {
		s.update(r, joined, value)
	} else {
		s.enter(last, r.Key)
	}
	clear(s.values)
	return ""
}

// merge is the value of the session that r is in now. The sessions that it takes the place of keep theirs.
func (s *sessions[K, V, A]) merge(r *stream.Record[K, V], joined window.Joined) A {
	if joined.From == joined.To {
		return s.fold.Add(s.fold.init(), r.Value)
	}
	value := s.copied(s.values[joined.From])
	for _, v := range s.values[joined.From+1 : joined.To] {
		value = s.fold.Merge(value, s.copied(v))
	}
	return s.fold.Add(value, r.Value)
}

// update retracts what was replaced, and sends what replaces it.
func (s *sessions[K, V, A]) update(r *stream.Record[K, V], joined window.Joined, value A) {
	for i := joined.From; i < joined.To && joined.Retract; i++ {
		g := s.windowTask
		g.rec = stream.Record[K, window.Pane[A]]{
			Key: r.Key, Value: window.Pane[A]{Span: s.spans[i], Value: s.values[i], Retracted: true},
			Time: s.spans[i].End - 1, Headers: r.Headers,
		}
		if g.out(&g.rec); g.task.Failed() {
			return
		}
	}
	s.send(r, joined.Span, &part[A]{Value: value, Time: joined.Span.End - 1})
}

// oldestOpen is a bound of last instants.
func (s *sessions[K, V, A]) oldestOpen(clock int64) int64 { return max(s.w.OldestEnd(clock)-1, 0) }

// atOrAfter implements candidates.
func (s *sessions[K, V, A]) atOrAfter(start int64) (at int64, ok bool) {
	s.store.ScanSpan(start, math.MaxInt64, func(last int64, _ K, _ *session[A]) bool {
		at, ok = last, true
		return false
	})
	return at, ok
}

func (s *sessions[K, V, A]) between(from, to int64, push func(start int64, k K)) {
	s.store.ScanSpan(from, to-1, func(last int64, k K, _ *session[A]) bool {
		push(last, k)
		return true
	})
}

// settle sends the sessions that end together by their starts, then keys.
func (s *sessions[K, V, A]) settle(keys []liveKey[K], last int64) bool {
	s.closing = s.closing[:0]
	for _, l := range keys {
		if row, ok := s.store.Get(l.key, last); ok {
			s.closing = append(s.closing, closingSession[K, A]{l.key, row})
		}
	}
	slices.SortStableFunc(s.closing, func(a, b closingSession[K, A]) int { return cmp.Compare(a.First, b.First) })
	for _, c := range s.closing {
		if !s.pane(c.key, sessionSpan(c.First, last), c.Value, last, true) {
			return false
		}
	}
	clear(s.closing)
	return true
}

// sessionCodec writes a session as its first instant (8 bytes, big-endian) and its value.
type sessionCodec[A any] struct{ value codec.Codec[A] }

func (c sessionCodec[A]) Append(dst []byte, s session[A]) ([]byte, error) {
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(s.First)), s.Value)
}

func (c sessionCodec[A]) Decode(src []byte) (s session[A], err error) {
	if len(src) < 8 {
		return s, fmt.Errorf("session: %d bytes are too few", len(src))
	}
	s.First = int64(binary.BigEndian.Uint64(src))
	s.Value, err = c.value.Decode(src[8:])
	return s, err
}
