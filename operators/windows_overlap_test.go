// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// overlap is an aggregation over hopping windows that is given a turn of records with each commit.
type overlap struct {
	d                    *streamtest.Driver
	adds, merges, panes  int
	records              int
	keys                 []string
	perMilli             int
	disorder             int64 // how far times lie back, by turns
	emission             window.Emit
	aTurn, recordsOfTurn int
}

const overlapKeys = 100

func overlapping(tb testing.TB, size, advance time.Duration, emission window.Emit) *overlap {
	tb.Helper()
	o := &overlap{keys: keysOf(overlapKeys), perMilli: 100}
	fold := operators.Fold[int64, int64]{
		Add:   func(acc, v int64) int64 { o.adds++; return acc + v },
		Merge: func(a, b int64) int64 { o.merges++; return a + b },
		Codec: codec.Int64,
	}
	topo := stream.New("overlap")
	begin := stream.From(topo, numbers)
	pump := stream.NewOp(topo, "pump", "")
	type next = stream.Next[string, int64]
	in := stream.Attach(pump, begin, codec.Int64, func(_ *stream.Task, out next) next {
		return func(r *stream.Record[string, int64]) { o.turn(out, int(r.Value)) }
	})
	w := window.Hopping{Size: size, Advance: advance, Emit: emission, Grace: time.Second}
	res := operators.AggregateWindows("windowed", in, w, fold)
	operators.Peek(res.Out, func(*stream.Record[string, window.Pane[int64]]) { o.panes++ })
	o.d = streamtest.New(tb, topo, streamtest.Options{CacheBytes: math.MaxInt})
	return o
}

// turn sends n records, perMilli for each millisecond.
func (o *overlap) turn(out stream.Next[string, int64], n int) {
	rec := stream.Record[string, int64]{Value: 1}
	for range n {
		rec.Key, rec.Time = o.keys[o.records%overlapKeys], int64(1_000_000_000+o.records/o.perMilli)
		if o.disorder > 0 {
			rec.Time -= int64(o.records) * 7919 % o.disorder
		}
		o.records++
		out(&rec)
	}
}

// commit sends n records and commits.
func (o *overlap) commit(n int) { streamtest.Input(o.d, numbers).Send("go", int64(n), 0) }

// BenchmarkWindowOverlap is what overlapping windows cost that are seen once, 10 s by 100 ms beside 10 s by 10 s: both
// by turns, a commit after each 100,000 records, which are a second of event time and 1,000 of each key. The figures
// are the least of all turns.
func BenchmarkWindowOverlap(b *testing.B) {
	const perTurn = 100_000
	for name, emission := range map[string]window.Emit{"close": window.OnClose, "commit": window.PerCommit} {
		for disorder := range int64(2) {
			b.Run(fmt.Sprintf("%s/disorder=%v", name, disorder > 0), func(b *testing.B) {
				one := overlapping(b, 10*time.Second, 10*time.Second, emission)
				many := overlapping(b, 10*time.Second, 100*time.Millisecond, emission)
				one.disorder, many.disorder = 500*disorder, 500*disorder
				least := map[*overlap]float64{}
				for i := range b.N + 20 {
					for _, o := range []*overlap{one, many} {
						before := b.Elapsed()
						o.commit(perTurn)
						took := float64(b.Elapsed()-before) / perTurn
						if i >= 20 && (least[o] == 0 || took < least[o]) {
							least[o] = took
						}
					}
				}
				b.ReportMetric(least[one], "ns/one-window")
				b.ReportMetric(least[many], "ns/100-windows")
				b.ReportMetric(least[many]/least[one], "ratio")
			})
		}
	}
}

// However many windows a record is in, it is added once. What overlaps is merged: each slice at most twice, each pane
// once more.
func TestRecordsAreAddedOnceToOverlappingWindows(t *testing.T) {
	t.Parallel()
	const commits, perCommit, size, disorder = 3, 20_000, 10 * time.Second, 500 // 20 s of time in each commit
	for _, emission := range []window.Emit{window.OnClose, window.PerCommit, window.Every(time.Second)} {
		for _, advance := range []time.Duration{size, 3 * time.Second, time.Second, 100 * time.Millisecond} {
			for _, late := range []int64{0, disorder} {
				o := overlapping(t, size, advance, emission)
				o.perMilli, o.disorder = 1, late
				rounds := 1
				for range commits {
					o.commit(perCommit)
				}
				require.Equal(t, commits*perCommit, o.records)
				require.Equal(t, o.records, o.adds, "%v by %v, %v", size, advance, emission)
				if emission == window.PerCommit {
					rounds = commits
				}
				if emission.Interval() > 0 {
					continue // its panes are as many as its ticks make them
				}
				// A round reads a window before its records, and after. Slices begin where windows begin and where they end.
				time := int64(commits*perCommit/rounds) + 2*size.Milliseconds() + disorder
				slices := int(time/advance.Milliseconds()+1) * 2
				if size%advance == 0 {
					slices /= 2
				}
				require.NotZero(t, o.panes)
				require.LessOrEqual(t, o.merges, 2*rounds*overlapKeys*slices+o.panes, "%v by %v, %v", size, advance, emission)
				if advance == size {
					require.Zero(t, o.merges)
				}
			}
		}
	}
}

// The memory for merged slices is bounded. The keys that are beyond it give the same panes.
func TestManyOverlappingWindowsOfLargeValues(t *testing.T) {
	t.Parallel()
	const keys, times, size = 40, 120, 50
	join := func(a, b string) string { return a + b }
	fold := operators.Fold[string, string]{Add: join, Merge: join, Codec: codec.String}
	topo := stream.New("large")
	w := window.Hopping{Size: size * time.Millisecond, Advance: time.Millisecond, Emit: window.OnClose}
	res := operators.AggregateWindows("windowed", stream.From(topo, words), w, fold)
	panes := 0
	operators.Peek(res.Out, func(r *stream.Record[string, window.Pane[string]]) {
		first, last := max(r.Value.Span.Start, 1), min(r.Value.Span.End-1, times)
		v := r.Value.Value
		if want := largeValue(first); v[:len(want)] != want || int64(len(v)) != (last-first+1)*int64(len(want)) {
			t.Errorf("%s %v: %d bytes, %.9s…", r.Key, r.Value.Span, len(v), v)
		}
		panes++
	})
	d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 100, CacheBytes: 64 << 20})
	in := streamtest.Input(d, words)
	for at := int64(1); at <= times; at++ {
		for k := range keys {
			in.Send(fmt.Sprintf("k%02d", k), largeValue(at), at)
		}
	}
	in.Send("last", "", 10_000)
	d.Restart() // commits what is left
	require.Equal(t, keys*(times+1), panes)
}

// largeValue is some hundred bytes that tell their time.
func largeValue(at int64) string { return fmt.Sprintf("<%d %0300d", at, 0)[:300] }
