// SPDX-License-Identifier: Apache-2.0

// Package e2e tests whole Runs against brokers: what is written wrongly, what breaks on the way, and what comes out all
// the same. Most tests share one real broker; those that need a fault at one precise request use franz-go's kfake.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// quickWait is how long a reader lets a broker wait for data.
const quickWait = 100 * time.Millisecond

// limit bounds every wait: so long that a busy machine does not reach it, so short that a hang is found out.
const limit = 60 * time.Second

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArg {
		os.Exit(runJob())
	}
	os.Exit(kafkatest.Main(m))
}

// app is one Run under test.
//
// Owner: the test. Run goes on in a goroutine of its own and writes err before it closes ended.
type app struct {
	t     testing.TB
	log   *journal
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// start runs topo; a state directory and a journal are given to it unless c has them. The Run ends with the test.
func start(t testing.TB, topo *stream.Topology, c stream.Config) *app {
	t.Helper()
	if c.StateDir == "" {
		c.StateDir = t.TempDir()
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	a := &app{t: t, log: &journal{}, ended: make(chan struct{})}
	c.Log = slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	go func() {
		defer close(a.ended)
		a.err = stream.Run(ctx, topo, c)
	}()
	t.Cleanup(func() {
		_ = a.end()
		if t.Failed() {
			t.Logf("the log of %s:\n%s", topo.Name(), a.log.tail())
		}
	})
	return a
}

// wait is Run's result, once it has ended by itself.
func (a *app) wait() error {
	a.t.Helper()
	select {
	case <-a.ended:
	case <-time.After(limit):
		a.t.Fatalf("the Run has not ended; its log:\n%s", a.log.tail())
	}
	return a.err
}

// end stops the Run and gives its result.
func (a *app) end() error {
	a.t.Helper()
	a.stop()
	return a.wait()
}

// alive fails the test when the Run has ended.
func (a *app) alive() {
	a.t.Helper()
	select {
	case <-a.ended:
		a.t.Fatalf("the Run has ended: %v", a.err)
	default:
	}
}

// await waits until done while the Run goes on.
func (a *app) await(what string, done func() bool) {
	a.t.Helper()
	await(a.t, what, func() bool {
		a.alive()
		return done()
	})
}

// await waits until done.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	over := time.After(limit)
	for !done() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("waited %v in vain: %s; meanwhile:\n%s", limit, what, strings.Join(goroutines(), "\n\n"))
		}
	}
}

// journal is what a Run logs.
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

// lines are those that hold all of parts.
func (j *journal) lines(parts ...string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
next:
	for line := range strings.Lines(j.all.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}

// tail is the end of the journal.
func (j *journal) tail() string {
	const longest = 24 << 10
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.all.Bytes()
	return string(b[max(0, len(b)-longest):])
}

// text is a topic of strings.
func text(name string) stream.Topic[string, string] {
	return stream.Topic[string, string]{Name: name, Key: codec.String, Value: codec.String}
}

// counts is a topic of numbers by string.
func counts(name string) stream.Topic[string, int64] {
	return stream.Topic[string, int64]{Name: name, Key: codec.String, Value: codec.Int64}
}

// requireText holds an error's text against what it must say.
func requireText(t testing.TB, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	for _, part := range parts {
		require.ErrorContains(t, err, part)
	}
	t.Log(err)
}

// numbered gives n records k0: prefix0, k1: prefix1 and so on, all of one partition.
func numbered(prefix string, n int) []record {
	records := make([]record, n)
	for i := range records {
		records[i] = record{key: fmt.Sprintf("k%d", i), value: fmt.Sprintf("%s%d", prefix, i)}
	}
	return records
}

// texts are prefix followed by first to end-1.
func texts(prefix string, first, end int) []string {
	var all []string
	for i := first; i < end; i++ {
		all = append(all, fmt.Sprint(prefix, i))
	}
	return all
}
