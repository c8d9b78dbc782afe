// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

func deduped(in texts) texts {
	return operators.Dedupe("seen", in, codec.String, func(v string) string { return v }, 50*time.Millisecond)
}

// What passed lies in a list of times per key and id.
func TestRandomDedupe(t *testing.T) {
	equivalent(t, scenario{
		build: piped(deduped),
		weather: func(c *climate, _ int) event {
			e := c.event()
			e.value = e.value[:1]
			return e
		},
		oracle: func(history []event) (want []string) {
			passed, clock := map[[2]string][]int64{}, int64(0)
			for _, e := range history {
				if e.nullKey {
					continue
				}
				clock = max(clock, e.at)
				id := [2]string{e.key, e.value}
				passed[id] = slices.DeleteFunc(passed[id], func(at int64) bool { return at < clock-50 })
				if !slices.ContainsFunc(passed[id], func(at int64) bool { return max(at-e.at, e.at-at) <= 50 }) {
					passed[id] = append(passed[id], e.at)
					want = append(want, line(e.key, e.value, e.at))
				}
			}
			return want
		},
	})
}

func TestDedupeMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	same := func(v string) string { return v }
	operators.Dedupe("", in, codec.String, same, time.Second)
	operators.Dedupe("negative", in, codec.String, same, -time.Second)
	operators.Dedupe("uncoded", in, nil, same, time.Second)
	err := topo.Build()
	require.ErrorContains(t, err, "it needs a name: what passed is remembered in a store called after it")
	require.ErrorContains(t, err, "duplicates are looked for within -1s; give a whole number of milliseconds")
	require.ErrorContains(t, err, "it needs a codec for the ids")
}

// The second look at an id allocates nothing.
func TestDedupeAllocatesNothing(t *testing.T) {
	var allocs float64
	topo := stream.New("test")
	in := stream.From(topo, words)
	o := stream.NewOp(topo, "pump", "")
	type next = stream.Next[string, string]
	pump := stream.Attach(o, in, codec.String, func(_ *stream.Task, out next) next {
		return func(r *text) { allocs = testing.AllocsPerRun(1000, func() { out(r) }) }
	})
	stream.To(deduped(pump), lines)
	streamtest.Input(streamtest.New(t, topo), words).Send("k", "x", 100)
	require.Zero(t, allocs)
}
