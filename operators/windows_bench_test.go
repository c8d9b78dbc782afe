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

var numbers = stream.Topic[string, int64]{Name: "numbers", Key: codec.String, Value: codec.Int64}

// pumped runs work inside a task: it is given the way into an aggregation over windows w, without anything around it.
// What comes out is counted.
func pumped(tb testing.TB, w window.Kind, fold operators.Fold[int64, int64],
	work func(in stream.Next[string, int64])) (panes *int) {
	tb.Helper()
	panes = new(int)
	topo := stream.New("pumped")
	begin := stream.From(topo, numbers)
	o := stream.NewOp(topo, "pump", "")
	type next = stream.Next[string, int64]
	in := stream.Attach(o, begin, codec.Int64, func(_ *stream.Task, out next) next {
		return func(*stream.Record[string, int64]) { work(out) }
	})
	res := operators.AggregateWindows("windowed", in, w, fold)
	operators.Peek(res.Out, func(*stream.Record[string, window.Pane[int64]]) { *panes++ })
	d := streamtest.New(tb, topo, streamtest.Options{CacheBytes: math.MaxInt})
	streamtest.Input(d, numbers).Send("go", 0, 0)
	return panes
}

func keysOf(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("customer-%06d", i*7919%n)
	}
	return keys
}

func itself(v int64) int64 { return v }

// withoutMerge is a sum whose windows cannot share slices.
func withoutMerge() operators.Fold[int64, int64] {
	fold := operators.Sum(itself)
	fold.Merge = nil
	return fold
}

// BenchmarkWindowAdd is one record on its way through an aggregation over windows: 100,000 keys, a record each 0.2 ms
// of event time, in order.
func BenchmarkWindowAdd(b *testing.B) {
	const manyKeys, perMilli = 100_000, 5
	keys := keysOf(manyKeys)
	sum := operators.Sum(itself)
	closing := window.Hopping{Size: time.Minute, Advance: 10 * time.Second, Emit: window.OnClose}
	for _, c := range []struct {
		name string
		w    window.Kind
		fold operators.Fold[int64, int64]
	}{
		{"tumbling-60s/each", window.Tumbling{Size: time.Minute}, sum},
		{"tumbling-60s/commit", window.Tumbling{Size: time.Minute, Emit: window.PerCommit}, sum},
		{"tumbling-60s/close", window.Tumbling{Size: time.Minute, Emit: window.OnClose}, sum},
		{"hopping-60s-10s/each/slices", window.Hopping{Size: time.Minute, Advance: 10 * time.Second}, sum},
		{"hopping-60s-10s/each/own", window.Hopping{Size: time.Minute, Advance: 10 * time.Second}, withoutMerge()},
		{"hopping-60s-10s/close/slices", closing, sum},
		{"hopping-60s-10s/close/own", closing, withoutMerge()},
		{"sliding-60s/each/slices", window.Sliding{Size: time.Minute}, sum},
		{"sliding-60s/each/own", window.Sliding{Size: time.Minute}, withoutMerge()},
		{"sliding-60s/close/slices", window.Sliding{Size: time.Minute, Emit: window.OnClose}, sum},
		{"sliding-60s/close/own", window.Sliding{Size: time.Minute, Emit: window.OnClose}, withoutMerge()},
		{"session-60s/each", window.Session{Gap: time.Minute}, sum},
		{"session-10s/close", window.Session{Gap: 10 * time.Second, Emit: window.OnClose}, sum},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			panes := pumped(b, c.w, c.fold, func(in stream.Next[string, int64]) {
				rec := stream.Record[string, int64]{Value: 1}
				i := 0
				add := func() {
					rec.Key, rec.Time = keys[i%manyKeys], int64(1_000_000_000+i/perMilli)
					i++
					in(&rec)
				}
				for range 3 * manyKeys {
					add()
				}
				b.ResetTimer()
				for range b.N {
					add()
				}
				b.StopTimer()
			})
			b.ReportMetric(float64(*panes)/float64(b.N+3*manyKeys), "panes/op")
		})
	}
}

// In steady state nothing is allocated for a record.
func TestWindowsAllocateNothing(t *testing.T) {
	for name, w := range map[string]window.Kind{
		"tumbling": window.Tumbling{Size: time.Minute},
		"hopping":  window.Hopping{Size: time.Minute, Advance: 10 * time.Second},
		"sliding":  window.Sliding{Size: 5 * time.Millisecond},
		"session":  window.Session{Gap: 5 * time.Millisecond},
	} {
		for _, fold := range []operators.Fold[int64, int64]{operators.Sum(itself), withoutMerge()} {
			if name == "session" && fold.Merge == nil {
				continue
			}
			pumped(t, w, fold, func(in stream.Next[string, int64]) {
				keys := keysOf(100)
				rec := stream.Record[string, int64]{Value: 1}
				i := 0
				add := func() {
					rec.Key, rec.Time = keys[i%len(keys)], int64(1_000_000+i/100)
					i++
					in(&rec)
				}
				for range 10_000 {
					add()
				}
				rec.Time++ // times that the store has rows for
				require.Zero(t, testing.AllocsPerRun(1000, func() { rec.Key = keys[i%len(keys)]; i++; in(&rec) }),
					"%s, merges: %v", name, fold.Merge != nil)
			})
		}
	}
}
