// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"errors"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

// Step is a moment in the life of a commit, for Crash.
type Step uint8

// The moments at which a process can be killed.
const (
	BeforeFlush  Step = iota // records are processed, nothing is sent for the commit yet
	BeforeCommit             // all is sent and acknowledged, the transaction is open
	AfterCommit              // the transaction has ended, the database was not written
	AfterApply               // the database has what was due
)

// pump lets every task work until none can go on. It does not commit.
func (d *Driver) pump() error {
	for busy := true; busy; {
		busy = false
		for _, t := range d.tasks {
			n, err := t.Step(d.opts.BatchRecords)
			if err != nil {
				return err
			}
			busy = busy || n > 0
		}
	}
	return nil
}

// settle processes and commits until nothing is left to do, repartition topics included.
func (d *Driver) settle() {
	d.tb.Helper()
	for again := true; again; again = d.more() {
		err := d.pump()
		if err == nil {
			err = d.commit(AfterApply)
		}
		if err != nil && !d.retry(err) {
			return
		}
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

// more says whether a task has input left.
func (d *Driver) more() bool {
	for _, t := range d.tasks { // none after a failure
		for _, part := range t.Partitions() {
			if d.cluster.commits[part].Offset < d.cluster.log(part).end() {
				return true
			}
		}
	}
	return false
}

// commit goes through the commit up to step, as a worker does it.
func (d *Driver) commit(until Step) error {
	d.unsaid = 0
	if until == BeforeFlush {
		return nil
	}
	for _, t := range d.tasks {
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if until == BeforeCommit {
		return nil
	}
	runs := map[kafka.Partition][]kafka.Run{}
	for _, s := range d.pending {
		at := d.cluster.log(s.part).append(s.entry)
		runs[s.part] = append(runs[s.part], kafka.Run{First: at, N: 1})
	}
	d.pending = nil
	offsets := map[kafka.Partition]kafka.Commit{}
	for _, t := range d.tasks {
		if err := t.Acked(func(p kafka.Partition) []kafka.Run { return runs[p] }); err != nil {
			return err
		}
		t.Offsets(offsets)
	}
	for part, c := range offsets {
		d.cluster.commits[part] = c
	}
	for _, t := range d.tasks {
		t.Committed()
	}
	if until == AfterCommit {
		return nil
	}
	return d.writeBehind(d.opts.CheckpointInterval)
}

func (d *Driver) writeBehind(interval time.Duration) error {
	batch := d.db.NewBatch()
	defer func() { _ = batch.Close() }()
	for _, t := range d.tasks {
		for _, s := range t.Stores() {
			for more := true; more; {
				var err error
				if more, err = s.WriteBehind(batch, d.clock.Now(), interval); err != nil {
					return err
				}
				if err := batch.Commit(); err != nil {
					return err
				}
			}
		}
	}
	return nil
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

// Restart stops the program as SIGTERM would, everything committed and written to the database, and starts it again.
func (d *Driver) Restart() {
	d.tb.Helper()
	d.settle()
	if err := d.writeBehind(0); err != nil {
		d.tb.Fatal(err)
	}
	d.close()
	d.start()
}

// Crash processes what was sent, commits up to the given moment, kills the program there, and starts it again from
// what a crash leaves: the committed topics, and the database. What the crash took back is processed again with the
// next record, or before the next Read.
func (d *Driver) Crash(at Step) {
	d.tb.Helper()
	err := d.pump()
	if err == nil {
		err = d.commit(at)
	}
	if err != nil && !d.retry(err) {
		return
	}
	d.close()
	d.start()
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
