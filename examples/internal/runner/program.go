// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"flag"
	"iter"

	"github.com/irmak-go/irmak/stream"
)

// Program is what differs from one example to the next: it is the whole of a program's main.
//
// Its functions may be called from several goroutines, but Flags, Check and Judge are called once each, in that order,
// before the others.
type Program struct {
	Name     string                   // of the application: the consumer group, and the prefix of what it creates
	Topology func(t *stream.Topology) // what is run
	Topics   []Topic                  // all inputs and outputs; the runner creates them
	Records  int64                    // default of -n
	Noun     string                   // what the records are, in the plural, for people; defaults to "records"

	// Flags adds flags of the program's own. Optional.
	Flags func(set *flag.FlagSet)
	// Check says what is wrong with the program's own flags, and may change the common ones. Optional.
	Check func(f *Flags) error
	// Generate gives what is fed: n records that are the work, 0 for as many as there are or without end, with reference
	// data and barriers before and among them. It is deterministic, and the first m of n records do not depend on n:
	// a process that takes the feed over, or is started again, begins anew and skips what is there already.
	Generate func(seed uint64, n int64) iter.Seq[Event]
	// Judge is a fresh judge of what the topology makes of n records.
	Judge func(seed uint64, n int64) Judge
}

// Judge takes every committed record of the output topics, from the very first on, also those of earlier runs on the
// same brokers. It tells a person about the ones that matter and says at the end what the results are, and whether they
// are what an oracle makes of the input.
//
// Owner: one goroutine, which calls Outputs once, then the functions of the outputs, then Results and Check.
type Judge interface {
	// Outputs are the topics to read, each made by Watch.
	Outputs() []Output
	// Results are encoded as JSON with -json, and else printed: a Table, or what it says as a fmt.Stringer. nil: none.
	Results() any
	// Check gives nil when the outputs are exactly what the oracle says for all n records, NoOracle when there is
	// nothing to compare with, and else the first few differences. It is only asked when all is processed and read.
	Check() error
}

// Counter is a Judge that wants to know how many records of the work were fed in the end: fewer than asked for when the
// program is interrupted, more when an earlier run was asked for more. It is told before Results and Check.
//
// A Judge that is none is not asked to Check what more records have led to than it was made for.
type Counter interface {
	Judge
	Fed(n int64)
}

// NoOracle is what a Judge's Check returns when there is nothing to compare the outputs with.
var NoOracle = errors.New("none")
