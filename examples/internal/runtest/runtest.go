// SPDX-License-Identifier: Apache-2.0

// Package runtest is for the tests of the example programs: it runs a program as users do, in a process of its own.
//
//	func TestMain(m *testing.M) { os.Exit(runtest.Main(m, program())) }
//
//	func TestProgram(t *testing.T) {
//		t.Parallel()
//		runtest.Embedded(t, "-n", "20000")
//	}
//
//	func TestKill(t *testing.T) {
//		t.Parallel()
//		runtest.TwoProcessesOneKilled(t, 20_000)
//	}
package runtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// programEnv makes a test binary the program, with its flags.
const programEnv = "IRMAK_TEST_PROGRAM"

// Main is for TestMain, and gives the code to exit with: the test binary is the program when this package starts it,
// else it runs the tests.
func Main(m *testing.M, p runner.Program) int {
	if os.Getenv(programEnv) != "" {
		return runner.Main(p)
	}
	return kafkatest.Main(m)
}

// Final is what a program says at its end, with -json.
type Final struct {
	Records  int64           `json:"records"`
	Seconds  float64         `json:"seconds"`
	Complete bool            `json:"complete"`
	Results  json.RawMessage `json:"results"`
	Check    string          `json:"check"`
}

// Embedded runs the program on the embedded broker. It must end complete, and without differences.
func Embedded(t *testing.T, args ...string) Final {
	t.Helper()
	return Launch(t, append([]string{"-json", "-v"}, args...)...).Final(t)
}

const (
	killSeconds = 5 // without the kill, the feed takes so long
	// The kill comes when the processed part of n lies between these two.
	killEarliest, killLatest = 0.15, 0.65
)

// TwoProcessesOneKilled runs the program on a real Kafka, in two processes with directories of their own. One of them
// is killed with -9 in the middle of its work and started again on its directory: at once, or when the other has taken
// over. Both must end complete, with exactly the results that the oracle wants, and so must one more process that finds
// everything done. Which process, when and how comes from a seed that is printed. args come after the flags that the
// test gives, so they can replace them.
func TwoProcessesOneKilled(t *testing.T, n int64, args ...string) {
	t.Helper()
	brokers := strings.Join(kafkatest.Start(t, kafkatest.Options{}).Addrs(), ",")
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	victim, atOnce := rng.IntN(2), rng.IntN(2) == 0
	moment := killEarliest + (killLatest-killEarliest)*rng.Float64()
	began := time.Now()
	lap := func(what string) { t.Logf("%.1fs: %s", time.Since(began).Seconds(), what) }
	t.Logf("seed %d: process %d is killed at %.2f, and started again at once: %v", seed, victim, moment, atOnce)
	dirs := [2]string{t.TempDir(), t.TempDir()}
	start := func(i int) *Process {
		flags := []string{"-brokers", brokers, "-state-dir", dirs[i], "-n", fmt.Sprint(n),
			"-rate", fmt.Sprint(max(n/killSeconds, 1)), "-workers", "2", "-commit-interval", "40ms",
			"-checkpoint-interval", "200ms", "-session-timeout", "2s", "-json", "-v"}
		if i == 0 {
			flags = append(flags, "-instance", "first") // the group sees the kills of the two in different ways
		}
		return Launch(t, append(flags, args...)...)
	}
	running := [2]*Process{start(0), start(1)}
	running[victim].Await(t, "it works", func() bool {
		return len(running[victim].Lines("task runs")) > 0 && running[victim].Progress(n) >= moment
	})
	require.Less(t, running[victim].Progress(n), 1.0, "the work was over before the kill: give it more records")
	other := running[1-victim]
	had := len(other.Lines("task runs"))
	lap("kill")
	running[victim].Kill()
	if !atOnce {
		other.Await(t, "it takes over, or all is done", func() bool {
			return other.Ended() || len(other.Lines("task runs")) > had
		})
	}
	lap("started again")
	running[victim] = start(victim)
	for i, p := range running {
		p.RequireAll(t, n, fmt.Sprintf("process %d", i))
		lap(fmt.Sprintf("process %d has ended", i))
	}
	start(victim).RequireAll(t, n, "the process that finds everything done")
}
