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

// play sends what arrives and enters what comes out into the books.
func play(t *testing.T, rng *rand.Rand, h history, seed uint64, in []Arrival) *Books {
	t.Helper()
	topology := stream.New("orders")
	shop(topology)
	d := streamtest.New(t, topology, h.Options)
	orders, payments := streamtest.Input(d, ordersTopic), streamtest.Input(d, paymentsTopic)
	stock := streamtest.Input(d, stockTopic)
	lines, open := streamtest.Output(d, ledger), streamtest.Output(d, openOrders)
	ended, back := streamtest.Output(d, endedOrders), streamtest.Output(d, refunds)
	books := NewBooks(Catalogue(seed), slices.Values(in))
	read := func() {
		for _, r := range lines.Read() {
			books.Moved(r.Key, r.Value)
		}
		for _, r := range open.Read() {
			if s := &r.Value; r.NullValue {
				books.Opened(r.Key, nil)
			} else {
				books.Opened(r.Key, s)
			}
		}
		for _, r := range ended.Read() {
			books.Ended(r.Value)
		}
		for _, r := range back.Read() {
			books.Refunded(r.Value)
		}
	}
	for _, row := range Catalogue(seed) {
		stock.Send(row.Product, row, row.At.UnixMilli())
	}
	for _, a := range in {
		switch {
		case a.Order != nil:
			orders.Send(a.Order.ID, *a.Order, a.Order.At.UnixMilli())
		case a.Payment != nil:
			payments.Send(a.Payment.Order, *a.Payment, a.Payment.At.UnixMilli())
		default:
			stock.Send(a.Stock.Product, *a.Stock, a.Stock.At.UnixMilli())
		}
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
	requireNothingLeft(t, d, books)
	return books
}

// requireNothingLeft wants the stores to hold what belongs to open orders, and nothing else.
func requireNothingLeft(t *testing.T, d *streamtest.Driver, books *Books) {
	t.Helper()
	holding, waiting := maps.Collect(streamtest.Store(d, held).All()), maps.Collect(streamtest.Store(d, unpaid).All())
	for id, o := range books.orders {
		if o.answer == Reserved && o.settled == "" {
			require.Contains(t, holding, id)
			delete(holding, id)
		}
		if o.ended == "" {
			require.Contains(t, waiting, id)
			delete(waiting, id)
		}
	}
	require.Empty(t, holding)
	require.Empty(t, waiting)
}

// Whatever the partitions, commits, caches and crashes, the books are right.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := 25_000, 6
	if testing.Short() {
		n, rounds = 6_000, 2
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			seed := first + i
			rng := rand.New(rand.NewPCG(seed, 0))
			h := randomHistory(rng)
			t.Logf("seed %d, %+v", seed, h)
			books := play(t, rng, h, seed, take(seed, n))
			require.Empty(t, books.Check())
			seen := map[Status]int{}
			for _, o := range books.orders {
				seen[o.ended]++
			}
			for _, end := range Ends {
				require.NotZero(t, seen[end], "no order has ended as %q", end)
			}
		})
	}
}
