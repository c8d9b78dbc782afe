// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
)

// The guarantees that a program can be asked for.
const (
	ExactlyOnce = "exactly-once"
	AtLeastOnce = "at-least-once"
)

// Flags are what all examples can be told.
type Flags struct {
	Brokers   string  // comma-separated addresses; empty: the embedded broker
	N         int64   // how many records to feed
	Rate      float64 // records per second, 0: as fast as possible
	Seed      uint64  // of generated data
	StateDir  string  // empty: a temporary one
	Guarantee string  // ExactlyOnce or AtLeastOnce
	Workers   int
	JSON      bool // one JSON line at the end, and nothing else on standard output
}

// Register adds the flags to a set, with n as the default number of records.
func (f *Flags) Register(set *flag.FlagSet, n int64) {
	set.StringVar(&f.Brokers, "brokers", "", "addresses of Kafka brokers, comma-separated; "+
		"empty: an embedded broker, nothing to install")
	set.Int64Var(&f.N, "n", n, "how many records to feed; 0: without end")
	set.Float64Var(&f.Rate, "rate", 0, "records to feed per second; 0: as fast as they are taken")
	set.Uint64Var(&f.Seed, "seed", 1, "seed of the generated data")
	set.StringVar(&f.StateDir, "state-dir", "", "directory for state (and the embedded broker's data) that outlives "+
		"the program; empty: a temporary one")
	set.StringVar(&f.Guarantee, "guarantee", ExactlyOnce, ExactlyOnce+" or "+AtLeastOnce)
	set.IntVar(&f.Workers, "workers", runtime.GOMAXPROCS(0), "goroutines that process")
	set.BoolVar(&f.JSON, "json", false, "print one line of JSON at the end and nothing else")
}

// Check says what is wrong with the values.
func (f *Flags) Check() error {
	switch {
	case f.N < 0:
		return fmt.Errorf("-n %d: want 0 or more", f.N)
	case f.Rate < 0:
		return fmt.Errorf("-rate %g: want 0 or more", f.Rate)
	case f.Workers < 1:
		return fmt.Errorf("-workers %d: want at least 1", f.Workers)
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
