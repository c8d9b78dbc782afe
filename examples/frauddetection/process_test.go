// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait: a busy machine does not reach it, a hang is found out.
const patience = time.Minute

// process is the program in a process of its own: this test binary, started again.
type process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer // whole when ended is closed
	log   *journal
	ended chan struct{}
	err   error // when ended is closed
}

// launch starts a process. It does not outlive the test.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{cmd: exec.Command(self, args...), log: &journal{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), programEnv+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the log of process %d, %v:\n%s", p.cmd.Process.Pid, p.err, p.log)
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// final is what the process says when it has ended by itself.
func (p *process) final(t *testing.T) Final {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("process %d does not end", p.cmd.Process.Pid)
	}
	require.NoError(t, p.err)
	var f Final
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &f), "%s", &p.out)
	return f
}

// await returns when it is so, and fails when the process ends before.
func (p *process) await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for limit := time.After(patience); !so(); {
		select {
		case <-p.ended:
			require.True(t, so(), "the process has ended, and not: %s", what)
			return
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// journal is a log that is read while it is written.
type journal struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.all.String()
}

// lines are those that contain a text.
func (j *journal) lines(text string) (found []string) {
	for line := range strings.Lines(j.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
