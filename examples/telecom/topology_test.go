// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"testing"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

// Whatever the partitions, commits, caches and crashes, the books are those of the oracle.
func TestTopologyAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	n, rounds := int64(25_000), 5
	if testing.Short() {
		n, rounds = 6_000, 2
	}
	first := rand.Uint64()
	for i := range uint64(rounds) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			runtest.Agrees(t, program(), first+i, n)
		})
	}
}
