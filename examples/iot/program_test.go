// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"testing"

	"github.com/irmak-go/irmak/examples/internal/runtest"
)

func TestMain(m *testing.M) { os.Exit(runtest.Main(m, program())) }

func TestProgram(t *testing.T) {
	t.Parallel()
	n := "20000"
	if testing.Short() {
		n = "5000"
	}
	runtest.Embedded(t, "-n", n)
}

// No reading is lost or counted twice, and no alarm either, although one of two processes is killed with -9.
func TestKill(t *testing.T) {
	t.Parallel()
	runtest.TwoProcessesOneKilled(t, 20_000, "-rate", "2000")
}
