// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// play sends what arrives, with crashes and restarts on the way, and keeps the books of what comes out.
func play(t *testing.T, rng *rand.Rand, seed uint64, arrivals []Arrival) *judge {
	t.Helper()
	opts := streamtest.Options{
		Partitions: 1 + rng.Int32N(12), CommitEvery: 1 + rng.IntN(500), BatchRecords: 1 + rng.IntN(200),
		CacheBytes: 1 << (10 + rng.IntN(12)), CheckpointInterval: time.Duration(1+rng.IntN(20)) * time.Second,
		Seed: rng.Uint64(),
	}
	t.Logf("seed %d, %+v", seed, opts)
	topology := stream.New(application)
	shop(topology)
	d := streamtest.New(t, topology, opts)
	clicked, shown := streamtest.Input(d, clicks), streamtest.Input(d, pages)
	crash, restart := 0.001*rng.Float64(), 0.0005*rng.Float64()
	for _, a := range arrivals {
		if a.Click != nil {
			clicked.Send(a.Click.Visitor, *a.Click, 0)
		} else {
			shown.Send(a.Category, a.Page, 0)
		}
		switch chance := rng.Float64(); {
		case chance < crash:
			d.Crash(streamtest.Step(rng.IntN(streamtest.Steps)))
		case chance < crash+restart/2:
			d.Restart()
		case chance < crash+restart:
			d.Rebalance()
		}
	}
	j := newJudge(seed, int64(len(arrivals)))
	pass(d, visits, j.visit)
	pass(d, afterVisits, j.after)
	pass(d, leftCarts, j.cart)
	pass(d, trends, j.trend)
	pass(d, together, j.seen)
	pass(d, mails, j.mail)
	return j
}

// pass shows the judge what has come out.
func pass[V any](d *streamtest.Driver, topic stream.Topic[string, V], tell func(runner.Record[string, V]) string) {
	for _, r := range streamtest.Output(d, topic).Read() {
		tell(runner.Record[string, V]{Topic: topic.Name, Key: r.Key, Value: r.Value, Time: time.UnixMilli(r.Time)})
	}
}

// Whatever the partitions, commits, caches and crashes, the books are those of the oracle.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := int64(25_000), 5
	if testing.Short() {
		n, rounds = 20_000, 1
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			seed := first + i
			rng := rand.New(rand.NewPCG(seed, 0))
			require.NoError(t, play(t, rng, seed, slices.Collect(runner.First(n, Arrivals(seed)))).Check())
		})
	}
}
