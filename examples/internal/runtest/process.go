// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// Patience bounds every wait: a busy machine does not reach it, a hang is found out.
const Patience = 2 * time.Minute

// Process is the program in a process of its own: the test binary, started again.
type Process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer // whole when ended is closed
	log   journal
	ended chan struct{}
	err   error // when ended is closed
}

// Launch starts the program. It does not outlive the test.
func Launch(t *testing.T, args ...string) *Process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &Process{cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), programEnv+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.log
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the log of process %d, %v:\n%s", p.cmd.Process.Pid, p.err, &p.log)
		}
	})
	return p
}

// Kill is kill -9. It returns when the process is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Exit is how the program has ended by itself: its code and what it wrote to standard output.
func (p *Process) Exit(t *testing.T) (code int, out string) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Patience):
		t.Fatalf("process %d does not end", p.cmd.Process.Pid)
	}
	return p.cmd.ProcessState.ExitCode(), p.out.String()
}

// Ended says whether the program has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Final is what the program says when it has ended by itself. It must not have failed.
func (p *Process) Final(t *testing.T) Final {
	t.Helper()
	code, out := p.Exit(t)
	require.Zero(t, code, "%s", out)
	var f Final
	require.NoError(t, json.Unmarshal([]byte(out), &f), "%s", out)
	require.True(t, f.Complete)
	require.Contains(t, []string{"ok", runner.NoOracle.Error()}, f.Check)
	return f
}

// RequireAll wants the program to end with all n records processed, and the results that the oracle wants.
func (p *Process) RequireAll(t *testing.T, n int64, who string) {
	t.Helper()
	f := p.Final(t)
	require.Equal(t, n, f.Records, who)
	require.Equal(t, "ok", f.Check, who)
}

// Await returns when it is so, and fails when the process ends before.
func (p *Process) Await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for limit := time.After(Patience); !so(); {
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

// Log is what the process has written to standard error.
func (p *Process) Log() string { return p.log.String() }

// Lines are those of the log that contain a text.
func (p *Process) Lines(text string) (found []string) {
	for line := range strings.Lines(p.Log()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

var progressLine = regexp.MustCompile(`msg=progress processed=(\d+) `)

// Progress is how much of n records all processes together have processed, from 0 to 1, as this one says: it needs
// -json and -v. Reference data does not count.
func (p *Process) Progress(n int64) float64 {
	lines := progressLine.FindAllStringSubmatch(p.Log(), -1)
	if len(lines) == 0 {
		return 0
	}
	processed, _ := strconv.ParseInt(lines[len(lines)-1][1], 10, 64) // digits
	return float64(processed) / float64(n)
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
