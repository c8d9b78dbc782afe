// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// history is one way in which the topology may come to process the payments.
type history struct {
	streamtest.Options
	crash, restart float64 // chances per payment
}

func randomHistory(rng *rand.Rand) history {
	return history{
		Options: streamtest.Options{
			Partitions: 1 + rng.Int32N(12), CommitEvery: 1 + rng.IntN(500), BatchRecords: 1 + rng.IntN(200),
			CacheBytes: 1 << (10 + rng.IntN(12)), CheckpointInterval: time.Duration(1+rng.IntN(20)) * time.Second,
		},
		crash: 0.002 * rng.Float64(), restart: 0.001 * rng.Float64(),
	}
}

// play sends profiles and payments and gives the alerts.
func play(t *testing.T, rng *rand.Rand, h history, d drawn) verdicts {
	t.Helper()
	topology := stream.New(application)
	fraud(topology)
	driver := streamtest.New(t, topology, h.Options)
	in, cards := streamtest.Input(driver, payments), streamtest.Input(driver, profiles)
	out := streamtest.Output(driver, alerts)
	for _, card := range slices.Sorted(maps.Keys(d.profiles)) {
		cards.Send(card, d.profiles[card], profileTime)
	}
	got := verdicts{}
	read := func() {
		for _, r := range out.Read() {
			require.Equal(t, r.Key, r.Value.Payment.Card)
			got.add(r.Value)
		}
	}
	for _, p := range d.payments {
		in.Send(p.Card, p, p.At)
		switch chance := rng.Float64(); {
		case chance < h.crash:
			driver.Crash(streamtest.Step(rng.IntN(streamtest.Steps)))
		case chance < h.crash+h.restart:
			driver.Restart()
		case chance > 0.999:
			driver.AdvanceWall(time.Duration(rng.IntN(5)) * time.Second)
		case chance > 0.998:
			read()
		}
	}
	read()
	return got
}

// Whatever the partitions, commits, caches and crashes, the topology's alerts are those of the oracle.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := 25_000, 8
	if testing.Short() {
		n, rounds = 5_000, 2
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			seed := first + i
			rng := rand.New(rand.NewPCG(seed, 0))
			h, d := randomHistory(rng), draw(seed, 20+rng.IntN(200), n)
			t.Logf("seed %d, %d cards, %+v", seed, len(d.profiles), h)
			require.NoError(t, differences(oracleOf(d.payments, d.profiles), play(t, rng, h, d)))
		})
	}
}

func TestTopologyOnThePublicFile(t *testing.T) {
	t.Parallel()
	payments, profiles := readFile(t, "testdata/payments-sparkov.csv")
	h := history{Options: streamtest.Options{Partitions: partitions, CommitEvery: 100}, crash: 0.01}
	got := play(t, rand.New(rand.NewPCG(1, 1)), h, drawn{payments: payments, profiles: profiles})
	require.Equal(t, golden(t), lines(got))
}
