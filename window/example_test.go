// SPDX-License-Identifier: Apache-2.0

package window_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/irmak-go/irmak/window"
)

const ms = time.Millisecond

// short writes spans as in the doc comments.
func short(spans ...window.Span) (text string) {
	for i, s := range spans {
		if i > 0 {
			text += " "
		}
		if s.End == window.Forever {
			text += fmt.Sprintf("[%d,∞)", s.Start)
		} else {
			text += fmt.Sprintf("[%d,%d)", s.Start, s.End)
		}
	}
	if text == "" {
		return "none"
	}
	return text
}

func table(w window.Aligned, times ...int64) {
	for _, t := range times {
		fmt.Printf("t=%d → %s\n", t, short(w.Spans(nil, t)...))
	}
}

func ExampleTumbling() {
	table(window.Tumbling{Size: 10 * ms}, 0, 9, 10)
	table(window.Tumbling{Size: 10 * ms, Offset: 3 * ms}, 0, 3, 12)
	// Output:
	// t=0 → [0,10)
	// t=9 → [0,10)
	// t=10 → [10,20)
	// t=0 → [0,3)
	// t=3 → [3,13)
	// t=12 → [3,13)
}

func ExampleHopping() {
	table(window.Hopping{Size: 10 * ms, Advance: 5 * ms}, 3, 7, 10)
	table(window.Hopping{Size: 10 * ms, Advance: 4 * ms}, 9, 10)
	// Output:
	// t=3 → [0,10)
	// t=7 → [0,10) [5,15)
	// t=10 → [5,15) [10,20)
	// t=9 → [0,10) [4,14) [8,18)
	// t=10 → [4,14) [8,18)
}

func ExampleHopping_Slice() {
	w := window.Hopping{Size: 10 * ms, Advance: 4 * ms}
	for t := int64(0); t < 16; t = w.Slice(t).End {
		fmt.Println(short(w.Slice(t)), "in", short(w.Spans(nil, t)...))
	}
	// Output:
	// [0,2) in [0,10)
	// [2,4) in [0,10)
	// [4,6) in [0,10) [4,14)
	// [6,8) in [0,10) [4,14)
	// [8,10) in [0,10) [4,14) [8,18)
	// [10,12) in [4,14) [8,18)
	// [12,14) in [4,14) [8,18) [12,22)
	// [14,16) in [8,18) [12,22)
}

func ExampleUnlimited() {
	table(window.Unlimited{}, 0, 99)
	table(window.Unlimited{From: time.UnixMilli(50)}, 0, 99)
	// Output:
	// t=0 → [0,∞)
	// t=99 → [0,∞)
	// t=0 → none
	// t=99 → [50,∞)
}

func ExampleSliding() {
	w := window.Sliding{Size: 10 * ms}
	var times []int64
	for _, t := range []int64{15, 20, 32} {
		fmt.Println(t, "→", short(w.Spans(nil, t, times)...))
		times = append(times, t)
	}
	// Output:
	// 15 → [5,16)
	// 20 → [10,21) [16,27)
	// 32 → [22,33)
}

// Records that have no room for a pane that ends at them share the first one.
func ExampleSliding_early() {
	w := window.Sliding{Size: 10 * ms}
	var times []int64
	for _, t := range []int64{4, 7, 12} {
		fmt.Println(t, "→", short(w.Spans(nil, t, times)...))
		times = append(times, t)
	}
	// Output:
	// 4 → [0,11)
	// 7 → [0,11) [5,16)
	// 12 → [2,13) [5,16) [8,19)
}

// A late record between two others changes the panes of both and opens one after itself.
func ExampleSliding_Changes() {
	w := window.Sliding{Size: 10 * ms, Grace: time.Minute}
	for _, c := range w.Changes(nil, 20, []int64{14, 27}) {
		fmt.Println(c.Op, short(c.Span), c.From)
	}
	// Output:
	// CopyAdd [10,21) 4
	// Create [15,26) 0
	// Add [17,28) 0
	// Copy [21,32) 17
}

func ExampleSession() {
	w := window.Session{Gap: 10 * ms, Grace: 10 * ms}
	var sessions []window.Span
	clock := int64(-1)
	for _, t := range []int64{5, 15, 26, 20, 60, 3} {
		clock = max(clock, t)
		j, late := w.Join(t, clock, sessions)
		if late {
			fmt.Println(t, "→ late")
			continue
		}
		fmt.Println(t, "→", short(j.Span), "instead of", short(sessions[j.From:j.To]...))
		rest := append([]window.Span{j.Span}, sessions[j.To:]...)
		sessions = append(sessions[:j.From], rest...)
	}
	// Output:
	// 5 → [5,6) instead of none
	// 15 → [5,16) instead of [5,6)
	// 26 → [26,27) instead of none
	// 20 → [5,27) instead of [5,16) [26,27)
	// 60 → [60,61) instead of none
	// 3 → late
}

func ExampleWithin() {
	w := window.Within{Before: 5 * ms, After: 10 * ms, Grace: 100 * ms}
	fmt.Println("a left record at 50 is joined with right ones in", short(w.Rights(50)), "until", w.LeftClosesAt(50))
	fmt.Println("a right record at 50 is joined with left ones in", short(w.Lefts(50)), "until", w.RightClosesAt(50))
	// Output:
	// a left record at 50 is joined with right ones in [45,61) until 161
	// a right record at 50 is joined with left ones in [40,56) until 156
}

// However far the clock jumps, the windows that close are a range of starts, and with data in them they are few.
func ExampleClosing() {
	w := window.Hopping{Size: 10 * ms, Advance: 5 * ms, Grace: 2 * ms}
	from, to := window.Closing(w, 14, 1_000_000)
	fmt.Println("closed: those that start from", from, "to below", to)
	fmt.Println("with data:", short(window.Containing(nil, w, []int64{5, 20, 999_995}, from, to)...))
	// Output:
	// closed: those that start from 5 to below 999990
	// with data: [5,15) [15,25) [20,30)
}

func ExampleCombiner() {
	w := window.Hopping{Size: 10 * ms, Advance: 5 * ms}
	c := window.Combiner[int]{Merge: func(older, newer int) int { return older + newer }}
	starts, sums := []int64{0, 5, 10}, []int{1, 20, 300} // the slices of a key
	c.Panes(w.Spans(nil, 7), starts, sums, func(s window.Span, sum int) { fmt.Println(short(s), sum) })
	// Output:
	// [0,10) 21
	// [5,15) 320
}

func ExampleSpan_String() {
	fmt.Println(window.Tumbling{Size: time.Minute}.Slice(1_767_366_245_250))
	// Output: [2026-01-02T15:04:00Z, 2026-01-02T15:05:00Z)
}

func ExampleCalendar() {
	days := func(w window.Calendar, times ...string) {
		for _, text := range times {
			t, err := time.Parse(time.RFC3339, text)
			if err != nil {
				panic(err)
			}
			span := w.Spans(nil, t.UnixMilli())[0]
			fmt.Println(text, "→", span, time.Duration(span.End-span.Start)*time.Millisecond)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	days(window.Calendar{Unit: window.Day, In: berlin}, "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z")
	days(window.Calendar{Unit: window.Month}, "2026-02-10T00:00:00Z")
	// Output:
	// 2026-03-28T23:30:00Z → [2026-03-28T23:00:00Z, 2026-03-29T22:00:00Z) 23h0m0s
	// 2026-03-29T22:00:00Z → [2026-03-29T22:00:00Z, 2026-03-30T22:00:00Z) 24h0m0s
	// 2026-02-10T00:00:00Z → [2026-02-01T00:00:00Z, 2026-03-01T00:00:00Z) 672h0m0s
}

func ExampleCount() {
	for _, w := range []window.Count{{Size: 3}, {Size: 3, Advance: 1}, {Size: 4, Advance: 2}, {Size: 3, Advance: 2}} {
		var full []string
		for i := range int64(7) { // the records of a key, which the table counts from 1
			if from, end := w.Filling(i); end == i+1 {
				full = append(full, fmt.Sprintf("%d to %d", from+1, end))
			}
		}
		fmt.Println(w.Size, w.Advance, "→", strings.Join(full, ", "))
	}
	// Output:
	// 3 0 → 1 to 3, 4 to 6
	// 3 1 → 1 to 1, 1 to 2, 1 to 3, 2 to 4, 3 to 5, 4 to 6, 5 to 7
	// 4 2 → 1 to 2, 1 to 4, 3 to 6
	// 3 2 → 1 to 2, 2 to 4, 4 to 6
}
