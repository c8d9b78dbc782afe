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
//
// PerCommit and Every send rounds. What a reader has of a session is its pane of the last round, whatever has happened
// to it since. So the first change of a session in a round puts its row aside, into sent; when the session is sent
// again, those rows are retracted that lie in its span and are not it.
//
//		round        records @5   @15         @20            round
//		row [0,1)  →      [0,6)   [0,16)      [0,21)   →     [0,1) retracted, [0,21)
//		sent       →      [0,1)                        →     empty
//
//	 1. A row without the stamp of this round was sent as it is, or is one of sent's.
//	 2. Each row of sent lies in the span of a row with the stamp of this round.
type sessions[K comparable, V, A any] struct {
	timeline[K, V, A]
	w       window.Session
	store   *state.WindowStore[K, session[A]]
	sent    *state.WindowStore[K, session[A]] // only with PerCommit and Every
	spans   []window.Span                     // of the sessions near a record, in time order
	near    []session[A]                      // they themselves
	upTo    int64                             // the last instant at which a session near the record may begin
	behind  session[A]                        // the first that ends later, scratch
	collect func(last int64, s *session[A]) bool
	closing []closingSession[K, A]
	changes changes[K] // scratch of round

	overdue     []window.Span // scratch of retract
	overdueRows []session[A]
	within      window.Span
	collectSent func(last int64, s *session[A]) bool
}

// session is the row of a session.
type session[A any] struct {
	Value A
	First int64
	Stamp int64 // of its last change: see windowTask.stamp; kept for Every only
}

type closingSession[K comparable, A any] struct {
	key K
	session[A]
}

func newSessions[K comparable, V, A any](g *windowTask[K, V, A], w window.Session) *sessions[K, V, A] {
	closes := later(w.Linger(), 1) // after the last instant
	s := &sessions[K, V, A]{timeline: newTimeline(g, w.Gap.Milliseconds(), closes, closes), w: w}
	s.agenda.from, s.agenda.more = s, g.more
	s.agenda.upTo = s.oldestOpen(g.restored)
	declared := state.Window[K, session[A]]{
		Name: g.name, Key: g.keys, Value: sessionCodec[A]{g.fold.Codec, g.ticks != nil},
		Segment: s.agenda.segment, Retention: s.retention(),
	}
	s.store = declared.Open(g.task)
	s.rows = s.store
	s.collect = func(last int64, row *session[A]) bool {
		if row.First > s.upTo {
			return false
		}
		s.spans = append(s.spans, sessionSpan(row.First, last))
		s.near = append(s.near, *row)
		return true
	}
	if s.inRounds() {
		// With PerCommit it is empty after each commit.
		declared.Name, declared.Unlogged = g.name+"-sent", g.ticks == nil
		s.sent = declared.Open(g.task)
		s.collectSent = func(last int64, row *session[A]) bool {
			if row.First >= s.within.Start {
				s.overdue = append(s.overdue, sessionSpan(row.First, last))
				s.overdueRows = append(s.overdueRows, *row)
			}
			return true
		}
	}
	return s
}

// inRounds tells whether panes are sent in rounds: at commits or ticks.
func (s *sessions[K, V, A]) inRounds() bool { return s.ticks != nil || s.emission == window.PerCommit }

func sessionSpan(first, last int64) window.Span {
	return window.Span{Start: first, End: later(last, 1)}
}

func (s *sessions[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	near := s.w.Neighbours(r.Time)
	s.spans, s.near, s.upTo = s.spans[:0], s.near[:0], near.End-1
	s.store.ScanKey(r.Key, near.Start, s.upTo, s.collect)
	// Open sessions share no instant: of those that end behind the record's reach only the first can begin within it.
	// Closed ones may lie in an open one.
	var last int64
	var more bool
	if last, s.behind, more = s.store.Next(r.Key, max(later(s.upTo, 1), s.oldestOpen(s.clock.Now()))); more {
		s.collect(last, &s.behind)
	}
	joined, late := s.w.Join(r.Time, s.clock.Now(), s.spans)
	last = joined.Span.End - 1
	if late || last < s.store.Expired() {
		return dropLate
	}
	value := s.merge(r, joined)
	from := last // where the session's last instant was
	for i, old := range s.spans[joined.From:joined.To] {
		if row := s.near[joined.From+i]; s.sent != nil && row.Stamp != s.stamp {
			s.sent.Put(r.Key, old.End-1, row)
		}
		if old.End != joined.Span.End {
			s.store.Delete(r.Key, old.End-1)
		}
		from = old.End - 1
	}
	s.store.Put(r.Key, last, session[A]{value, joined.Span.Start, s.stamp})
	switch {
	case s.emission == window.EachUpdate:
		s.update(r, joined, value)
	case s.ticks != nil:
		s.ticks.changes.move(r.Key, from, last, s.owned)
		s.enter(last, r.Key)
	case s.emission == window.OnClose:
		s.enter(last, r.Key)
	}
	clear(s.near)
	return ""
}

// merge is the value of the session that r is in now. The sessions that it takes the place of keep theirs.
func (s *sessions[K, V, A]) merge(r *stream.Record[K, V], joined window.Joined) A {
	if joined.From == joined.To {
		return s.fold.Add(s.fold.init(), r.Value)
	}
	value := s.copied(s.near[joined.From].Value)
	if s.fold.Init != nil {
		value = s.fold.Merge(s.fold.Init(), value)
	}
	for _, old := range s.near[joined.From+1 : joined.To] {
		value = s.fold.Merge(value, s.copied(old.Value))
	}
	return s.fold.Add(value, r.Value)
}

// update retracts what was replaced, and sends what replaces it.
func (s *sessions[K, V, A]) update(r *stream.Record[K, V], joined window.Joined, value A) {
	for i := joined.From; i < joined.To && joined.Retract; i++ {
		g := s.windowTask
		g.rec = stream.Record[K, window.Pane[A]]{
			Key: r.Key, Value: window.Pane[A]{Span: s.spans[i], Value: s.near[i].Value, Retracted: true},
			Time: s.spans[i].End - 1, Headers: r.Headers,
		}
		if g.out(&g.rec); g.task.Failed() {
			return
		}
	}
	s.send(r, joined.Span, &part[A]{Value: value, Time: joined.Span.End - 1})
}

// close is that of the agenda. What it has sent expires to the instant: what is left is what the store has.
func (s *sessions[K, V, A]) close(to int64) bool {
	ok := s.timeline.close(to)
	if s.owes() {
		s.store.Expire(s.agenda.first())
	}
	return ok
}

// resume has the agenda begin with what the task before this one has not sent.
func (s *sessions[K, V, A]) resume() { s.agenda.upTo = max(s.store.Expired(), 0) }

// oldestOpen is a bound of last instants.
func (s *sessions[K, V, A]) oldestOpen(clock int64) int64 { return max(s.w.OldestEnd(clock)-1, 0) }

// order is that of closing: by end, then start.
func (s *sessions[K, V, A]) order(a, b window.Span) int { return window.ByEnd(a, b) }

// round sends what changed since the last commit. A session that has closed since does not change any more, and is
// still there: so no bounds.
func (s *sessions[K, V, A]) round(int64, int64) bool {
	s.store.Changed(func(k K, last int64, row *session[A], exists bool) bool {
		if exists && row.Stamp == s.stamp {
			s.changes.add(k, last)
		}
		return true
	})
	return s.roundByKey(&s.changes, 0, math.MaxInt64)
}

// changed takes rows by their last instants, which are in time order. Those that were moved since are not there.
func (s *sessions[K, V, A]) changed(k K, lasts []int64, from, to int64, yield func(window.Span, part[A])) {
	for i, last := range lasts {
		if last < from || last >= to || i > 0 && last == lasts[i-1] {
			continue
		}
		if row, ok := s.store.Get(k, last); ok && row.Stamp == s.stamp {
			yield(sessionSpan(row.First, last), part[A]{Value: row.Value, Time: last})
		}
	}
}

func (s *sessions[K, V, A]) stamped(stamp int64, yield func(k K, start int64)) {
	s.store.ScanSpan(0, math.MaxInt64, func(last int64, k K, row *session[A]) bool {
		if row.Stamp == stamp {
			yield(k, last)
		}
		return true
	})
}

// retract sends the rows of sent that lie in the span of a session, except for its own, of which it is an update.
func (s *sessions[K, V, A]) retract(k K, span window.Span) bool {
	if s.sent == nil {
		return true
	}
	s.within, s.overdue, s.overdueRows = span, s.overdue[:0], s.overdueRows[:0]
	s.sent.ScanKey(k, span.Start, span.End-1, s.collectSent)
	for i, old := range s.overdue {
		s.sent.Delete(k, old.End-1)
		if old != span && !s.retracted(k, old, s.overdueRows[i].Value, old.End-1) {
			return false
		}
	}
	clear(s.overdueRows)
	return true
}

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
	if s.backlog != nil {
		s.backlog.Spend(len(s.closing) - 1)
	}
	slices.SortStableFunc(s.closing, func(a, b closingSession[K, A]) int { return cmp.Compare(a.First, b.First) })
	for _, c := range s.closing {
		span := sessionSpan(c.First, last)
		if !s.retract(c.key, span) || !s.pane(c.key, span, c.Value, last, true) {
			return false
		}
	}
	clear(s.closing)
	return true
}

// sessionCodec writes a session as its stamp (a varint, 0 without Every), its first instant (8 bytes, big-endian) and
// its value.
type sessionCodec[A any] struct {
	value codec.Codec[A]
	every bool
}

func (c sessionCodec[A]) Append(dst []byte, s session[A]) ([]byte, error) {
	dst = appendStamp(dst, s.Stamp, c.every)
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(s.First)), s.Value)
}

func (c sessionCodec[A]) Decode(src []byte) (s session[A], err error) {
	if s.Stamp, src, err = takeStamp(src); err != nil {
		return s, err
	}
	if len(src) < 8 {
		return s, fmt.Errorf("session: %d bytes are too few", len(src))
	}
	s.First = int64(binary.BigEndian.Uint64(src))
	s.Value, err = c.value.Decode(src[8:])
	return s, err
}
