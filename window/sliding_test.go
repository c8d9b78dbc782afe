// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// panesOf is the oracle: the panes of a key by their definition, with the records in them.
func panesOf(d int64, times []int64) map[Span][]int64 {
	panes := map[Span][]int64{}
	put := func(start int64) {
		s := Span{start, start + d + 1}
		for _, r := range times {
			if s.Contains(r) && !slices.Contains(panes[s], r) {
				panes[s] = append(panes[s], r)
			}
		}
	}
	for _, r := range times {
		if r >= d {
			put(r - d)
		} else {
			put(0)
		}
		put(r + 1)
	}
	return panes
}

// eachHistory calls f with all small sets of record times, as far as they lie in the span of interest.
func eachHistory(f func(d, at int64, times []int64)) {
	const limit = 9
	for d := int64(1); d <= 4; d++ {
		for set := range 1 << limit {
			var times []int64
			for r := int64(0); r < limit; r++ {
				if set>>r&1 == 1 {
					times = append(times, r)
				}
			}
			for at := int64(0); at < limit; at++ {
				f(d, at, times)
			}
		}
	}
}

func within(times []int64, s Span) (in []int64) {
	for _, r := range times {
		if s.Contains(r) {
			in = append(in, r)
		}
	}
	return in
}

func with(times []int64, t int64) []int64 {
	i, there := slices.BinarySearch(times, t)
	if there {
		return times
	}
	return slices.Insert(slices.Clone(times), i, t)
}

func sortedPanes(panes map[Span][]int64, keep func(Span) bool) (spans []Span) {
	for s := range panes {
		if keep(s) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, ByStart)
	return spans
}

func TestSlidingSpansAreThePanesThatChange(t *testing.T) {
	t.Parallel()
	eachHistory(func(d, at int64, times []int64) {
		w := Sliding{Size: time.Duration(d) * milli}
		before, after := panesOf(d, times), panesOf(d, with(times, at))
		want := sortedPanes(after, func(s Span) bool { return s.Contains(at) || before[s] == nil })
		if got := w.Spans(nil, at, within(times, w.Neighbours(at))); !slices.Equal(got, want) {
			t.Fatalf("size %d, records %v, then %d: %+v, want %+v", d, times, at, got, want)
		}
		if got := w.Spans(nil, at, times); !slices.Equal(got, want) { // more times do no harm
			t.Fatalf("size %d, all records %v, then %d: %+v, want %+v", d, times, at, got, want)
		}
	})
}

func TestSlidingPanesBetween(t *testing.T) {
	t.Parallel()
	eachHistory(func(d, from int64, times []int64) {
		w := Sliding{Size: time.Duration(d) * milli}
		to := from + 1 + int64(len(times))%4
		want := sortedPanes(panesOf(d, times), func(s Span) bool { return from <= s.Start && s.Start < to })
		needed := within(times, Span{from - 1, to + d + 1})
		if got := w.Panes(nil, from, to, needed); !slices.Equal(got, want) {
			t.Fatalf("size %d, records %v, panes from %d to %d: %+v, want %+v", d, times, from, to, got, want)
		}
		if got := w.Panes([]Span{{0, 1}}, from, to, times)[1:]; !slices.Equal(got, want) {
			t.Fatalf("size %d, all records %v, panes from %d to %d: %+v, want %+v", d, times, from, to, got, want)
		}
	})
}

// A pane that the end of time cuts short is there as others are, for the records in it.
func TestSlidingChangesAtTheEndOfTime(t *testing.T) {
	t.Parallel()
	w := Sliding{Size: 15 * milli}
	const at = Forever - 12
	changes := w.Changes(nil, at, []int64{at - 1, at})
	want := []Change{
		{Span: Span{Start: at - 15, End: at + 1}},
		{Span: Span{Start: at, End: Forever}},
	}
	if !slices.Equal(changes, want) {
		t.Fatalf("got %v, want %v", changes, want)
	}
}

// Applying changes to states per pane gives what the panes hold by definition.
func TestSlidingChanges(t *testing.T) {
	t.Parallel()
	eachHistory(func(d, at int64, times []int64) {
		w := Sliding{Size: time.Duration(d) * milli}
		panes, want := panesOf(d, times), panesOf(d, with(times, at))
		changes := w.Changes(nil, at, within(times, w.History(at)))
		if err := apply(panes, changes, d, at); err != nil {
			t.Fatalf("size %d, records %v, then %d: %v", d, times, at, err)
		}
		for s, records := range want {
			got := slices.Compact(slices.Sorted(slices.Values(panes[s])))
			if !slices.Equal(got, records) {
				t.Fatalf("size %d, records %v, then %d: %+v holds %v, want %v", d, times, at, s, got, records)
			}
		}
		if len(panes) != len(want) {
			t.Fatalf("size %d, records %v, then %d: %v, want %v", d, times, at, panes, want)
		}
	})
}

func apply(panes map[Span][]int64, changes []Change, d, at int64) error {
	var copied []int64
	if last := changes[len(changes)-1]; last.Op == Copy {
		copied = slices.Clone(panes[Span{last.From, last.From + d + 1}])
	}
	for _, c := range changes {
		old, there := panes[c.Span]
		if there != (c.Op == Add) {
			return fmt.Errorf("%v of %+v, which is there: %v", c.Op, c.Span, there)
		}
		switch c.Op {
		case Add:
			panes[c.Span] = append(slices.Clone(old), at)
		case Create:
			panes[c.Span] = []int64{at}
		case CopyAdd:
			from, there := panes[Span{c.From, c.From + d + 1}]
			if !there {
				return fmt.Errorf("%+v copied from %d, which is not there", c.Span, c.From)
			}
			panes[c.Span] = append(slices.Clone(from), at)
		case Copy:
			if copied == nil {
				return fmt.Errorf("%+v copied from %d, which is not there", c.Span, c.From)
			}
			panes[c.Span] = copied
		}
	}
	return nil
}

// Random arrivals with late ones among them, states deleted as soon as allowed, both ways of storing: what is emitted
// for an open pane is always what the pane holds by definition of all records that were not late.
func TestSlidingForgetsInTime(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		d, grace := 1+rnd.Int64N(8), rnd.Int64N(8)
		w := Sliding{Size: time.Duration(d) * milli, Grace: time.Duration(grace) * milli}
		var taken, times []int64 // all record times; those that are still kept
		panes := map[Span][]int64{}
		clock, closedTo := int64(-1), int64(0)
		for range 120 {
			at := max(0, clock+rnd.Int64N(6)-rnd.Int64N(2*d+2*grace+3))
			before := clock
			clock = max(clock, at)
			late := w.Late(at, clock, within(times, w.Neighbours(at)))
			if late != lateByDefinition(w, at, clock, taken) {
				t.Fatalf("seed %d: Late(%d, %d) of %v", seed, at, clock, times)
			}
			from, to := w.Closing(before, clock)
			closing := panesOf(d, within(taken, Span{from - d - 2, to + 2*d + 3}))
			want := sortedPanes(closing, func(s Span) bool { return from <= s.Start && s.Start < to })
			if got := w.Panes(nil, from, to, times); !slices.Equal(got, want) {
				t.Fatalf("seed %d: closing [%d,%d) of %v: %+v, want %+v", seed, from, to, times, got, want)
			}
			if from != closedTo {
				t.Fatalf("seed %d: from %d to %d closes from %d, not from %d", seed, before, clock, from, closedTo)
			}
			closedTo = to
			if late {
				continue
			}
			spans := w.Spans(nil, at, within(times, w.Neighbours(at)))
			known := Span{max(w.OldestPane(clock), w.History(at).Start), w.History(at).End}
			changes := w.Changes(nil, at, within(taken, known))
			if err := apply(panes, changes, d, at); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			taken, times = with(taken, at), with(times, at)
			open := Open(spans, clock, w.Linger())
			around := within(taken, Span{at - 2*d - 2, at + 2*d + 3})
			all := panesOf(d, around)
			for i, s := range open {
				full := all[s]
				if got := within(times, s); !slices.Equal(got, full) {
					t.Fatalf("seed %d: %+v has %v, want %v", seed, s, got, full)
				}
				got := slices.Compact(slices.Sorted(slices.Values(panes[s])))
				if c := changes[len(changes)-len(open)+i]; c.Span != s || !slices.Equal(got, full) {
					t.Fatalf("seed %d: %+v by changes has %v, want %v", seed, s, got, full)
				}
			}
			times = slices.DeleteFunc(times, func(r int64) bool { return r < w.OldestTime(clock) })
			for s := range panes {
				if s.Start < w.OldestPane(clock) {
					delete(panes, s)
				}
			}
		}
	}
}

// lateByDefinition asks each pane that there would be with the record, whether it is in it and open.
func lateByDefinition(w Sliding, at, clock int64, taken []int64) bool {
	d := w.Size.Milliseconds()
	for s := range panesOf(d, within(with(taken, at), Span{at - 2*d - 2, at + 2*d + 3})) {
		if s.Contains(at) && !s.Closed(clock, w.Linger()) {
			return false
		}
	}
	return true
}

func TestSlidingClosing(t *testing.T) {
	t.Parallel()
	w := Sliding{Size: 5 * milli, Grace: 2 * milli}
	for c0 := int64(-1); c0 < 20; c0++ {
		for c1 := c0; c1 < 30; c1++ {
			from, to := w.Closing(c0, c1)
			for start := int64(0); start < 40; start++ {
				// closed once clock > last instant + Grace
				want := c1 > start+5+2 && c0 <= start+5+2
				if got := from <= start && start < to; got != want {
					t.Fatalf("from %d to %d closes the pane at %d: %v", c0, c1, start, got)
				}
			}
		}
	}
}

func TestSlidingNearTheEndOfTime(t *testing.T) {
	t.Parallel()
	for _, w := range []Sliding{{Size: 5 * milli}, {Size: longest, Grace: longest}} {
		var times []int64
		for at := int64(math.MaxInt64 - 20); at > 0; at += 3 {
			for _, s := range w.Spans(nil, at, times) {
				if s.Start < 0 || s.End <= s.Start || !s.Contains(at) && s.Start != at+1 {
					t.Fatalf("%+v at %d: %+v", w, at, s)
				}
			}
			w.Changes(nil, at, times)
			times = append(times, at)
			if w.Late(at, at, times) || w.OldestOpen(at) > at || w.OldestTime(at) > at || w.OldestPane(at) > at {
				t.Fatalf("%+v at %d: late, or forgotten at once", w, at)
			}
		}
		w.OldestOpen(math.MinInt64)
		w.Closing(math.MinInt64, math.MaxInt64)
	}
}

func TestSlidingAllocatesNothing(t *testing.T) {
	w := Sliding{Size: 10 * milli}
	times := []int64{83, 85, 90, 95, 99, 102, 105}
	spans, changes := make([]Span, 0, 64), make([]Change, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		spans = w.Spans(spans[:0], 100, times)
		changes = w.Changes(changes[:0], 100, times)
		spans = w.Panes(spans[:0], 80, 120, times)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSlidingSpans(b *testing.B) {
	w := Sliding{Size: 100 * milli}
	var times []int64
	for r := int64(900); r < 1000; r += 10 {
		times = append(times, r)
	}
	var spans []Span
	b.ReportAllocs()
	for b.Loop() {
		spans = w.Spans(spans[:0], 1000, times)
	}
}

// The oracle itself, against panes written down by hand: those that Kafka Streams' sliding windows give for these
// records.
func TestSlidingPanesByHand(t *testing.T) {
	t.Parallel()
	got := panesOf(10, []int64{10, 15, 20, 22, 30})
	want := map[Span][]int64{
		{0, 11}:  {10},
		{5, 16}:  {10, 15},
		{10, 21}: {10, 15, 20},
		{11, 22}: {15, 20},
		{12, 23}: {15, 20, 22},
		{16, 27}: {20, 22},
		{20, 31}: {20, 22, 30},
		{21, 32}: {22, 30},
		{23, 34}: {30},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
