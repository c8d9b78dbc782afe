// SPDX-License-Identifier: Apache-2.0

// Package task runs one partition of one sub-topology: it takes batches from its inputs (dispatch), pushes their
// records through the operators (process) and hands what changed to the changelog (flush). It knows nothing of
// brokers, groups or transactions: package engine gives it feeds and an output and decides when to commit, package
// streamtest does the same without a broker.
package task

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
)

// ID names a task: the index of its sub-topology and the partition of its inputs.
type ID struct {
	Sub       int
	Partition int32
}

func (id ID) String() string { return fmt.Sprintf("%d_%d", id.Sub, id.Partition) }

// Output takes what tasks write. It belongs to the worker that owns the task.
type Output interface {
	// Partitions is the number of partitions of topic.
	Partitions(topic string) (int32, error)
	// Target gives the way to one partition. It is asked once per task and partition, not per record.
	Target(topic string, partition int32) (Target, error)
}

// Target is one partition of a topic that is written. Key and value are copied; nil is Kafka's null.
type Target interface {
	Send(key, value []byte, timeMs int64, headers []kafka.Header) error
}

// Input is a typed source of one topic inside a task; package stream implements it.
type Input interface {
	// Load makes b the batch in work. The batch before it must be exhausted.
	Load(b *kafka.Batch)
	// Head is the event time of the next record, in milliseconds; ok is false when the batch is exhausted or the task has
	// failed. It may decode the record to know, and passes over records that the source drops.
	Head() (timeMs int64, ok bool)
	// Process pushes at most limit records, as long as their time is at most until, through the operators, and says how
	// many, those that the source drops included. It stops early when the task has failed, or owes something.
	Process(until int64, limit int) int
	// Offset is that of the record in work or, between records, of the next one.
	Offset() int64
	// Raw is the record in work as it was fetched, for dead letters; nil between records.
	Raw() *kafka.Record
	// Skip passes over the record in work.
	Skip()
	// Phase is Decode while the record in work is being decoded, else Process.
	Phase() Phase
}

// Feed is where an input's batches come from: a fetch queue.
type Feed interface {
	Pop() (*kafka.Batch, bool)
	Done(*kafka.Batch)
	// Ended is true when the feed is empty and nothing more is known to be in the topic that may be read by now.
	Ended() bool
	// Undecided is true when records are known to be in the topic behind those, in transactions that are under way.
	Undecided() bool
	// End is the offset behind everything that is known to be in the topic.
	End() int64
	// Err is a failure that the feed cannot get over, such as an offset that is out of range.
	Err() error
}

// Source says how one input of a sub-topology is opened.
type Source struct {
	Topic string // full name
	Open  func(*Task) Input
	// Echo: what is in it comes of what the sub-topology sends itself. To hold records back for it is to hold it back.
	Echo bool
}

// Setup is all that a task is built from.
type Setup struct {
	ID      ID
	App     string // the application's name, prefix of its internal topics
	Sources []Source
	Output  Output
	// Backing gives a store its place in the database: everything of state.Backing but Log and Fail.
	Backing  func(spec state.Spec, partition int32) (state.Backing, error)
	Clock    clock.Clock
	Log      *slog.Logger
	Policies Policies
	Attempts *Attempts     // of the records of this partition; nil: none is tried again
	Counters *Counters     // shared by the tasks of a worker
	MaxIdle  time.Duration // how long an empty input is waited for
	Clocks   map[string]int64
	Copies   map[string]*state.Replica // of global tables, by topic
	AtOnce   int                       // how many entries a Backlog gives out at most at once; 0: any number
}

// Task is one partition of one sub-topology at work.
//
// Owner: one worker goroutine, or the test driver; nothing else calls it. A task is built once, restored once, runs,
// and is thrown away: an abort, a hand-over and a crash are all followed by a new Task under the same ID.
//
//  1. Stores are only written while stage is Running.
//  2. An input's committed offset never lies behind a record whose effects are in the stores.
//  3. After a failure no further record is processed.
type Task struct {
	Setup
	stage    stage
	inputs   []slot
	stores   []*Store
	views    []View // of global tables
	clocks   map[string]*Clock
	commits  []commitHook
	follows  []func(time.Time) // the clocks that follow the wall, those further down first
	walls    []func(time.Time)
	afters   []*afterHook // by order
	backlogs []*Backlog
	owed     []*Backlog // to be gone on with before the next record
	debts    string     // see noteDebts
	debtRev  int64      // grows with each change of debts
	given    int        // entries given out of what was owed, in this turn
	asked    int        // of afters
	between  int        // calls of Between under way
	memo     map[any]any
	failure  error     // of the record in work, or of the task when it is not a *RecordError
	current  *slot     // whose record is in work
	room     int       // records that the turn may still take
	deadline time.Time // of the turn; zero: none
	settled  bool      // operators have sent what they held back for the commit under way
	idled    bool      // the wall has moved a clock since the last commit
	expires  bool      // rows go by themselves
	dead     Target    // dead letters, resolved at the first
}

type slot struct {
	part  kafka.Partition
	in    Input
	feed  Feed
	batch *kafka.Batch // in work, or nil
	next  int64        // offset to commit: everything before it is processed
	moved bool         // since the last commit
	head  int64        // time of the next record, when known
	known bool         // until the input is given its turn
	echo  bool         // as in Source
	dry   time.Time    // since when it has been found empty; zero when it is not
	age   age          // of its records, kept while another input is dry

	undecided time.Time // since when a transaction in it has been waited for; zero when none is
	told      bool      // the log has been told of that
}

// New builds the task's operators and opens its stores; its inputs have no feeds yet.
func New(s Setup) (t *Task, err error) {
	t = &Task{Setup: s, clocks: map[string]*Clock{}, memo: map[any]any{}}
	defer func() {
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("task %s: an operator's build function panicked: %w", s.ID, NewPanicError(p))
		}
	}()
	for _, src := range s.Sources {
		in := src.Open(t)
		part := kafka.Partition{Topic: src.Topic, Index: s.ID.Partition}
		t.inputs = append(t.inputs, slot{part: part, in: in, echo: src.Echo})
	}
	if t.failure != nil {
		return nil, fmt.Errorf("task %s: %w", s.ID, t.failure)
	}
	return t, nil
}

// Partitions are the partitions that the task reads, in the order of its sources.
func (t *Task) Partitions() []kafka.Partition {
	parts := make([]kafka.Partition, len(t.inputs))
	for i := range t.inputs {
		parts[i] = t.inputs[i].part
	}
	return parts
}

// Start gives input i its feed, from the offset at which it goes on. When every input has its feed the task runs.
func (t *Task) Start(i int, feed Feed, offset int64) {
	t.inputs[i].feed, t.inputs[i].next = feed, offset
	for j := range t.inputs {
		if t.inputs[j].feed == nil {
			return
		}
	}
	t.become(Running)
	t.begin()
}

// Stores are the task's open stores, in the order in which they were opened.
func (t *Task) Stores() []*Store { return t.stores }

// OpenStore opens a store of the task. It implements state.Place; operators call it while they are built.
func (t *Task) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	backing, err := t.Backing(spec, t.ID.Partition)
	if err != nil {
		t.Abort(fmt.Errorf("store %q: %w", spec.Name, err))
	}
	backing.Log, backing.Fail = t.Log, t.Abort
	backing.WallTime = func() int64 { return t.Clock.Now().UnixMilli() }
	t.expires = t.expires || spec.TTL.After > 0
	s := &Store{Instance: open(backing), clock: t.Clock, Changelog: kafka.Partition{
		Topic: graph.ChangelogName(t.App, spec.Name), Index: t.ID.Partition,
	}}
	t.stores = append(t.stores, s)
	return s.Instance
}

// Memo gives the value that make made for key in this task, making it at the first call. Operators keep there what
// several of their inputs share.
func (t *Task) Memo(key any, make func() any) any {
	if v, ok := t.memo[key]; ok {
		return v
	}
	v := make()
	t.memo[key] = v
	return v
}

// BeforeCommit has f called at each commit before the stores are flushed: what f sends downstream is part of it.
// Operators are called in ascending order, so that what one emits reaches the next before its own turn.
func (t *Task) BeforeCommit(order int, f func()) {
	t.commits = append(t.commits, commitHook{order, f})
	slices.SortStableFunc(t.commits, func(a, b commitHook) int { return cmp.Compare(a.order, b.order) })
}

type commitHook struct {
	order int
	call  func()
}

// OnWall has f called with the wall time whenever the task has been given a turn.
func (t *Task) OnWall(f func(now time.Time)) { t.walls = append(t.walls, f) }

// Abort makes the task fail as a whole: its stores or its output cannot be relied on. The first cause is kept.
func (t *Task) Abort(err error) {
	var r *RecordError
	if t.failure == nil || errors.As(t.failure, &r) {
		t.failure = &FatalError{Task: t.ID, Err: err}
	}
}

// FailRecord says that operator could not process the record in work, and nothing further is done with the record; in
// phase Produce, that one of its results could not be written. The policy of the phase decides what follows.
func (t *Task) FailRecord(phase Phase, operator string, err error) {
	if t.failure != nil {
		return
	}
	t.failure = t.recordError(phase, operator, err)
	if phase == Produce {
		_ = t.judge() // what is not passed over stays, and is the record's failure
	}
}

func (t *Task) recordError(phase Phase, operator string, err error) *RecordError {
	e := &RecordError{Phase: phase, Operator: operator, Err: err, Partition: t.ID.Partition, Offset: -1}
	if t.current != nil {
		e.Topic, e.Partition, e.Offset = t.current.part.Topic, t.current.part.Index, t.current.in.Offset()
	}
	return e
}

// Failed says whether the record in work, or the task, has failed.
func (t *Task) Failed() bool { return t.failure != nil }

// Position names the record in work: topic, partition and offset, or "" and -1 between records.
func (t *Task) Position() (topic string, partition int32, offset int64) {
	if t.current == nil {
		return "", t.ID.Partition, -1
	}
	return t.current.part.Topic, t.current.part.Index, t.current.in.Offset()
}

// Drop counts a record that operator does not use, and logs the first of each reason with its position.
func (t *Task) Drop(operator, reason string) { t.drop(operator, reason) }

func (t *Task) drop(operator, reason string, more ...any) {
	if t.Counters.drop(operator, reason) > 1 {
		return
	}
	topic, partition, offset := t.Position()
	logDrop(t.Log, operator, reason, topic, partition, offset, more...)
}

// logDrop tells of the first record that was dropped for a reason.
func logDrop(log *slog.Logger, operator, reason, topic string, partition int32, offset int64, more ...any) {
	log.Warn("first record dropped for this reason", append([]any{"operator", operator, "reason", reason,
		"topic", topic, "partition", partition, "offset", offset}, more...)...)
}

// Close gives up what the task has queued. The stores' caches are forgotten with it.
func (t *Task) Close() {
	if t.stage == Closed {
		return
	}
	t.become(Closed)
	for i := range t.inputs {
		if s := &t.inputs[i]; s.batch != nil {
			s.feed.Done(s.batch)
			s.batch = nil
		}
	}
}

func (t *Task) become(next stage) {
	invariants.Check(t.stage.mayBecome(next), "task %s: %s → %s", t.ID, t.stage, next)
	t.stage = next
}
