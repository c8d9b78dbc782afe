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
	telecom(topology)
	d := streamtest.New(t, topology, opts)
	signed, calls, released := streamtest.Input(d, contracts), streamtest.Input(d, cdrs), streamtest.Input(d, releases)
	for _, s := range Contracts(seed) {
		signed.Send(s.Subscriber, s.Contract, 0)
	}
	crash, restart := 0.001*rng.Float64(), 0.0005*rng.Float64()
	for _, a := range arrivals {
		if a.Call != nil {
			calls.Send(a.Call.Caller, *a.Call, 0)
		} else {
			released.Send(a.Release.Cell, a.Release, 0)
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
	pass(d, charges, j.once(j.got.charged))
	pass(d, unrated, j.once(j.got.charged))
	pass(d, nextDay, j.once(j.got.nextDay))
	pass(d, nextBill, j.once(j.got.nextBill))
	pass(d, days, j.day)
	pass(d, months, j.month)
	pass(d, boxes, j.box)
	pass(d, alarms, j.alarm)
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
		n, rounds = 6_000, 2
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
