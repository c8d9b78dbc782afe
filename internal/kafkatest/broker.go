// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// broker is one Kafka process, or the place of one that does not run.
//
// Owner: its Cluster, under Cluster.mu.
//
//  1. proc is nil exactly when no process is known to run; gone is closed when that process has ended.
type broker struct {
	index int
	dir   string
	ports ports
	proc  *os.Process
	gone  chan struct{}
}

func (b *broker) propertiesFile() string { return filepath.Join(b.dir, "server.properties") }
func (b *broker) dataDir() string        { return filepath.Join(b.dir, "data") }
func (b *broker) logFile() string        { return filepath.Join(b.dir, "log") }

// running says whether the process is there. One that ended by itself counts as stopped.
func (b *broker) running() bool {
	if b.proc == nil {
		return false
	}
	select {
	case <-b.gone:
		b.proc = nil
		return false
	default:
		return true
	}
}

// start starts the process; it does not wait for it to serve.
//
// The kernel sends Pdeathsig when the *thread* dies that started the child, not the process, and Go ends threads when
// it likes. So a goroutine that holds on to its thread starts the broker and stays until the broker is gone.
func (b *broker) start(j jars, jvm []string) error {
	log, err := os.OpenFile(b.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := j.command(jvm, "kafka.Kafka", b.propertiesFile())
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr = childAttributes()
	started, gone := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(gone)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("broker %d: %w", b.index, err)
	}
	b.proc, b.gone = cmd.Process, gone
	return nil
}

// waitReady returns when all of them serve and know each other, or when one has died.
func waitReady(ctx context.Context, brokers []*broker) error {
	for _, b := range brokers {
		if err := b.waitReady(ctx, len(brokers)); err != nil {
			return err
		}
	}
	return nil
}

// waitReady returns when the broker serves and knows that many brokers, itself among them, or when it has died.
func (b *broker) waitReady(ctx context.Context, brokers int) error {
	probe, err := newProbe(b.ports.client)
	if err != nil {
		return err
	}
	defer probe.Close()
	last := errors.New("not asked yet")
	for {
		if last = probe.ready(ctx, b.nodeID(), brokers); last == nil {
			return nil
		}
		select {
		case <-b.gone:
			return b.whyGone()
		case <-ctx.Done():
			return fmt.Errorf("broker %d is not ready (%w; last answer: %w); its log ends with:\n%s",
				b.index, ctx.Err(), last, b.logTail())
		case <-time.After(pollInterval):
		}
	}
}

func (b *broker) nodeID() int32 { return int32(b.index + 1) }

func (b *broker) stop() error {
	if !b.running() {
		return nil
	}
	if err := b.proc.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop broker %d: %w", b.index, err)
	}
	select {
	case <-b.gone:
		b.proc = nil
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(b.kill(), fmt.Errorf("broker %d did not stop within %v and was killed; its log ends with:\n%s",
			b.index, stopTimeout, b.logTail()))
	}
}

func (b *broker) kill() error {
	if !b.running() {
		return nil
	}
	if err := b.proc.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill broker %d: %w", b.index, err)
	}
	<-b.gone
	b.proc = nil
	return nil
}

var errPortTaken = errors.New("somebody else has taken a port")

// whyGone is the error of a broker that ended by itself. What Kafka says about a failure stands far above the end of
// its log, behind which it closes down for pages.
func (b *broker) whyGone() error {
	log, _ := os.ReadFile(b.logFile()) // without it the error says less
	lines := strings.Split(string(log), "\n")
	first := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, " ERROR ") })
	if first < 0 {
		return fmt.Errorf("broker %d ended while starting; its log ends with:\n%s", b.index, b.logTail())
	}
	cause := strings.Join(lines[first:min(first+8, len(lines))], "\n")
	err := fmt.Errorf("broker %d ended while starting; the first error in its log:\n%s", b.index, cause)
	if strings.Contains(cause, "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}

func (b *broker) logTail() string {
	f, err := os.Open(b.logFile())
	if err != nil {
		return err.Error() + "\n"
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTailLength {
		_, _ = f.Seek(-logTailLength, io.SeekEnd)
	}
	tail, _ := io.ReadAll(f)
	return string(tail)
}

// format writes each broker's empty log directory; all at once, as a JVM's start is most of it.
func (c *Cluster) format(ctx context.Context) error {
	cmds := make([]*exec.Cmd, len(c.brokers))
	outs := make([]*limitedBuffer, len(c.brokers))
	for i, b := range c.brokers {
		args := []string{"kafka.tools.StorageTool", "format", "--cluster-id=" + c.id, "--config=" + b.propertiesFile()}
		for _, user := range sortedKeys(c.opts.Users) {
			for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
				args = append(args, fmt.Sprintf("--add-scram=%s=[name=%s,password=%s]", mechanism, user, c.opts.Users[user]))
			}
		}
		cmds[i], outs[i] = c.jars.command(smallJVM, args...), &limitedBuffer{}
		cmds[i].Stdout, cmds[i].Stderr = outs[i], outs[i]
		if err := cmds[i].Start(); err != nil {
			return fmt.Errorf("format broker %d: %w", i, err)
		}
	}
	stop := context.AfterFunc(ctx, func() {
		for _, cmd := range cmds {
			_ = cmd.Process.Kill()
		}
	})
	defer stop()
	var errs []error
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("format broker %d: %w:\n%s", i, err, outs[i].tail()))
		}
	}
	return errors.Join(errs...)
}
