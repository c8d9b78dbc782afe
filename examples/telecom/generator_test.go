// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

func TestTheSameSeedGivesTheSame(t *testing.T) {
	t.Parallel()
	take := func(seed uint64, n int64) []Arrival { return slices.Collect(runner.First(n, Arrivals(seed))) }
	all := take(7, 5000)
	require.Len(t, all, 5000)
	require.Equal(t, all[:1000], take(7, 1000))
	require.NotEqual(t, all, take(8, 5000))
	require.Equal(t, Contracts(7), Contracts(7))
	require.NotEqual(t, Contracts(7), Contracts(8))
}

// Records come as late as is agreed, and those of each label are there.
func TestArrivalsAreAsAgreed(t *testing.T) {
	t.Parallel()
	labels, ids := map[Label]int{}, map[string]time.Time{}
	var newest, newestRelease time.Time
	dropped := 0
	for a := range runner.First(60_000, Arrivals(1)) {
		if a.Call == nil {
			dropped += int(a.Release.Drops())
			require.Less(t, newestRelease.Sub(a.Release.At), ReleaseDisorder)
			newestRelease = later(newestRelease, a.Release.At)
			continue
		}
		c := a.Call
		labels[c.Label]++
		first, again := ids[c.ID]
		if again {
			require.Equal(t, Repeated, c.Label)
			require.Less(t, newest.Sub(first), RepeatWithin)
		} else if c.Label != Belated {
			require.Less(t, newest.Sub(c.Started), MaxDisorder, "%v", c)
		}
		newest = later(newest, c.Started)
		ids[c.ID] = newest
	}
	for _, l := range []Label{Ordinary, Repeated, Belated, Roaming, ThroughSB, Courier, Operator} {
		require.NotZero(t, labels[l], l)
	}
	require.NotZero(t, dropped)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// The program takes the contracts in the order of their times.
func TestContractsAreInOrder(t *testing.T) {
	t.Parallel()
	all := Contracts(1)
	require.True(t, slices.IsSortedFunc(all, func(a, b Signed) int { return a.From.Compare(b.From) }))
	require.Less(t, all[len(all)-1].From.Sub(all[0].From), ContractHistory)
}
