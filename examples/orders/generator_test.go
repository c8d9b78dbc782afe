// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// take gives the first n arrivals.
func take(seed uint64, n int) []Arrival {
	out := make([]Arrival, 0, n)
	for a := range Arrivals(seed) {
		if len(out) == n {
			break
		}
		out = append(out, a)
	}
	return out
}

func TestGeneratedDataIsThatOfItsSeed(t *testing.T) {
	t.Parallel()
	require.Equal(t, take(7, 2_000)[:1_000], take(7, 1_000))
	require.NotEqual(t, take(7, 10), take(8, 10))
	require.Equal(t, Catalogue(7), Catalogue(7))
}

// What the README says of the data is so: disorder, copies, silence, customers who pay late or never.
func TestGeneratedDataIsLikeRealData(t *testing.T) {
	t.Parallel()
	const n = 60_000
	var newest, lastOrder time.Time
	var behind, silence time.Duration
	copies := 0
	seen, truths := map[string]bool{}, map[Paying]int{}
	orders, paid := map[string]Order{}, map[string]time.Time{}
	received := map[string]int64{}
	for _, a := range take(3, n) {
		id := ""
		switch {
		case a.Order != nil:
			id = a.Order.ID
			orders[id] = *a.Order
		case a.Payment != nil:
			id = a.Payment.ID
			paid[a.Payment.Order] = a.Payment.At
		default:
			require.Greater(t, a.Stock.Received, received[a.Stock.Product])
			received[a.Stock.Product] = a.Stock.Received
			continue
		}
		if seen[id] {
			copies++
			require.LessOrEqual(t, newest.Sub(a.When()), RepeatSpan/2+2*MaxDisorder)
			continue
		}
		seen[id] = true
		if a.Order != nil {
			if !lastOrder.IsZero() {
				silence = max(silence, a.Order.At.Sub(lastOrder))
			}
			lastOrder = latest(lastOrder, a.Order.At)
		}
		behind = max(behind, newest.Sub(a.When()))
		newest = latest(newest, a.When())
	}
	for id, o := range orders {
		truths[o.Truth]++
		if at, ok := paid[id]; ok {
			require.Equal(t, o.Truth == InTime, !at.After(o.Due()), "%v, paid at %v", o, at)
			require.False(t, at.Before(o.At))
		}
	}
	require.LessOrEqual(t, behind, MaxDisorder)
	require.Greater(t, behind, MaxDisorder*9/10)
	require.InDelta(t, 0.015*n, copies, 0.003*n)
	require.Greater(t, silence, 2*time.Minute)
	for truth, share := range map[Paying]float64{Never: neverPaid, TooLate: paidLate, InTime: 1 - neverPaid - paidLate} {
		require.InDelta(t, share, float64(truths[truth])/float64(len(orders)), 0.02, truth)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
