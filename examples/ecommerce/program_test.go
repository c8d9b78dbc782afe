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
	n := "100000"
	if testing.Short() {
		n = "20000"
	}
	var said []map[string]any
	r := runtest.Embedded(t, "-n", n)
	require.NoError(t, json.Unmarshal(r.Results, &said))
	require.NotEmpty(t, said)
	for _, row := range said {
		require.NotZero(t, row["number"], "%v", row["what"])
	}
}

// No visit, cart, trend or recommendation is lost or there twice, although one of two processes is killed with -9.
func TestKill(t *testing.T) {
	t.Parallel()
	runtest.TwoProcessesOneKilled(t, 30_000)
}
