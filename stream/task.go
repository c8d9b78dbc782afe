// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// Task is one partition of a sub-topology at work, as its operators see it. Everything in it belongs to one goroutine:
// the functions of an operator are called by it and need no locks.
//
// Some methods are for an operator's build function: OpenStore (which declarations such as state.Map call), Clock,
// BeforeCommit, AfterRecord, Backlog, OnWall and Mistake. The functions that build gives back call the others.
type Task struct {
	inner   *task.Task
	op      *Op      // being built
	planner *planner // of Build; nil in a task that runs
}

// enter makes o the operator whose build function runs, until the function that it gives is called.
func (t *Task) enter(o *Op) (leave func()) {
	before := t.op
	t.op = o
	return func() { t.op = before }
}

// Building says whether an operator is being built. When none is, the call of what cannot be made any more, such as
// "Clock", stops the task.
func (t *Task) Building(call string) bool {
	if t.op == nil {
		t.inner.Abort(fmt.Errorf("%s is called while records are processed; call it in the operator's build function", call))
	}
	return t.op != nil
}

// Builds says whether it is o that is being built.
func (t *Task) Builds(o *Op) bool { return t.op == o }

// Mistake reports what is wrong with the operator that is being built; Build returns it with the line of the operator's
// call.
func (t *Task) Mistake(format string, args ...any) {
	switch {
	case !t.Building("Mistake"):
	case t.planner != nil:
		t.op.Mistake(format, args...)
	default:
		t.inner.Abort(fmt.Errorf(t.op.Label()+": "+format, args...))
	}
}

// OpenStore opens a store under its name, with the prefix of the operator's scope. It implements state.Place:
// declarations such as state.Map are opened with Open(t).
func (t *Task) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	if t.op == nil {
		t.inner.Abort(fmt.Errorf("store %q is opened while records are processed; open it in the operator's build function",
			spec.Name))
		return open(state.Backing{Fail: t.inner.Abort})
	}
	if spec.Name != "" {
		spec.Name = t.op.t.prefix + spec.Name
	}
	if p := t.planner; p != nil && t.op.t.graph == p.graph { // else the mistake of mixing two is known
		p.graph.Claim(t.op.node, spec.Name)
		t.op.node.Stores = append(t.op.node.Stores, spec.Name)
		p.specs[t.op.node] = append(p.specs[t.op.node], spec)
	}
	switch ttl := spec.TTL; {
	case ttl.After != 0 && ttl.After < time.Millisecond:
		t.Mistake("store %q: its TTL is %v; at least a millisecond, or 0 for ever", spec.Name, ttl.After)
	case ttl.After > 0 && !ttl.Wall:
		return t.inner.OpenStore(spec, t.onClock(open))
	}
	return t.inner.OpenStore(spec, open)
}

// onClock gives a store that open opens the clock of the operator that is being built.
func (t *Task) onClock(open func(state.Backing) state.Instance) func(state.Backing) state.Instance {
	now := t.inner.TimeOf(t.op.Name())
	return func(b state.Backing) state.Instance {
		b.EventTime = now
		return open(b)
	}
}

// Clock is an operator's event time: see Task.Clock.
type Clock = task.Clock

// Clock is the event-time clock of the operator that is being built, under its name; the operator moves it by its
// records. With idle above 0, which is that of the operator's input, it follows the wall at that distance when no
// record has come for so long, and moved is called after each such step. One per operator.
func (t *Task) Clock(idle time.Duration, moved func()) *Clock {
	if !t.Building("Clock") {
		return &Clock{}
	}
	name := t.op.Name()
	switch {
	case name == "":
		t.Mistake("it needs a name: its clock is found again by it after a restart")
	case t.inner.HasClock(name):
		t.Mistake("it has a clock already")
	}
	return t.inner.ClockOf(name, idle, moved)
}

// BeforeCommit has f called at each commit, before the stores are flushed. What f emits is part of the commit.
// Operators further down are called later.
func (t *Task) BeforeCommit(f func()) {
	if t.Building("BeforeCommit") {
		t.inner.BeforeCommit(t.op.node.ID, f)
	}
}

// AfterRecord gives a function that asks for f: f is called, once, when everything has happened in the task that the
// record in work causes, or when there is none, the timer or the hook that is called. Operators that were written first
// are called first, so what f emits reaches those further down before their turn. It is how an operator whose inputs
// have a source in common (see Meet) waits until all of them have been updated. f is called again when it stops halfway
// by a failure that is passed over.
func (t *Task) AfterRecord(f func()) (ask func()) {
	if !t.Building("AfterRecord") {
		return func() {}
	}
	return t.inner.After(t.op.node.ID, f)
}

// Backlog is what a step of its clock makes an operator give out: see Task.Backlog.
type Backlog = task.Backlog

// Backlog gives the operator that is being built a backlog, for what may come to be due in any number at once: a leap
// of the clock, with which millions of rows close, must not be one commit. The operator asks it before each of them:
//
//	backlog.Begin()
//	for … { // what is due, in order
//		if !backlog.More() {
//			return // what is left stays in the store
//		}
//		… // take it out of the store, and send it by Between
//	}
//
// Once the task has to commit More is false, and goOn is called before the next record, maybe after a commit, to go on.
// It is called after a restart too, with what the store then has; with nothing due it does nothing. A record that comes
// while the backlog is Owed must wait for Finish.
//
// So the rest comes after all that the record in work causes elsewhere, which makes no difference: where something
// further down hears of the record by another way too, or waits until all is said (AfterRecord), or writes a topic that
// is written beside it, More is always true.
func (t *Task) Backlog(goOn func()) *Backlog {
	if !t.Building("Backlog") {
		return t.inner.Backlog("", 0, nil, true, goOn)
	}
	below, alone := t.op.t.graph.Passage(t.op.node)
	return t.inner.Backlog(t.op.Name(), t.op.node.ID, below, !alone, goOn)
}

// OnWall has f called with the wall time at least every Config.CommitInterval, between records.
func (t *Task) OnWall(f func(now time.Time)) {
	if t.Building("OnWall") {
		t.inner.OnWall(f)
	}
}

// Between calls f as work that no record is to blame for, even if one has set it off: a timer, a window that closes, a
// row of a table at a commit. If f fails, by Fail or a panic, the process policy is applied to that alone: passing it
// over leaves the record in work and other calls of Between as they are. false means that the task has to stop.
func (t *Task) Between(f func()) bool { return t.inner.Between(f) }

// Fail says that operator could not process the record in work; the process policy decides what follows. The caller
// returns without emitting anything further for the record.
func (t *Task) Fail(operator string, err error) { t.inner.FailRecord(task.Process, operator, err) }

// Stop ends the program, whatever the policies are: operator cannot go on.
func (t *Task) Stop(operator string, err error) { t.inner.Abort(fmt.Errorf("%s: %w", operator, err)) }

// Failed says whether the record in work has failed, here or further down.
func (t *Task) Failed() bool { return t.inner.Failed() }

// Drop counts a record that operator passes over for reason, a short constant such as "null key", and logs the first.
func (t *Task) Drop(operator, reason string) { t.inner.Drop(operator, reason) }

// Position names the record in work: topic, partition and offset; "" and -1 between records.
func (t *Task) Position() (topic string, partition int32, offset int64) { return t.inner.Position() }

// Partition is the number of the task's partition.
func (t *Task) Partition() int32 { return t.inner.ID.Partition }

// Wall is the wall time.
func (t *Task) Wall() time.Time { return t.inner.Setup.Clock.Now() }

// Log is the program's logger.
func (t *Task) Log() *slog.Logger { return t.inner.Log }
