// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

// Whatever the partitions, commits, caches and crashes, what comes out is what the reports say.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := int64(25_000), 4
	if testing.Short() {
		n, rounds = 6_000, 1
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			j, ok := runtest.Agrees(t, program(), first+i, n).(*judge)
			require.True(t, ok)
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
