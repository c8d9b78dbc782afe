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
	n := "20000"
	if testing.Short() {
		n = "8000"
	}
	r := runtest.Embedded(t, "-n", n)
	var said struct{ Orders []map[string]any }
	require.NoError(t, json.Unmarshal(r.Results, &said), "%s", r.Results)
	for i, end := range Ends {
		require.Equal(t, string(end), said.Orders[i]["what"])
		require.NotZero(t, said.Orders[i]["orders"], "%s", r.Results)
	}
}

// Nothing is sold twice, no order ends twice, no money is kept or paid back twice: the books are right, although one of
// two processes is killed with -9 in the middle.
func TestKill(t *testing.T) {
	t.Parallel()
	runtest.TwoProcessesOneKilled(t, 20_000)
}
