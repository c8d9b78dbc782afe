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
}

// Clicks and pages come as late as is agreed, those of a visitor in order, and those of each label are there.
func TestArrivalsAreAsAgreed(t *testing.T) {
	t.Parallel()
	labels, actions, shown := map[Label]int{}, map[Action]int{}, 0
	came, latest := map[string]time.Time{}, map[string]time.Time{}
	var newest, newestPage time.Time
	for a := range runner.First(40_000, Arrivals(1)) {
		if a.Click == nil {
			shown++
			require.Less(t, newestPage.Sub(a.Page.At), PageDisorder)
			newestPage = later(newestPage, a.Page.At)
			continue
		}
		c := a.Click
		labels[c.Label]++
		actions[c.Action]++
		first, again := came[c.ID]
		switch {
		case again:
			require.Equal(t, Repeated, c.Label)
			require.Less(t, newest.Sub(first), RepeatWithin)
		case c.Label == Belated:
			require.Greater(t, newest.Sub(c.At), VisitGap+MaxDisorder)
		default:
			require.Less(t, newest.Sub(c.At), MaxDisorder, "%v", c)
			require.False(t, c.At.Before(latest[c.Visitor]), "%v", c)
			latest[c.Visitor] = c.At
			newest = later(newest, c.At)
		}
		came[c.ID] = newest
	}
	require.NotZero(t, shown)
	for _, l := range []Label{Ordinary, Repeated, Belated, Crawled} {
		require.NotZero(t, labels[l], l)
	}
	for _, a := range []Action{View, Search, Put, Buy} {
		require.NotZero(t, actions[a], a)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
