// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// Task is one partition of a sub-topology at work, as its operators see it. Everything in it belongs to one goroutine:
// the functions of an operator are called by it and need no locks. Operators use a Task while they are built; the
// functions that they give back may call Fail, Drop, Position and Now.
type Task struct {
	inner   *task.Task
	op      *Op      // being built
	planner *planner // of Build; nil in a task that runs
}

// planner learns from a task that never runs what the operators open.
type planner struct {
	graph *graph.Graph
	specs map[*graph.Node][]state.Spec
}

// enter makes o the operator whose build function runs, until the function that it gives is called.
func (t *Task) enter(o *Op) (leave func()) {
	before := t.op
	t.op = o
	return func() { t.op = before }
}

// OpenStore opens a store under its name, with the prefix of the operator's scope. It implements state.Place:
// declarations such as state.Map are opened with Open(t).
func (t *Task) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	if t.op != nil {
		spec.Name = t.op.t.prefix + spec.Name
		if p := t.planner; p != nil {
			p.graph.Claim(t.op.node, spec.Name)
			t.op.node.Stores = append(t.op.node.Stores, spec.Name)
			p.specs[t.op.node] = append(p.specs[t.op.node], spec)
		}
	}
	return t.inner.OpenStore(spec, open)
}

// Partition is the number of the task's partition.
func (t *Task) Partition() int32 { return t.inner.ID.Partition }

// Clock is the event-time clock of the operator that is being built, under its name, moved by the records of s. It
// stands still when s's sources are silent, unless they have an Idle rule: then moved is called after each step that
// the wall made it take.
func (t *Task) Clock(idle time.Duration, moved func()) *Clock {
	return t.inner.ClockOf(t.op.Name(), idle, moved)
}

// Clock is an operator's event time: see Task.Clock.
type Clock = task.Clock

// Fail says that operator could not process the record in work; the process policy decides what follows. The caller
// returns without emitting anything further for the record.
func (t *Task) Fail(operator string, err error) { t.inner.FailRecord(task.Process, operator, err) }

// Failed says whether the record in work has failed, here or further down.
func (t *Task) Failed() bool { return t.inner.Failed() }

// Drop counts a record that operator passes over for reason, a short constant such as "null key", and logs the first.
func (t *Task) Drop(operator, reason string) { t.inner.Drop(operator, reason) }

// Position names the record in work: topic, partition and offset; "" and -1 between records.
func (t *Task) Position() (topic string, partition int32, offset int64) { return t.inner.Position() }

// BeforeCommit has f called at each commit, before the stores are flushed. What f emits is part of the commit.
func (t *Task) BeforeCommit(f func()) { t.inner.BeforeCommit(t.op.node.ID, f) }

// OnWall has f called with the wall time at least every Config.CommitInterval, between records.
func (t *Task) OnWall(f func(now time.Time)) { t.inner.OnWall(f) }

// Now is the wall time.
func (t *Task) Now() time.Time { return t.inner.Setup.Clock.Now() }

// Log is the program's logger.
func (t *Task) Log() *slog.Logger { return t.inner.Log }
