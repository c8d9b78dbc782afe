// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

func TestMain(m *testing.M) { os.Exit(runtest.Main(m, program())) }

func TestProgram(t *testing.T) {
	t.Parallel()
	n := "60000" // until the afternoon
	if testing.Short() {
		n = "25000" // until the first roadworks have begun
	}
	r := runtest.Embedded(t, "-n", n)
	var said struct{ Routes, Found []map[string]any }
	require.NoError(t, json.Unmarshal(r.Results, &said), "%s", r.Results)
	require.Len(t, said.Routes, 5)
	for _, route := range said.Routes {
		require.GreaterOrEqual(t, route["legs"], 8.0, "%s", r.Results)
	}
	for _, found := range said.Found[:5] {
		require.NotZero(t, found["number"], "%s", r.Results)
	}
}

// Whichever of two processes is killed with -9 in the middle: each mean is there once and right, and so is what follows
// from it.
func TestKill(t *testing.T) {
	t.Parallel()
	runtest.TwoProcessesOneKilled(t, 20_000)
}
