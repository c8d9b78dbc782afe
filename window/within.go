// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"time"
)

// Within says which records of two streams are joined: those of the right one that lie from Before before to After
// after the left one, both ends in.
//
//	left.time - Before ≤ right.time ≤ left.time + After
//
// Either may be negative: with Before: -time.Minute, After: time.Hour the right record comes a minute later at the
// earliest. The zero value joins records of the same millisecond.
type Within struct {
	// Before is how much earlier than the left record the right one may be. Defaults to 0.
	Before time.Duration

	// After is how much later than the left record the right one may be. Defaults to 0.
	After time.Duration

	// Grace is how long, on the clock, records wait for a match beyond that. Defaults to 0.
	Grace time.Duration
}

// Validate says what is wrong with the fields.
func (w Within) Validate() error {
	var empty error
	if w.Before < 0 && w.After < -w.Before || w.After < 0 && w.Before < -w.After {
		empty = fmt.Errorf("Before is %v and After %v: no time lies from %v after the left record to %v after it",
			w.Before, w.After, -w.Before, w.After)
	}
	return invalid(w, whole("Before", w.Before), whole("After", w.After), empty, notNegative("Grace", w.Grace))
}

// Rights is where the times of the right records lie that a left record at t is joined with.
func (w Within) Rights(t int64) Span { return around(t, ms(w.Before), ms(w.After)) }

// Lefts is where the times of the left records lie that a right record at t is joined with.
func (w Within) Lefts(t int64) Span { return around(t, ms(w.After), ms(w.Before)) }

// LeftClosesAt is the first reading of the clock at which a left record at t is closed: clock > t + After + Grace.
// From then on nothing that is not late itself can match it. It may be in the past for a negative After.
func (w Within) LeftClosesAt(t int64) int64 { return closesAfter(t, ms(w.After), ms(w.Grace)) }

// RightClosesAt is the first reading of the clock at which a right record at t is closed: clock > t + Before + Grace.
func (w Within) RightClosesAt(t int64) int64 { return closesAfter(t, ms(w.Before), ms(w.Grace)) }

// OldestLeft is the earliest time of a left record that is still open at this reading of the clock: exactly those
// before it are closed and, once sent as unmatched where that is wanted, can be deleted.
func (w Within) OldestLeft(clock int64) int64 { return oldest(clock, ms(w.After), ms(w.Grace)) }

// OldestRight is the earliest time of a right record that is still open at this reading of the clock.
func (w Within) OldestRight(clock int64) int64 { return oldest(clock, ms(w.Before), ms(w.Grace)) }

// around is the instants from t-before to t+after, where either may be negative.
func around(t, before, after int64) Span {
	return between(plus(t, -before), plus(t, after))
}

// closesAfter is t + reach + grace + 1, where reach may be negative.
func closesAfter(t, reach, grace int64) int64 { return add(add(plus(t, reach), grace), 1) }

// oldest is the least t with t + reach + grace ≥ clock.
func oldest(clock, reach, grace int64) int64 { return back(clock, reach+grace) }
