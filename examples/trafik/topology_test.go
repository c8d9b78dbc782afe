// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// history is one way in which the topology may come to process the input.
type history struct {
	streamtest.Options
	crash, move float64 // chances per record
}

func randomHistory(rng *rand.Rand) history {
	return history{
		Options: streamtest.Options{
			Partitions: 1 + rng.Int32N(12), CommitEvery: 1 + rng.IntN(500), BatchRecords: 1 + rng.IntN(200),
			CacheBytes: 1 << (10 + rng.IntN(12)), CheckpointInterval: time.Duration(1+rng.IntN(20)) * time.Second,
			Seed: rng.Uint64(),
		},
		crash: 0.002 * rng.Float64(), move: 0.001 * rng.Float64(),
	}
}

// judged reads what has come and gives it to a watcher of the judge.
func judged[V any](out *streamtest.Out[string, V], tell func(runner.Record[string, V]) string) func() {
	return func() {
		for _, r := range out.Read() {
			tell(runner.Record[string, V]{
				Partition: r.Partition, Key: r.Key, Value: r.Value, Null: r.NullValue, Time: time.UnixMilli(r.Time),
			})
		}
	}
}

// play sends a city and its reports, and gives what comes out to a judge.
func play(t *testing.T, rng *rand.Rand, h history, seed uint64, in []Arrival) *judge {
	t.Helper()
	topology := stream.New("trafik")
	trafik(topology)
	d := streamtest.New(t, topology, h.Options)
	j := newJudge(seed, int64(len(in)))
	readers := []func(){
		judged(streamtest.Output(d, speeds), j.speed), judged(streamtest.Output(d, late), j.late),
		judged(streamtest.Output(d, incidents), j.incident), judged(streamtest.Output(d, jams), j.jam),
		judged(streamtest.Output(d, trips), j.trip),
	}
	read := func() {
		for _, r := range readers {
			r()
		}
	}
	report := streamtest.Input(d, reports)
	road, usual, leg := streamtest.Input(d, roads), streamtest.Input(d, usuals), streamtest.Input(d, legs)
	for _, segment := range j.city.Segments {
		road.Send(segment, j.city.Roads[segment], mapDrawn.UnixMilli())
	}
	for _, u := range j.city.Announced() {
		usual.Send(u.Segment, u.Usual, u.From.UnixMilli())
	}
	for _, l := range j.city.Legs {
		leg.Send(l.Key, l.Leg, mapDrawn.UnixMilli())
	}
	for _, a := range in {
		report.Send(a.Segment, a.Report, a.At.UnixMilli())
		switch chance := rng.Float64(); {
		case chance < h.crash:
			d.Crash(streamtest.Step(rng.IntN(streamtest.Steps)))
		case chance < h.crash+h.move/2:
			d.Restart()
		case chance < h.crash+h.move:
			d.Rebalance()
		case chance > 0.998:
			read()
		}
	}
	read()
	return j
}

// Whatever the partitions, commits, caches and crashes, what comes out is what the reports say.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := int64(25_000), 4
	if testing.Short() {
		n, rounds = 6_000, 1
	}
	from := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			seed := from + i
			rng := rand.New(rand.NewPCG(seed, 0))
			h := randomHistory(rng)
			t.Logf("seed %d, %+v", seed, h)
			j := play(t, rng, h, seed, take(seed, n))
			require.NoError(t, j.Check())
			require.NotEmpty(t, j.got.speeds)
			require.NotEmpty(t, j.got.late)
			require.NotEmpty(t, j.got.trips)
			if !testing.Short() { // there is more than an hour of it
				require.NotEmpty(t, j.got.incidents)
				require.NotEmpty(t, j.got.jams)
			}
		})
	}
}
