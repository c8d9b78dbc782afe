// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"errors"
	"math"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// Step is a moment in the life of a commit, for Crash. A commit has five parts; there is a moment before and one after
// each. With exactly-once everything before the end of the transaction is taken back; with at-least-once what was sent
// stays, and so do the offsets.
type Step uint8

// The moments at which a process can be killed.
const (
	BeforeProduce Step = iota // records are processed, no result is sent
	AfterProduce              // all results are sent and acknowledged
	BeforeFlush               // no change of a store is in its changelog
	AfterFlush                // all are, and acknowledged
	BeforeOffsets             // the offsets of the inputs are not sent
	AfterOffsets              // they are
	BeforeCommit              // the transaction is open, with everything in it
	AfterCommit               // it has ended
	BeforeApply               // the database was not written
	AfterApply                // it has what was due, and has flushed it
)

// Steps is the number of steps: Step(r.IntN(streamtest.Steps)) is any of them.
const Steps = int(AfterApply) + 1

// stepNames are what scripts call them.
var stepNames = [Steps]string{
	"before-produce", "after-produce", "before-flush", "after-flush", "before-offsets", "after-offsets", "before-commit",
	"after-commit", "before-apply", "after-apply",
}

// String is the step's name in scripts.
func (s Step) String() string {
	if int(s) >= Steps {
		return "no step"
	}
	return stepNames[s]
}

// pump lets every task work until none can go on. It does not commit, but for tasks that owe something (see
// task.Backlog): a worker may commit then, and with turns in random order some of them do.
func (d *Driver) pump() error { return d.pumpUntil(nil) }

// pumpUntil is pump that ends early when a task owes something and stop says so.
func (d *Driver) pumpUntil(stop func() bool) error {
	for busy := true; busy; {
		busy = false
		order, limit := d.turn()
		for _, i := range order {
			n, err := d.tasks[i].Step(limit())
			if err != nil {
				return err
			}
			busy = busy || n > 0
			d.taken += n
			if d.turns == nil || !d.tasks[i].Owes() {
				continue
			}
			if stop != nil && stop() {
				return nil
			}
			if d.turns.IntN(commitOwingOneIn) == 0 {
				if err := d.commit(AfterApply); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// commitOwingOneIn is how often a turn is followed by a commit that leaves its task owing something.
const commitOwingOneIn = 3

// atOnce is task.Setup.AtOnce: with turns in random order anything from one, so that even what little tests close is
// put off.
func (d *Driver) atOnce() int {
	if d.turns == nil {
		return 0
	}
	return 1 + d.turns.IntN(1<<d.turns.IntN(mostAtOnce))
}

// mostAtOnce is the logarithm of the most that atOnce gives.
const mostAtOnce = 8

// turn says in which order tasks get their turn, and how many records each may take.
func (d *Driver) turn() (order []int, limit func() int) {
	if d.turns != nil {
		return d.turns.Perm(len(d.tasks)), func() int { return 1 + d.turns.IntN(d.opts.BatchRecords) }
	}
	order = make([]int, len(d.tasks))
	for i := range order {
		order[i] = i
	}
	return order, func() int { return d.opts.BatchRecords }
}

// settle processes and commits until nothing is left to do, repartition topics included.
func (d *Driver) settle() {
	d.tb.Helper()
	for again := true; again; again = d.more() {
		before := d.taken
		err := d.pump()
		if err == nil {
			err = d.commit(AfterApply)
		}
		if err == nil {
			err = d.follow()
		}
		switch {
		case err != nil && !d.retry(err):
			return
		case err == nil && d.taken == before && d.opts.MaxTaskIdle > 0:
			return // what is left waits for an empty input
		}
	}
}

// due settles if there is anything to.
func (d *Driver) due() {
	d.tb.Helper()
	if d.unsaid > 0 || d.more() {
		d.settle()
	}
}

// retry goes back to the last commit when a record is to be tried again; other errors end the program.
func (d *Driver) retry(err error) bool {
	d.tb.Helper()
	var again *task.RetryError
	if errors.As(err, &again) {
		d.close()
		d.start()
		return true
	}
	d.close()
	if d.opts.Expect == nil {
		d.tb.Fatalf("the topology has failed: %v", err)
	}
	d.opts.Expect(err)
	return false
}

// more says whether a task has input left, or something to go on with.
func (d *Driver) more() bool {
	for _, t := range d.tasks { // none after a failure
		for _, part := range t.Partitions() {
			if d.cluster.commits[part].Offset < d.cluster.log(part).end() {
				return true
			}
		}
		if t.Owes() {
			return true
		}
	}
	return false
}

// commit goes through the commit up to step, as a worker does it.
func (d *Driver) commit(until Step) error {
	d.unsaid = 0
	d.offsets, d.runs = map[kafka.Partition]kafka.Commit{}, map[kafka.Partition][]kafka.Run{}
	parts := []func() error{d.produceResults, d.flushStores, d.sendOffsets, d.endTransaction, d.apply}
	for _, part := range parts[:(until+1)/2] {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) produceResults() error {
	for _, t := range d.tasks {
		if err := t.Settle(); err != nil {
			return err
		}
	}
	d.acknowledge()
	return nil
}

func (d *Driver) flushStores() error {
	for _, t := range d.tasks {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	d.acknowledge()
	return nil
}

// acknowledge makes what was sent count already, where there are no transactions.
func (d *Driver) acknowledge() {
	if d.opts.Guarantee == stream.AtLeastOnce {
		d.publish()
	}
}

// publish moves what was sent to the topics.
func (d *Driver) publish() {
	for _, s := range d.pending {
		at := d.cluster.log(s.part).append(s.entry)
		d.runs[s.part] = append(d.runs[s.part], kafka.Run{First: at, N: 1})
	}
	d.pending = nil
}

func (d *Driver) sendOffsets() error {
	for _, t := range d.tasks {
		t.Offsets(d.offsets)
	}
	if d.opts.Guarantee == stream.AtLeastOnce {
		d.commitOffsets()
	}
	return nil
}

func (d *Driver) commitOffsets() {
	for part, c := range d.offsets {
		d.cluster.commits[part] = c
	}
}

func (d *Driver) endTransaction() error {
	d.publish()
	d.commitOffsets()
	for _, t := range d.tasks {
		if err := t.Acked(func(p kafka.Partition) []kafka.Run { return d.runs[p] }); err != nil {
			return err
		}
		t.Committed()
	}
	return nil
}

// apply writes behind what is due, and flushes databases for which it is time.
func (d *Driver) apply() error {
	for _, t := range d.tasks {
		if err := d.writeBehind(t, d.opts.CheckpointInterval); err != nil {
			return err
		}
	}
	for _, p := range d.processes {
		if d.clock.Now().Sub(p.flushed) < d.opts.CheckpointInterval {
			continue
		}
		if err := d.flush(p); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) writeBehind(t *task.Task, interval time.Duration) error {
	batch := d.processes[d.home[t.ID]].db.NewBatch()
	defer func() { _ = batch.Close() }()
	for _, s := range t.Stores() {
		if err := writeStoreBehind(s, batch, d.clock.Now(), interval); err != nil {
			return err
		}
	}
	return nil
}

func writeStoreBehind(s *task.Store, batch state.Batch, now time.Time, interval time.Duration) error {
	for {
		more, err := s.WriteBehind(batch, now, interval)
		if err != nil {
			return err
		}
		if err := batch.Commit(); err != nil || !more {
			return err
		}
	}
}

// manually is an Options.CommitEvery that is never reached.
const manually = math.MaxInt

// Process has the tasks process what was sent, and does not commit. Needed only where Options.CommitEvery is not 1.
func (d *Driver) Process() {
	d.tb.Helper()
	if err := d.pump(); err != nil {
		d.retry(err)
	}
}

// Commit processes what was sent and commits it.
func (d *Driver) Commit() {
	d.tb.Helper()
	d.settle()
}

// AdvanceWall moves the wall clock and gives every task a turn, so that what waits for the wall happens.
func (d *Driver) AdvanceWall(by time.Duration) {
	d.tb.Helper()
	d.clock.Advance(by)
	d.settle()
}

// close drops the tasks and what they have not committed.
func (d *Driver) close() {
	for _, t := range d.tasks {
		t.Close()
	}
	d.tasks, d.pending, d.unsaid = nil, nil, 0
}

// DropReason says where and why records were dropped.
type DropReason = task.DropReason

// Drops are the numbers of records that operators have dropped, by operator and reason. A record that is processed
// again after a crash is counted again.
func (d *Driver) Drops() map[DropReason]uint64 { return d.counters.Drops() }
