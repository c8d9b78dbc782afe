// SPDX-License-Identifier: Apache-2.0

package window

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const (
	milli   = time.Millisecond
	longest = math.MaxInt64 / milli * milli // the longest duration of whole milliseconds
)

// grid is the oracle for tumbling and hopping windows: all of them, up to limit, by their definition.
func grid(size, advance, offset, limit int64) (all []Span) {
	cut := Span{Start: -1} // the last one that begins before 0
	for start := int64(-200); start < limit; start++ {
		switch {
		case mod(start-offset, advance) != 0:
		case start >= 0:
			all = append(all, Span{start, start + size})
		case mod(offset, advance) != 0:
			cut = Span{0, start + size}
		}
	}
	if cut.Start == 0 {
		all = append([]Span{cut}, all...)
	}
	return all
}

func having(all []Span, t int64) (found []Span) {
	for _, s := range all {
		if s.Contains(t) {
			found = append(found, s)
		}
	}
	return found
}

// eachGrid calls f with all small grids.
func eachGrid(f func(w Sliced, all []Span)) {
	for size := int64(1); size <= 9; size++ {
		for offset := -size; offset <= size+1; offset++ {
			for advance := int64(1); advance <= size; advance++ {
				w := Hopping{Size: time.Duration(size) * milli, Advance: time.Duration(advance) * milli,
					Offset: time.Duration(offset) * milli, Grace: time.Duration(size%3) * milli}
				f(w, grid(size, advance, offset, 100))
			}
			w := Tumbling{Size: time.Duration(size) * milli, Offset: time.Duration(offset) * milli, Grace: 2 * milli}
			f(w, grid(size, size, offset, 100))
		}
	}
}

func TestAlignedSpansAreThoseOfTheGrid(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, all []Span) {
		for at := int64(0); at < 40; at++ {
			if got, want := w.Spans(nil, at), having(all, at); !slices.Equal(got, want) {
				t.Fatalf("%+v at %d: %+v, want %+v", w, at, got, want)
			}
			if len(w.Spans(nil, at)) == 0 {
				t.Fatalf("%+v: no window at %d", w, at)
			}
			if err := Check(w, at); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSlicesAreFew(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, all []Span) {
		perAdvance := 1
		advance := int64(0)
		switch w := w.(type) {
		case Tumbling:
			advance = ms(w.Size)
		case Hopping:
			advance = ms(w.Advance)
			if w.Size%w.Advance != 0 {
				perAdvance = 2
			}
		}
		seen := 0
		for at := 10 * advance; at < 20*advance; at++ {
			if s := w.Slice(at); s.Start == at {
				seen++
			}
		}
		if seen != 10*perAdvance {
			t.Fatalf("%+v: %d slices to 10 advances", w, seen)
		}
	})
}

func TestAlignedClosing(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, all []Span) {
		for c0 := int64(-1); c0 < 30; c0 += 3 {
			for c1 := c0; c1 < 40; c1++ {
				from, to := Closing(w, c0, c1)
				for _, s := range all {
					want := s.Closed(c1, w.Linger()) && !s.Closed(c0, w.Linger())
					if got := from <= s.Start && s.Start < to; got != want {
						t.Fatalf("%+v from %d to %d closes %+v: %v", w, c0, c1, s, got)
					}
				}
			}
		}
	})
}

// A slice that is no longer kept is in no open window.
func TestSlicesAreKeptAsLongAsNeeded(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, all []Span) {
		for clock := int64(0); clock < 40; clock++ {
			oldest := OldestOpen(w, clock)
			for at := int64(0); at < 40; at++ {
				slice := w.Slice(at)
				open := Open(w.Spans(nil, at), clock, w.Linger())
				if (slice.Start >= oldest) != (len(open) > 0) {
					t.Fatalf("%+v at clock %d: oldest %d, slice %+v is in %+v", w, clock, oldest, slice, open)
				}
			}
		}
	})
}

func TestEdgesAreTheFirstAndTheLastSpan(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, _ []Span) {
		for at := range int64(40) {
			spans := w.Spans(nil, at)
			oldest, newest, ok := Edges(w, at)
			if !ok || oldest != spans[0] || newest != spans[len(spans)-1] {
				t.Fatalf("%+v at %d: %+v and %+v of %+v", w, at, oldest, newest, spans)
			}
		}
	})
	from := Unlimited{From: time.UnixMilli(10)}
	if _, _, ok := Edges(from, 9); ok {
		t.Error("there is a window before From")
	}
}

func TestOpenCutsOffWhatIsClosed(t *testing.T) {
	t.Parallel()
	eachGrid(func(w Sliced, all []Span) {
		for at := int64(0); at < 20; at++ {
			for clock := at; clock < 40; clock++ {
				var want []Span
				for _, s := range w.Spans(nil, at) {
					if clock < s.End+w.Linger() {
						want = append(want, s)
					}
				}
				if got := Open(w.Spans(nil, at), clock, w.Linger()); !slices.Equal(got, want) {
					t.Fatalf("%+v at %d, clock %d: %+v, want %+v", w, at, clock, got, want)
				}
			}
		}
	})
}

func TestContaining(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	eachGrid(func(w Sliced, all []Span) {
		for range 20 {
			var times []int64
			for at := int64(0); at < 40; at++ {
				if rnd.IntN(6) == 0 {
					times = append(times, at)
				}
			}
			from := rnd.Int64N(30)
			to := from + rnd.Int64N(20)
			want := []Span{{-7, -7}} // what was in dst stays
			for _, s := range all {
				if s.Start >= from && s.Start < to && slices.ContainsFunc(times, s.Contains) {
					want = append(want, s)
				}
			}
			if got := Containing([]Span{{-7, -7}}, w, times, from, to); !slices.Equal(got, want) {
				t.Fatalf("%+v [%d,%d) of %v: %+v, want %+v", w, from, to, times, got, want)
			}
		}
	})
}

func TestAlignedNearTheEndOfTime(t *testing.T) {
	t.Parallel()
	for _, w := range []Aligned{
		Tumbling{Size: 10 * milli, Offset: 3 * milli, Grace: time.Hour},
		Hopping{Size: 10 * milli, Advance: 3 * milli, Offset: 1 * milli},
		Hopping{Size: 10 * milli, Advance: 5 * milli, Grace: time.Second},
		Tumbling{Size: longest},
		Hopping{Size: longest, Advance: longest / 2 / milli * milli, Grace: longest},
		Unlimited{},
	} {
		for at := int64(math.MaxInt64 - 100); at < math.MaxInt64; at++ {
			if err := Check(w, at); err != nil {
				t.Fatal(err)
			}
			oldest := OldestOpen(w, at)
			for _, s := range w.Spans(nil, at) {
				if s.Closed(at, w.Linger()) || s.Start < oldest {
					t.Fatalf("%+v: %v is closed at %d, or %d > Start", w, s, at, oldest)
				}
			}
		}
		OldestOpen(w, math.MinInt64)
		w.Spans(nil, math.MaxInt64)
		if from, to := Closing(w, math.MinInt64, math.MaxInt64); from != 0 || to < 0 {
			t.Errorf("%+v: Closing from %d to %d", w, from, to)
		}
	}
}

func TestUnlimited(t *testing.T) {
	t.Parallel()
	w := Unlimited{From: time.UnixMilli(50)}
	if got := w.Spans(nil, 49); len(got) != 0 {
		t.Errorf("before From: %v", got)
	}
	if got := w.Spans(nil, 50); !slices.Equal(got, []Span{{50, Forever}}) {
		t.Errorf("at From: %v", got)
	}
	if got := (Unlimited{From: time.UnixMilli(-50)}).Spans(nil, 0); !slices.Equal(got, []Span{{0, Forever}}) {
		t.Errorf("From before 1970: %v", got)
	}
	if from, to := Closing(w, -1, math.MaxInt64); from <= 50 && 50 < to {
		t.Errorf("closes: %d %d", from, to)
	}
}

// days is a kind of window as a program may write it: calendar days somewhere, 23 to 25 hours long.
type days struct{ in *time.Location }

func (w days) Validate() error { return nil }
func (w days) Linger() int64   { return 60_000 }
func (w days) Emission() Emit  { return OnClose }

func (w days) Spans(dst []Span, t int64) []Span {
	y, m, d := time.UnixMilli(t).In(w.in).Date()
	start, end := time.Date(y, m, d, 0, 0, 0, 0, w.in), time.Date(y, m, d+1, 0, 0, 0, 0, w.in)
	return append(dst, Span{max(start.UnixMilli(), 0), end.UnixMilli()})
}

func TestOwnKindOfWindow(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	w := days{berlin}
	hours := map[int64]int{}
	clock, oldest := int64(-1), int64(0)
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, berlin); at.Year() == 2026; at = at.Add(time.Hour) {
		if err := Check(w, at.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		s := w.Spans(nil, at.UnixMilli())[0]
		if s.Start == at.UnixMilli() {
			hours[s.Len()/3_600_000]++
		}
		from, to := Closing(w, clock, at.UnixMilli())
		if from != oldest || to != OldestOpen(w, at.UnixMilli()) {
			t.Fatalf("%v: closing from %d to %d, not from %d", at, from, to, oldest)
		}
		clock, oldest = at.UnixMilli(), to
	}
	if hours[23] != 1 || hours[25] != 1 || hours[24] != 363 {
		t.Errorf("days by their hours: %v", hours)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, w := range []Aligned{
		broken{spans: func(t int64) []Span { return []Span{{t + 1, t + 2}} }},
		broken{spans: func(t int64) []Span { return []Span{{-1, t + 2}} }},
		broken{spans: func(t int64) []Span { return []Span{{t, t + 5}, {t - 1, t + 5}} }},
		broken{spans: func(t int64) []Span { return []Span{{t - 1, t + 5}, {t, t + 4}} }},
		broken{spans: func(t int64) []Span { return []Span{{t, t + 5}} }},
	} {
		if Check(w, 10) == nil {
			t.Errorf("Check finds nothing wrong with %+v", w.Spans(nil, 10))
		}
	}
}

type broken struct {
	Tumbling
	spans func(t int64) []Span
}

func (w broken) Validate() error                  { return nil }
func (w broken) Spans(dst []Span, t int64) []Span { return append(dst, w.spans(t)...) }

func FuzzAligned(f *testing.F) {
	f.Add(int64(10), int64(3), int64(1), int64(5), int64(77), int64(99))
	f.Add(int64(math.MaxInt64), int64(1)<<40, int64(-1), int64(0), int64(math.MaxInt64-1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, size, advance, offset, grace, at, clock int64) {
		round := func(d int64) time.Duration { return time.Duration(d / 1e6 * 1e6) }
		w := Hopping{Size: round(size), Advance: round(advance), Offset: round(offset), Grace: round(grace)}
		if at < 0 || at == math.MaxInt64 || w.Validate() != nil || w.Size/w.Advance > 1000 {
			return
		}
		if err := Check(w, at); err != nil {
			t.Fatal(err)
		}
		spans := w.Spans(nil, at)
		if len(spans) == 0 {
			t.Fatalf("%+v: no window at %d", w, at)
		}
		oldest := OldestOpen(w, clock)
		for _, s := range spans {
			if closed := s.Closed(clock, w.Linger()); clock >= 0 && closed != (s.Start < oldest) {
				t.Fatalf("%+v: clock %d, %+v closed: %v, oldest open %d", w, clock, s, closed, oldest)
			}
		}
	})
}
