// SPDX-License-Identifier: Apache-2.0

package task

import (
	"fmt"
	"maps"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
)

// Phase is the part of a record's way in which an error happened; each has a policy of its own.
type Phase uint8

const (
	// Decode is the reading of key, value and time from the fetched bytes.
	Decode Phase = iota
	// Process is the work of the operators, user functions included.
	Process
	// Produce is the encoding and sending of results.
	Produce
)

func (p Phase) String() string { return [...]string{"decode", "process", "produce"}[p] }

// Action is what follows an error of a record.
type Action uint8

const (
	// Fail ends the program: the other tasks commit, Run returns the error. Nothing is lost; after a restart the same
	// record comes again.
	Fail Action = iota
	// Skip drops what has failed, counts it and goes on. In the phases decode and process that is the record; what
	// operators did with it before the error stays. In the phase produce it is the result that cannot be written; the
	// record's other results go on.
	Skip
	// DeadLetter is Skip, and sends the record in work as it came to the dead letter topic, with its provenance in
	// headers. The failure of a timer or at a commit, which has no record, makes a letter without key and value.
	DeadLetter
	// Park stops the task of the record; other tasks go on, and Run returns the error when it is stopped.
	Park
)

func (a Action) String() string { return [...]string{"fail", "skip", "dead letter", "park"}[a] }

// Policy says what to do about an error of one phase.
type Policy struct {
	// Action is taken when the retries are used up. Defaults to Fail.
	Action Action
	// Retries is how often the record is tried again before that. A retry rolls the worker's transaction back and
	// processes again from the last commit, so nothing of the failed attempt stays. Defaults to 0.
	Retries int
	// Backoff is the wait before a retry. Defaults to 1 s when there are retries.
	Backoff time.Duration
}

// Policies are those of the three phases.
type Policies struct {
	Decode, Process, Produce Policy
	// DeadLetters is the topic that DeadLetter writes to. Defaults to "<application>-dead-letters".
	DeadLetters string
}

// Of is the policy of phase p.
func (p *Policies) Of(phase Phase) Policy {
	return [...]Policy{Decode: p.Decode, Process: p.Process, Produce: p.Produce}[phase]
}

// Uses says whether any phase takes action a.
func (p *Policies) Uses(a Action) bool {
	return p.Decode.Action == a || p.Process.Action == a || p.Produce.Action == a
}

// RecordError is the failure of one record, with the place where it can be found.
type RecordError struct {
	Topic     string
	Partition int32
	Offset    int64 // -1 when no record was in work: a timer, a commit; Topic is empty then
	Phase     Phase
	Operator  string // kind and name, such as `aggregate "totals"`
	Err       error
}

func (e *RecordError) Error() string {
	var b strings.Builder
	if e.Offset >= 0 {
		fmt.Fprintf(&b, "record %s/%d@%d: ", e.Topic, e.Partition, e.Offset)
	} else {
		fmt.Fprintf(&b, "partition %d, between records: ", e.Partition)
	}
	if e.Operator != "" {
		fmt.Fprintf(&b, "%s: ", e.Operator)
	}
	return b.String() + e.Err.Error()
}

// Unwrap gives the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// RetryError says that the record is to be tried again: roll back to the last commit and build the task anew.
type RetryError struct {
	Err     *RecordError
	Backoff time.Duration // to wait before
}

func (e *RetryError) Error() string { return e.Err.Error() }

// Unwrap gives the record's error.
func (e *RetryError) Unwrap() error { return e.Err }

// Attempts counts how often records have failed, across the tasks that are built one after the other for the same
// partition. It belongs to whoever builds them. A nil *Attempts allows no retries.
type Attempts struct{ failed map[attempt]int }

type attempt struct {
	topic  string
	offset int64
}

// count counts one more failure. Without a counter every failure is the last.
func (a *Attempts) count(r *RecordError) int {
	if a == nil {
		return math.MaxInt
	}
	if a.failed == nil {
		a.failed = map[attempt]int{}
	}
	at := attempt{r.Topic, r.Offset}
	a.failed[at]++
	return a.failed[at]
}

// committed forgets the failures that a commit has left behind: those of records before offset of topic, and those
// between records.
func (a *Attempts) committed(topic string, offset int64) {
	if a == nil || len(a.failed) == 0 {
		return
	}
	maps.DeleteFunc(a.failed, func(at attempt, _ int) bool {
		return at.offset < 0 || at.topic == topic && at.offset < offset
	})
}

// FatalError is the failure of a task as a whole: its state or its output could not be read or written.
type FatalError struct {
	Task ID
	Err  error
}

func (e *FatalError) Error() string { return fmt.Sprintf("task %s: %v", e.Task, e.Err) }

// Unwrap gives the cause.
func (e *FatalError) Unwrap() error { return e.Err }

// PanicError is a panic of a user's function.
type PanicError struct {
	Value any
	Where string // file:line on which it happened
	Stack string
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("panic at %s: %v\n%s", e.Where, e.Value, e.Stack)
}

// Unwrap gives the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// UsedTooEarly says that an operator's build function has used a store, of which it would keep what it saw: the store
// is restored only after that.
func UsedTooEarly(store string) error {
	return fmt.Errorf("store %q is used while its operator is built, before it is restored: use it in the function that "+
		"build returns", store)
}

// NewPanicError is for the deferred function that has recovered p.
func NewPanicError(p any) *PanicError {
	return &PanicError{Value: p, Where: panicked(), Stack: string(debug.Stack())}
}

// maxPanicFrames bounds the search for the place of a panic.
const maxPanicFrames = 64

// panicked is the place where the panic that is being recovered happened: the first frame below the runtime's.
func panicked() string {
	var pcs [maxPanicFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	unwinding := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		switch {
		case f.Function == "runtime.gopanic":
			unwinding = true
		case unwinding && !inRuntime:
			return fmt.Sprintf("%s:%d", graph.ShortFile(f.File), f.Line)
		}
		if !more {
			return "unknown place"
		}
	}
}
