// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/irmak-go/irmak/stream"
)

// The guarantees that a program can be asked for.
const (
	ExactlyOnce = "exactly-once"
	AtLeastOnce = "at-least-once"
)

// Defaults of the flags. The session is shorter than the library's own: whoever tries out what happens when a process
// is killed should not have to wait. It is the shortest that a broker takes, unless it is told otherwise.
const (
	defaultCommit     = 100 * time.Millisecond
	defaultCheckpoint = 10 * time.Second
	defaultSession    = 6 * time.Second
)

// Flags are what all examples can be told.
type Flags struct {
	Brokers   string  // comma-separated addresses; empty: the embedded broker
	N         int64   // how many records to feed
	Rate      float64 // records per second, 0: as fast as possible
	Seed      uint64  // of generated data
	StateDir  string  // empty: a temporary one
	Instance  string  // of a static membership; empty: none
	Guarantee string  // ExactlyOnce or AtLeastOnce
	Workers   int
	JSON      bool   // one JSON line at the end, and nothing else on standard output
	Verbose   bool   // tell what the engine does
	Profile   string // file for a CPU profile; empty: none

	CommitInterval     time.Duration
	CheckpointInterval time.Duration
	SessionTimeout     time.Duration
}

// register adds the flags to a set, with n as the default number of records.
func (f *Flags) register(set *flag.FlagSet, n int64) {
	set.StringVar(&f.Brokers, "brokers", "", "addresses of Kafka brokers, comma-separated; "+
		"empty: an embedded broker, nothing to install")
	set.Int64Var(&f.N, "n", n, "how many records to feed; 0: without end")
	set.Float64Var(&f.Rate, "rate", 0, "records to feed per second; 0: as fast as they are taken")
	set.Uint64Var(&f.Seed, "seed", 1, "seed of the generated data")
	set.StringVar(&f.StateDir, "state-dir", "", "directory for state (and the embedded broker's data) that outlives "+
		"the program; empty: a temporary one")
	set.StringVar(&f.Instance, "instance", "", "a name of this process among those on the same brokers: when it is "+
		"started again soon, it takes its place back and nobody else gets its work; empty: none")
	set.StringVar(&f.Guarantee, "guarantee", ExactlyOnce, ExactlyOnce+" or "+AtLeastOnce)
	set.IntVar(&f.Workers, "workers", runtime.GOMAXPROCS(0), "goroutines that process")
	set.BoolVar(&f.JSON, "json", false, "print one line of JSON at the end and nothing else")
	set.BoolVar(&f.Verbose, "v", false, "say on standard error what the engine does")
	set.StringVar(&f.Profile, "cpuprofile", "", "file to write a profile of the CPU to, for go tool pprof; empty: none")
	set.DurationVar(&f.CommitInterval, "commit-interval", defaultCommit, "how long results may wait before others see "+
		"them, and how much work a crash repeats")
	set.DurationVar(&f.CheckpointInterval, "checkpoint-interval", defaultCheckpoint, "how much of the changelog a "+
		"restart after a crash replays")
	set.DurationVar(&f.SessionTimeout, "session-timeout", defaultSession, "after what silence the work of a process "+
		"is given to the others")
}

// check says what is wrong with the values.
func (f *Flags) check() error {
	switch {
	case f.N < 0:
		return fmt.Errorf("-n %d: want 0 or more", f.N)
	case f.Rate < 0:
		return fmt.Errorf("-rate %g: want 0 or more", f.Rate)
	case f.Workers < 1:
		return fmt.Errorf("-workers %d: want at least 1", f.Workers)
	case f.CommitInterval <= 0 || f.CheckpointInterval <= 0 || f.SessionTimeout <= 0:
		return errors.New("-commit-interval, -checkpoint-interval and -session-timeout: want more than 0")
	case f.Guarantee != ExactlyOnce && f.Guarantee != AtLeastOnce:
		return fmt.Errorf("-guarantee %q: want %s or %s", f.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	return nil
}

// addrs are the brokers' addresses, none for the embedded one.
func (f *Flags) addrs() []string {
	var out []string
	for a := range strings.SplitSeq(f.Brokers, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

// config is what the flags mean to the library; log is where it may write.
func (f *Flags) config(place site, log io.Writer) stream.Config {
	level := slog.LevelWarn // the rest is for those who ask
	if f.Verbose {
		level = slog.LevelInfo
	}
	c := stream.Config{
		Brokers: place.brokers, StateDir: place.stateDir, Workers: f.Workers, Guarantee: stream.ExactlyOnce,
		CommitInterval: f.CommitInterval, CheckpointInterval: f.CheckpointInterval, SessionTimeout: f.SessionTimeout,
		InstanceID: f.Instance,
		// Whoever takes over the work of a process that is gone waits for the end of its transaction, too.
		TransactionTimeout: max(f.SessionTimeout, 2*f.CommitInterval),
		// What is fed first, such as a table, is to be there first, also where its partition has another leader.
		MaxTaskIdle: taskIdle,
		Log:         slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})),
	}
	if f.Guarantee == AtLeastOnce {
		c.Guarantee = stream.AtLeastOnce
	}
	return c
}

const taskIdle = 100 * time.Millisecond
