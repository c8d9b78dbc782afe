// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Strings show a wrong order, which numbers would not.
func TestCombinerMergesWhatTheSpansContain(t *testing.T) {
	t.Parallel()
	merges := 0
	c := Combiner[string]{Merge: func(older, newer string) string { merges++; return older + newer }}
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var times []int64
		var values []string
		for at := int64(0); at < 40; at++ {
			if rnd.IntN(3) > 0 {
				times, values = append(times, at), append(values, fmt.Sprint(at, ";"))
			}
		}
		var spans []Span
		for s := (Span{rnd.Int64N(5), rnd.Int64N(9)}); s.Start < 45; {
			s.End = max(s.Start, s.End)
			spans = append(spans, s)
			s.Start, s.End = s.Start+1+rnd.Int64N(8), s.End+rnd.Int64N(9)
		}
		if seed%5 == 0 {
			spans[len(spans)-1].End = Forever
		}
		var got, want []string
		merges = 0
		c.Panes(spans, times, values, func(s Span, v string) { got = append(got, fmt.Sprint(s, "=", v)) })
		if most := 2*len(times) + len(spans); merges > most {
			t.Fatalf("seed %d: %d merges, more than %d", seed, merges, most)
		}
		for _, s := range spans {
			var v strings.Builder
			for i, at := range times {
				if s.Contains(at) {
					v.WriteString(values[i])
				}
			}
			if v.Len() > 0 {
				want = append(want, fmt.Sprint(s, "=", v.String()))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: times %v\n got %v\nwant %v", seed, times, got, want)
		}
	}
}

func TestCombinerAllocatesNothing(t *testing.T) {
	c := Combiner[int]{Merge: func(a, b int) int { return a + b }}
	times, values := []int64{1, 2, 3, 4, 5, 6}, []int{1, 1, 1, 1, 1, 1}
	spans := []Span{{0, 3}, {1, 4}, {2, 5}, {3, 6}, {4, 7}}
	sum := 0
	add := func(_ Span, v int) { sum += v }
	if n := testing.AllocsPerRun(100, func() { c.Panes(spans, times, values, add) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// An hour that advances by a second, every second filled: the panes of one record.
func BenchmarkCombiner(b *testing.B) {
	c := Combiner[int64]{Merge: func(a, b int64) int64 { return a + b }}
	var times, values []int64
	var spans []Span
	for i := range int64(7200) {
		times, values = append(times, i), append(values, i)
	}
	for i := range int64(3600) {
		spans = append(spans, Span{i, i + 3600})
	}
	var sum int64
	yield := func(_ Span, v int64) { sum += v }
	b.ReportAllocs()
	for b.Loop() {
		c.Panes(spans, times, values, yield)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3600, "ns/pane")
}
