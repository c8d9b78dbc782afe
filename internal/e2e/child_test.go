// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream"
)

// childArg makes this test binary a program that does the job that it reads from its standard input, until that ends.
const childArg = "run-a-job"

// job is a program with its settings, to be run here or in a process of its own.
type job struct {
	Program         string // "words", else a count of In by key into Out
	Name            string
	Brokers         []string
	In, Out         string
	Table, Last     string // of the words
	StateDir        string
	Workers         int
	Memory          int64
	Commit          time.Duration
	Checkpoint      time.Duration
	TransactionTime time.Duration
	AtLeastOnce     bool
}

func (j job) topology() *stream.Topology {
	if j.Program == "words" {
		return program(j)
	}
	return counting(j.Name, j.In, j.Out)
}

func (j job) config() stream.Config {
	c := stream.Config{
		Brokers: j.Brokers, StateDir: j.StateDir, Workers: j.Workers, Memory: j.Memory,
		CommitInterval: j.Commit, CheckpointInterval: j.Checkpoint, SessionTimeout: shortSession,
		TransactionTimeout: j.TransactionTime,
	}
	if j.AtLeastOnce {
		c.Guarantee = stream.AtLeastOnce
	}
	return c
}

// shortSession is after what silence a test's process is given up.
const shortSession = 3 * time.Second

// runJob is the other process's main.
func runJob() int {
	in := json.NewDecoder(os.Stdin)
	var j job
	if err := in.Decode(&j); err != nil {
		return 2
	}
	c := j.config()
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := context.WithCancel(context.Background())
	go func() { // the parent has closed our input, or is gone
		_, _ = io.Copy(io.Discard, io.MultiReader(in.Buffered(), os.Stdin))
		stop()
	}()
	if err := stream.Run(ctx, j.topology(), c); err != nil {
		c.Log.Error("ended", "err", err)
		return 1
	}
	return 0
}

// child is a process that does a job.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.Closer
	log *journal
}

// launch starts a process; it ends with the test.
func launch(t testing.TB, j job) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{t: t, cmd: exec.Command(self, childArg), log: &journal{}}
	c.cmd.Stderr = c.log
	in, err := c.cmd.StdinPipe()
	require.NoError(t, err)
	c.in = in
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("the log of process %d:\n%s", c.pid(), c.log.tail())
		}
	})
	require.NoError(t, json.NewEncoder(in).Encode(j))
	return c
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// await waits until the process has logged a line with all parts.
func (c *child) await(parts ...string) {
	c.t.Helper()
	await(c.t, "the other process logs "+parts[0], func() bool { return len(c.log.lines(parts...)) > 0 })
}

// kill is kill -9. A process that is gone is fine.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// end asks the process to stop, and says how it did.
func (c *child) end() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}
