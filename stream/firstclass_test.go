// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// Weekends is a kind of windows as a program would write it: two days of seven, of which the clock may be late by an
// hour. What happens on other days is in none.
type Weekends struct{ Emit window.Emit }

const day = 24 * time.Hour

func (Weekends) Validate() error         { return nil }
func (Weekends) Linger() int64           { return time.Hour.Milliseconds() }
func (w Weekends) Emission() window.Emit { return w.Emit }
func (Weekends) Longest() time.Duration  { return 2 * day }

// Spans appends the weekend around t. 1970 began on a Thursday.
func (Weekends) Spans(dst []window.Span, t int64) []window.Span {
	week, begin := 7*day.Milliseconds(), 2*day.Milliseconds()
	if start := t - (t+week-begin)%week; start >= 0 && t < start+2*day.Milliseconds() {
		dst = append(dst, window.Span{Start: start, End: start + 2*day.Milliseconds()})
	}
	return dst
}

// fall has a program restart, or crash somewhere in a commit, now and then.
func fall(d *streamtest.Driver, r *rand.Rand) {
	switch r.IntN(20) {
	case 0:
		d.Restart()
	case 1:
		d.RestartEmpty()
	case 2:
		d.Rebalance()
	case 3, 4:
		d.Crash(streamtest.Step(r.IntN(streamtest.Steps)))
	}
}

// seeded runs f with random settings under a few seeds, which failures name.
func seeded(t *testing.T, f func(r *rand.Rand, opts streamtest.Options, seed uint64)) {
	t.Helper()
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	for range rounds {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		f(r, streamtest.Options{CommitEvery: 1 + r.IntN(20), CacheBytes: 200 << r.IntN(8)}, seed)
	}
}

func said[V any](records []streamtest.Record[string, V]) (all []string) {
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s %v @%d", r.Key, r.Value, r.Time))
	}
	return all
}

// A kind of windows of one's own gives the panes that its definition says, through restarts and crashes.
func TestRandomWindowsOfOnesOwn(t *testing.T) {
	t.Parallel()
	for n := range int64(30 * 24) {
		require.NoError(t, window.Check(Weekends{}, n*time.Hour.Milliseconds()))
	}
	sums := stream.Topic[string, window.Pane[int64]]{
		Name: "sums", Key: codec.String, Value: operators.PaneCodec(codec.Int64),
	}
	numbers := stream.Topic[string, int64]{Name: "in", Key: codec.String, Value: codec.Int64}
	seeded(t, func(r *rand.Rand, opts streamtest.Options, seed uint64) {
		topo := stream.New("test")
		sum := operators.Sum(func(v int64) int64 { return v })
		stream.To(operators.AggregateWindows("sum", stream.From(topo, numbers), Weekends{window.OnClose}, sum).Out, sums)
		d := streamtest.New(t, topo, opts)
		total, newest, clock := map[int64]int64{}, map[int64]int64{}, int64(0)
		var weekends []int64
		send := func(v, at int64) {
			streamtest.Input(d, numbers).Send("k", v, at)
			clock = max(clock, at)
			start := (at/day.Milliseconds()-2)/7*7 + 2 // in days
			end := (start + 2) * day.Milliseconds()
			if at < 2*day.Milliseconds() || at >= end || clock >= end+time.Hour.Milliseconds() {
				return
			}
			if _, ok := total[start]; !ok {
				weekends = append(weekends, start)
			}
			total[start] += v
			newest[start] = max(newest[start], at)
		}
		for i := range int64(200) {
			send(r.Int64N(100), max(0, i*4-r.Int64N(12))*time.Hour.Milliseconds())
			fall(d, r)
		}
		send(0, 3000*day.Milliseconds()) // a Tuesday
		slices.Sort(weekends)
		var want []string
		for _, start := range weekends {
			span := window.Span{Start: start * day.Milliseconds(), End: (start + 2) * day.Milliseconds()}
			pane := window.Pane[int64]{Span: span, Value: total[start], Final: true}
			want = append(want, fmt.Sprintf("k %v @%d", pane, newest[start]))
		}
		require.Equal(t, want, said(streamtest.Output(d, sums).Read()), "seed %d", seed)
	})
}

// An operator of one's own, with a store, timers and a clock, gives the same whatever restarts and crashes do.
func TestRandomOperatorOfOnesOwn(t *testing.T) {
	t.Parallel()
	const quiet = 20
	seeded(t, func(r *rand.Rand, opts streamtest.Options, seed uint64) {
		topo := stream.New("test")
		calm := Debounce("calm", stream.From(topo, topicOf("in")), stream.From(topo, topicOf("now")), quiet*time.Millisecond)
		stream.To(calm.Settled, topicOf("settled"))
		stream.To(calm.Replaced, topicOf("replaced"))
		d := streamtest.New(t, topo, opts)
		type entry struct {
			value string
			at    int64
		}
		last := map[string]entry{}
		var settled, replaced []string
		for i := range int64(300) {
			key, at := fmt.Sprint("k", r.IntN(8)), i*5
			if e, ok := last[key]; ok {
				replaced = append(replaced, fmt.Sprintf("%s %s @%d", key, e.value, e.at))
			}
			last[key] = entry{fmt.Sprint(i), at}
			streamtest.Input(d, topicOf("in")).Send(key, fmt.Sprint(i), at)
			for k := range 8 { // times differ, so that at most one is due
				key := fmt.Sprint("k", k)
				if e, ok := last[key]; ok && e.at+quiet <= at {
					settled = append(settled, fmt.Sprintf("%s %s @%d", key, e.value, e.at+quiet))
					delete(last, key)
				}
			}
			fall(d, r)
		}
		require.Equal(t, settled, said(streamtest.Output(d, topicOf("settled")).Read()), "seed %d", seed)
		require.Equal(t, replaced, said(streamtest.Output(d, topicOf("replaced")).Read()), "seed %d", seed)
	})
}
