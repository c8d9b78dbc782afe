// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math"
	"testing"
	"time"
)

func TestWithin(t *testing.T) {
	t.Parallel()
	for before := int64(-4); before <= 6; before++ {
		for after := max(-before, -4); after <= 6; after++ {
			for grace := int64(0); grace < 3; grace++ {
				w := Within{Before: time.Duration(before) * milli, After: time.Duration(after) * milli,
					Grace: time.Duration(grace) * milli}
				if err := w.Validate(); err != nil {
					t.Fatal(err)
				}
				checkWithin(t, w, before, after, grace)
			}
		}
	}
}

func checkWithin(t *testing.T, w Within, before, after, grace int64) {
	for left := int64(0); left < 20; left++ {
		for right := int64(0); right < 30; right++ {
			want := left-before <= right && right <= left+after
			if w.Rights(left).Contains(right) != want || w.Lefts(right).Contains(left) != want {
				t.Fatalf("%+v joins %d with %d: Rights %+v, Lefts %+v", w, left, right, w.Rights(left), w.Lefts(right))
			}
			if want && right-left > after || want && left-right > before {
				t.Fatal("the oracle is wrong")
			}
		}
	}
	checkKept(t, w, before, after, grace)
	for at := int64(0); at < 20; at++ {
		for clock := int64(0); clock < 40; clock++ {
			closed := clock > at+after+grace
			if closed != (clock >= w.LeftClosesAt(at)) || closed != (at < w.OldestLeft(clock)) {
				t.Fatalf("%+v: left %d at clock %d: closes at %d, the oldest open one is %d",
					w, at, clock, w.LeftClosesAt(at), w.OldestLeft(clock))
			}
			closed = clock > at+before+grace
			if closed != (clock >= w.RightClosesAt(at)) || closed != (at < w.OldestRight(clock)) {
				t.Fatalf("%+v: right %d at clock %d: closes at %d, the oldest open one is %d",
					w, at, clock, w.RightClosesAt(at), w.OldestRight(clock))
			}
		}
	}
}

func TestWithinNearTheEndOfTime(t *testing.T) {
	t.Parallel()
	for _, w := range []Within{
		{Before: longest, After: longest, Grace: longest},
		{Before: -longest, After: longest},
		{Before: longest, After: -longest},
	} {
		if err := w.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, at := range []int64{0, 1, math.MaxInt64 - 1} {
			for _, s := range []Span{w.Rights(at), w.Lefts(at)} {
				if s.Start < 0 || s.End < 0 {
					t.Errorf("%+v at %d: %+v", w, at, s)
				}
			}
			earliest := at - ms(longest)
			if w.LeftClosesAt(at) < earliest || w.RightClosesAt(at) < earliest ||
				w.OldestLeft(at) < 0 || w.OldestRight(at) < 0 {
				t.Errorf("%+v at %d: overflow", w, at)
			}
		}
	}
}

// checkKept: a record is kept until it is closed, and until every record of the other side that it matches is.
func checkKept(t *testing.T, w Within, before, after, grace int64) {
	left, right := after+grace, before+grace
	for d := -before; d <= after; d++ { // by how much the right record is later
		left, right = max(left, d+before+grace), max(right, after+grace-d)
	}
	if w.KeptLeft() != max(left, 0) || w.KeptRight() != max(right, 0) {
		t.Fatalf("%+v: kept for %d and %d, must be %d and %d", w, w.KeptLeft(), w.KeptRight(), left, right)
	}
}
