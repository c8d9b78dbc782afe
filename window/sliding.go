// SPDX-License-Identifier: Apache-2.0

package window

import (
	"slices"
	"sort"
	"time"
)

// Sliding windows move with the records: two records of a key share a pane if and only if their times differ by at
// most Size. With D as Size in milliseconds, the panes of a key are
//
//   - [r-D, r], both ends in, for each record time r ≥ D: the pane that ends at the record;
//   - [r+1, r+1+D] for each record time r, if a record lies in it: the pane that begins after the record;
//   - [0, D] if there are records before D, which have no room for a pane that ends at them.
//
// As spans, whose end is exclusive, they are one millisecond longer than Size. A record updates all panes that it
// lies in. Besides, the pane that begins after it may come into being, which holds later records only.
//
//	Sliding{Size: 10ms}, records at 15, 20, 32:
//	15 → [5,16)
//	20 → [10,21) new, with both; [16,27) new, the one that begins after 15
//	32 → [22,33) new. Nothing begins after 20: a pane [21,32) would be empty.
//
// A record is late once all panes that it lies in are closed, those that are there and the one that ends at it; it is
// then in none that come to be later either.
type Sliding struct {
	// Size is the greatest difference of the times of two records that belong together.
	Size time.Duration

	// Grace is how long, on the clock, a pane still takes records after its last instant. Defaults to 0.
	Grace time.Duration

	// Emit says when panes are sent. Defaults to EachUpdate.
	Emit Emit
}

var _ Kind = Sliding{}

// Validate says what is wrong with the fields.
func (w Sliding) Validate() error {
	return invalid(w, positive("Size", w.Size), notNegative("Grace", w.Grace), w.Emit.validate())
}

// Linger is Grace in milliseconds: a pane is closed once clock > last instant + Grace.
func (w Sliding) Linger() int64 { return ms(w.Grace) }

// Emission is Emit.
func (w Sliding) Emission() Emit { return w.Emit }

// Late tells whether a record of the key at t is late: whether the panes that it lies in are closed, the one that ends
// at it and those that are there because of the records around it. times are the times of these records, as for
// [Sliding.Spans]; where the pane that ends at t is open, none are needed.
func (w Sliding) Late(t, clock int64, times []int64) bool {
	open, d := w.OldestOpen(clock), ms(w.Size)
	if t < open || t-d >= open || open == 0 {
		return t < open
	}
	// The panes between open and t begin after a record or end at one.
	after, _ := slices.BinarySearch(times, open-1)
	ending, _ := slices.BinarySearch(times, add(open, d))
	return (after == len(times) || times[after] >= t) && (ending == len(times) || times[ending]-d > t)
}

// Neighbours is where the record times lie that [Sliding.Spans] needs for a record at t. What lies in it is also
// enough to combine the values of those spans from.
func (w Sliding) Neighbours(t int64) Span {
	d := ms(w.Size)
	return between(t-d, add(t, d+1))
}

// Spans appends, by ascending start, the panes whose value changes or comes into being when a record of the key
// arrives at t. times are the times of the key's earlier records in Neighbours(t), distinct and ascending; t itself
// may be among them. The last one may begin at t+1: it does not hold the record, but exists because of it.
func (w Sliding) Spans(dst []Span, t int64, times []int64) []Span {
	d := ms(w.Size)
	from := instant(t - d)
	dst = append(dst, w.pane(from))

	// Panes that begin in (from, t] do so after a record in [t-d, t) or end at a record in (t, t+d]; both ascend.
	after, _ := slices.BinarySearch(times, from)
	ending, present := slices.BinarySearch(times, t)
	mid := ending
	if present {
		ending++
	}
	for {
		start := Forever
		if after < mid {
			start = times[after] + 1
		}
		if ending < len(times) && times[ending]-d <= t {
			start = min(start, times[ending]-d)
		}
		if start == Forever {
			break
		}
		if start > from { // from stands there already
			dst = append(dst, w.pane(start))
		}
		if after < mid && times[after]+1 == start {
			after++
		}
		if ending < len(times) && times[ending]-d == start {
			ending++
		}
	}
	if w.opensAfter(t, times) {
		dst = append(dst, w.pane(t+1))
	}
	return dst
}

// opensAfter tells whether the pane [t+1, t+1+Size] comes into being with a record at t.
func (w Sliding) opensAfter(t int64, times []int64) bool {
	next, present := slices.BinarySearch(times, t)
	if present || next == len(times) {
		return false
	}
	// With a record at its very end the pane was there before.
	last := add(t, ms(w.Size)+1)
	_, there := slices.BinarySearch(times[next:], last)
	return times[next] < last && !there
}

// Panes appends, by ascending start, the panes of a key with from ≤ Start < to. times are the times of its records
// from from-1 to to+Size, both included, distinct and ascending; more do no harm.
func (w Sliding) Panes(dst []Span, from, to int64, times []int64) []Span {
	d := ms(w.Size)
	early := from <= 0 && to > 0 && len(times) > 0 && times[0] < d
	if early {
		dst = append(dst, w.pane(0))
	}
	i := sort.Search(len(times), func(i int) bool { return times[i]+1 >= from })
	j := sort.Search(len(times), func(j int) bool { return times[j]-d >= instant(from) })
	for i < len(times) || j < len(times) {
		start := Forever
		if i < len(times) {
			start = times[i] + 1
		}
		if j < len(times) {
			start = min(start, times[j]-d)
		}
		if start >= to {
			break
		}
		ends := j < len(times) && times[j]-d == start
		if ends {
			j++
		}
		if i < len(times) && times[i]+1 == start {
			i++
			if !ends && (i == len(times) || times[i]-start > d) {
				continue // nothing in it
			}
		}
		if start > 0 || !early {
			dst = append(dst, w.pane(start))
		}
	}
	return dst
}

// OldestOpen is a bound between the closed and the open panes at this reading of the clock: exactly those that start
// before it are closed.
func (w Sliding) OldestOpen(clock int64) int64 {
	return back(clock, w.Linger()+ms(w.Size))
}

// OldestTime is the earliest record time that can still matter at this reading of the clock: for the value of an open
// pane, or for where one begins. States per record time before it can be deleted.
func (w Sliding) OldestTime(clock int64) int64 { return instant(w.OldestOpen(clock) - 1) }

// Closing tells which panes close when the clock moves from c0 to c1, however far: exactly those with from ≤ Start <
// to. A clock that was never set is negative.
func (w Sliding) Closing(c0, c1 int64) (from, to int64) {
	from = w.OldestOpen(c0)
	return from, max(from, w.OldestOpen(c1))
}

// pane is the span of the pane that begins at start.
func (w Sliding) pane(start int64) Span {
	return Span{Start: start, End: add(start, ms(w.Size)+1)}
}
