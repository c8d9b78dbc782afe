// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// runs is the oracle: the sessions of a set of record times.
func runs(gap int64, times []int64) (sessions []Span) {
	for _, r := range slices.Sorted(slices.Values(times)) {
		if n := len(sessions); n > 0 && r-(sessions[n-1].End-1) <= gap {
			sessions[n-1].End = r + 1
		} else {
			sessions = append(sessions, Span{r, r + 1})
		}
	}
	return sessions
}

func TestSessionsOfRecordsInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		gap := 1 + rnd.Int64N(6)
		w := Session{Gap: time.Duration(gap) * milli, Grace: time.Hour}
		var times []int64
		var sessions []Span
		clock := int64(-1)
		for range 25 {
			at := rnd.Int64N(100)
			times, clock = append(times, at), max(clock, at)
			j, late := w.Join(at, clock, sessions)
			if late {
				t.Fatalf("seed %d: %d is late at %d", seed, at, clock)
			}
			for i, s := range sessions {
				if in := j.From <= i && i < j.To; in != s.Overlaps(w.Neighbours(at)) {
					t.Fatalf("seed %d: %+v is a neighbour of %d: %v", seed, s, at, !in)
				}
			}
			own := Span{at, at + 1}
			if want := j.To > j.From && !slices.Equal(sessions[j.From:j.To], []Span{own}); j.Retract != want {
				t.Fatalf("seed %d: %d joins %+v, Retract %v", seed, at, sessions[j.From:j.To], j.Retract)
			}
			sessions = slices.Replace(sessions, j.From, j.To, j.Span)
			if want := runs(gap, times); !slices.Equal(sessions, want) {
				t.Fatalf("seed %d, gap %d, records %v: %+v, want %+v", seed, gap, times, sessions, want)
			}
		}
	}
}

// With all rules on a small scale: a record joins the open sessions around it, and is late if the result is closed.
func TestSessionJoin(t *testing.T) {
	t.Parallel()
	const gap, grace = 3, 2
	w := Session{Gap: gap * milli, Grace: grace * milli}
	var sessions []Span
	for f := int64(0); f < 10; f++ {
		for l := f; l < 12; l++ {
			sessions = append(sessions[:0], Span{f, l + 1}, Span{l + gap + 3, l + gap + 5})
			for at := int64(0); at < 20; at++ {
				for clock := at; clock < 40; clock++ {
					first, last := at, at
					from, to := -1, -1
					for i, s := range sessions {
						open := s.End-1 >= clock-gap-grace
						if open && s.End-1 >= at-gap && s.Start <= at+gap {
							first, last = min(first, s.Start), max(last, s.End-1)
							to = i + 1
							if from < 0 {
								from = i
							}
						}
					}
					j, late := w.Join(at, clock, sessions)
					if want := last < clock-gap-grace; late != want {
						t.Fatalf("%+v, %d at clock %d: late %v", sessions, at, clock, late)
					}
					if late {
						continue
					}
					if from < 0 {
						from, to = j.From, j.From // anywhere, but empty
					}
					if j.Span != (Span{first, last + 1}) || j.From != from || j.To != to {
						t.Fatalf("%+v, %d at clock %d: %+v", sessions, at, clock, j)
					}
				}
			}
		}
	}
}

func TestSessionClosing(t *testing.T) {
	t.Parallel()
	w := Session{Gap: 3 * milli, Grace: 2 * milli}
	for c0 := int64(-1); c0 < 20; c0++ {
		for c1 := c0; c1 < 30; c1++ {
			from, to := w.Closing(c0, c1)
			for last := int64(0); last < 40; last++ {
				// closed once clock > last + Gap + Grace
				want := c1 > last+5 && c0 <= last+5
				if got := from <= last+1 && last+1 < to; got != want {
					t.Fatalf("from %d to %d closes the session that ends with %d: %v", c0, c1, last, got)
				}
				if closed := (Span{0, last + 1}).Closed(c1, w.Linger()); closed != (last+1 < w.OldestEnd(c1)) {
					t.Fatalf("at %d OldestEnd is %d, last %d closed %v", c1, w.OldestEnd(c1), last, closed)
				}
			}
		}
	}
}

func TestSessionNearTheEndOfTime(t *testing.T) {
	t.Parallel()
	for _, w := range []Session{{Gap: 5 * milli}, {Gap: longest, Grace: longest}} {
		at := int64(math.MaxInt64 - 3)
		j, late := w.Join(at, at, []Span{{at - 4, at - 2}})
		if late || j.Span != (Span{at - 4, at + 1}) || !j.Retract {
			t.Errorf("%+v: %+v, late %v", w, j, late)
		}
		w.OldestEnd(math.MinInt64)
		w.Closing(math.MinInt64, math.MaxInt64)
	}
}
