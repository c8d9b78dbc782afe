// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// steadyEverywhere says whether each of n partitions has a device that never falls silent for long. A partition without
// one has a clock that stands still for days, and forgets devices by that clock and not by that of the others.
func steadyEverywhere(devices, n int) bool {
	partitioner := kgo.StickyKeyPartitioner(nil).ForTopic("")
	found := map[int]bool{}
	for i := range devices {
		if s := newSource(i); s.steady {
			found[partitioner.Partition(&kgo.Record{Key: []byte(s.name)}, n)] = true
		}
	}
	return len(found) == n
}

func TestEachPartitionOfTheProgramHasASteadyDevice(t *testing.T) {
	t.Parallel()
	require.True(t, steadyEverywhere(fleetSize, partitions))
}

// Whatever the partitions, commits, caches and crashes, the topology says what the oracle says.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := int64(60_000), 4
	if testing.Short() {
		n, rounds = 5_000, 2
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			seed := first + i
			rng := rand.New(rand.NewPCG(seed, 0))
			devices := 8 + rng.IntN(fleetSize-8)
			opts := streamtest.Options{
				CommitEvery: 1 + rng.IntN(500), BatchRecords: 1 + rng.IntN(200), CacheBytes: 1 << (10 + rng.IntN(12)),
				CheckpointInterval: time.Duration(1+rng.IntN(20)) * time.Second, Now: time.UnixMilli(generatorStart),
			}
			for opts.Partitions == 0 || !steadyEverywhere(devices, int(opts.Partitions)) {
				opts.Partitions = 1 + rng.Int32N(partitions)
			}
			t.Logf("seed %d, %d devices, %+v", seed, devices, opts)
			in := slices.Collect(runner.First(n, Readings(seed, devices)))
			require.NoError(t, newOracle(in).check(play(t, rng, opts, in)))
		})
	}
}

// play sends types and readings and gives what was said.
func play(t *testing.T, rng *rand.Rand, opts streamtest.Options, in []Sent) map[slot][]said {
	t.Helper()
	topology := stream.New(application)
	iot(topology)
	d := streamtest.New(t, topology, opts)
	kinds, measured := streamtest.Input(d, types), streamtest.Input(d, readings)
	panes := map[string]*streamtest.Out[string, pane]{
		"minutes": streamtest.Output(d, minutes), "hours": streamtest.Output(d, hours),
	}
	lates, told := streamtest.Output(d, late), streamtest.Output(d, alarms)
	for _, name := range slices.Sorted(maps.Keys(Kinds)) {
		kinds.Send(name, Kinds[name], generatorStart)
	}
	got := map[slot][]said{}
	keep := func(output, device string, s said) {
		got[slot{output, device}] = append(got[slot{output, device}], s)
	}
	read := func() {
		for output, out := range panes {
			for _, r := range out.Read() {
				keep(output, r.Key, said{At: r.Time, Pane: r.Value})
			}
		}
		for _, r := range lates.Read() {
			keep("late", r.Key, said{At: r.Time, Number: r.Value.Number})
		}
		for _, r := range told.Read() {
			if r.Value.Kind != Unattended {
				keep(r.Value.output(), r.Key, said{At: r.Time, Alarm: r.Value})
			}
		}
	}
	for _, r := range in {
		measured.Send(r.Device, r.Reading, r.At)
		switch chance := rng.Float64(); {
		case chance < 0.001:
			d.Crash(streamtest.Step(rng.IntN(streamtest.Steps)))
		case chance < 0.0015:
			d.Restart()
		case chance < 0.002:
			d.Rebalance()
		case chance < 0.003:
			read()
		}
	}
	read()
	return got
}
