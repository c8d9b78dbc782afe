// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

func TestReadingsDependOnNothingButTheSeed(t *testing.T) {
	t.Parallel()
	a := slices.Collect(runner.First(5_000, Readings(7, 50)))
	require.Equal(t, a, slices.Collect(runner.First(9_000, Readings(7, 50)))[:5_000])
	require.NotEqual(t, a, slices.Collect(runner.First(5_000, Readings(8, 50))))
}

// What is not from a buffer is in time for everybody; what is, is too late for everybody; copies come in time, too.
func TestDisorderOfReadings(t *testing.T) {
	t.Parallel()
	newest, all := map[string]int64{}, int64(0)
	found := map[Truth]int{}
	numbers := map[string]map[int64]bool{}
	for _, r := range slices.Collect(runner.First(200_000, Readings(1, 40))) {
		found[r.Truth]++
		newest[r.Device], all = max(newest[r.Device], r.At), max(all, r.At)
		disorder := MaxDisorder.Milliseconds()
		if r.Truth == Buffered {
			require.LessOrEqual(t, r.At+time.Minute.Milliseconds(), newest[r.Device]-disorder)
		} else {
			require.GreaterOrEqual(t, r.At, all-disorder)
		}
		if numbers[r.Device] == nil {
			numbers[r.Device] = map[int64]bool{}
		}
		require.False(t, numbers[r.Device][r.Number] && r.Truth != Copy)
		numbers[r.Device][r.Number] = true
	}
	for _, truth := range []Truth{Copy, Buffered, Return, Trouble} {
		require.Greater(t, found[truth], 20, truth)
	}
}
