// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

func take(seed uint64, n int64) []Arrival { return slices.Collect(runner.First(n, Arrivals(seed))) }

func TestGeneratedDataIsThatOfItsSeed(t *testing.T) {
	t.Parallel()
	require.Equal(t, take(7, 2_000)[:1_000], take(7, 1_000))
	require.NotEqual(t, take(7, 10), take(8, 10))
	require.Equal(t, NewCity(7), NewCity(7))
	require.NotEqual(t, NewCity(7), NewCity(8))
}

// What the README says of the data is so: reports that come slowly, too late, twice or not at all.
func TestGeneratedDataIsLikeRealData(t *testing.T) {
	t.Parallel()
	const n = 60_000
	var newest time.Time
	labels := map[Label]int{}
	copies := 0
	seen := map[string]bool{}
	lastOf := map[string]time.Time{} // by sensor
	var slowest, silence time.Duration
	for _, a := range take(3, n) {
		id, sensor := a.Segment+a.Reading(), a.Segment+a.Sensor
		behind := newest.Sub(a.At)
		if newest.Before(a.At) {
			newest = a.At
		}
		switch {
		case seen[id]:
			copies++
			require.LessOrEqual(t, behind, RepeatWithin)
			continue
		case a.Label == Stuck:
			require.GreaterOrEqual(t, lastOf[sensor].Sub(a.At), stuckFor)
		case a.Label == Slow:
			slowest = max(slowest, behind)
			require.LessOrEqual(t, behind, LateBy)
		default:
			require.LessOrEqual(t, behind, MaxDisorder)
			if strings.HasPrefix(a.Sensor, "d") && lastOf[sensor].After(generatorStart) {
				silence = max(silence, a.At.Sub(lastOf[sensor]))
			}
			lastOf[sensor] = a.At
		}
		seen[id] = true
		labels[a.Label]++
	}
	require.InDelta(t, repeatedShare*n, copies, 0.2*repeatedShare*n)
	all := float64(labels[Prompt] + labels[Slow] + labels[Stuck])
	require.InDelta(t, slowShare, float64(labels[Slow])/all, 0.3*slowShare)
	require.InDelta(t, stuckShare, float64(labels[Stuck])/all, 0.5*stuckShare)
	require.Greater(t, slowest, LateBy*9/10)
	require.Greater(t, silence, silentLeast)
}

// Each cause is in the data of a working day: rush hours and their queues, roadworks, incidents and queues behind them.
func TestADay(t *testing.T) {
	t.Parallel()
	c := NewCity(3)
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, city) }
	for segment, most := range bottlenecks {
		empty := float64(c.Roads[segment].KmH)
		require.Greater(t, c.pace(segment, at(5, 0)), 0.9*empty)
		require.Less(t, c.pace(segment, at(8, 30)), JamBelow*empty)
		require.Greater(t, c.pace(segment, at(13, 0)), 0.7*empty)
		tail := c.behind[segment][0]
		for range most - 1 {
			tail = c.behind[tail][0]
		}
		empty = float64(c.Roads[tail].KmH)
		require.Greater(t, c.pace(tail, at(7, 32)), JamBelow*empty, "the queue has not grown yet")
		require.Less(t, c.pace(tail, at(8, 30)), JamBelow*empty)
	}
	works := roadworks[0]
	require.Less(t, c.pace(works.Segment, works.From), 0.5*c.pace(works.Segment, works.From.Add(-time.Minute)))
	usual := c.Usuals(works.Segment)
	require.Len(t, usual, 3)
	require.InDelta(t, c.pace(works.Segment, at(11, 30)), usual[1].At(at(11, 30)), 1)
	require.InDelta(t, c.pace(works.Segment, at(9, 30)), usual[0].At(at(9, 30)), 1)

	heads, queues := 0, 0
	for i := range c.Incidents(3) {
		if i.From.After(at(23, 0)) {
			break
		}
		if i.Segment == i.Head {
			heads++
		} else {
			queues++
		}
		require.GreaterOrEqual(t, i.To.Sub(i.From), incidentLeast-queueUpstream*queueGrows)
	}
	require.Greater(t, heads, 10)
	require.Greater(t, queues, heads)
}
