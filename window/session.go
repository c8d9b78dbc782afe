// SPDX-License-Identifier: Apache-2.0

package window

import (
	"sort"
	"time"
)

// Session windows last as long as the records of a key follow each other closely: two that differ by at most Gap are
// in one session. As a span, a session with its first record at f and its last at l is [f, l+1).
//
//	Session{Gap: 10ms, Grace: 10ms}
//	t=5  → [5,6)
//	t=15 → [5,16)          5 and 15 differ by Gap
//	t=26 → [5,16) [26,27)  15 and 26 by more
//	t=20 → [5,27)          joins both
//	t=60 → [60,61)         now [5,27) is closed
//	t=3  → late
type Session struct {
	// Gap is the longest pause within a session.
	Gap time.Duration

	// Grace is how long, on the clock, a session still takes records after the pause that ended it. Defaults to 0.
	Grace time.Duration

	// Emit says when panes are sent. Defaults to EachUpdate.
	Emit Emit
}

var _ Kind = Session{}

// Validate says what is wrong with the fields.
func (w Session) Validate() error {
	return invalid(w, positive("Gap", w.Gap), notNegative("Grace", w.Grace), w.Emit.validate())
}

// Linger is Gap and Grace in milliseconds: a session is closed once clock > last instant + Gap + Grace.
func (w Session) Linger() int64 { return ms(w.Gap) + ms(w.Grace) }

// Emission is Emit.
func (w Session) Emission() Emit { return w.Emit }

// Neighbours is the span around t that overlaps exactly the sessions that a record at t belongs to.
func (w Session) Neighbours(t int64) Span { return between(t-ms(w.Gap), add(t, ms(w.Gap))) }

// Joined says what a record does to the sessions of its key.
type Joined struct {
	// Span is the session that the record is in now.
	Span Span

	// From and To are the range of the sessions that Span takes the place of, sessions[From:To]. Their values are
	// merged in this order, the record last.
	From, To int

	// Retract says that those sessions are to be retracted, before the new result. It is false when there is none,
	// and when the only one was the record's own instant, of which the new result is an update.
	Retract bool
}

// Join tells which session a record at t is in, given the key's sessions in time order (those that overlap
// Neighbours(t) suffice), and the clock after the record. It is late if even the session with the open neighbours
// merged would be closed; then Joined means nothing. Closed sessions are left alone: what was final stays so.
func (w Session) Join(t, clock int64, sessions []Span) (j Joined, late bool) {
	linger, near := w.Linger(), w.Neighbours(t)
	j.From = sort.Search(len(sessions), func(i int) bool {
		return sessions[i].End > near.Start && !sessions[i].Closed(clock, linger)
	})
	j.Span = between(t, t)
	for j.To = j.From; j.To < len(sessions) && sessions[j.To].Start < near.End; j.To++ {
		j.Span.Start = min(j.Span.Start, sessions[j.To].Start)
		j.Span.End = max(j.Span.End, sessions[j.To].End)
	}
	j.Retract = j.To > j.From && j.Span != between(t, t)
	return j, j.Span.Closed(clock, linger)
}

// OldestEnd is a bound between the closed and the open sessions at this reading of the clock: exactly those whose End
// is less are closed and can be deleted.
func (w Session) OldestEnd(clock int64) int64 {
	return back(clock, w.Linger()-1)
}

// Closing tells which sessions close when the clock moves from c0 to c1, however far: exactly those with from ≤ End <
// to. A clock that was never set is negative.
func (w Session) Closing(c0, c1 int64) (from, to int64) {
	from = w.OldestEnd(c0)
	return from, max(from, w.OldestEnd(c1))
}
