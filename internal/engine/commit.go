// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
)

// rebalancePause is the wait before a commit is tried again that the group refused because it is between two
// generations.
const rebalancePause = 10 * time.Millisecond

// commit ends what the worker's tasks have done since the last commit: flush, then everything at once.
//
//	flush    what operators held back, then every changed key, goes to the producer
//	commit   all of it is acknowledged, input offsets join the transaction, the transaction ends
//	behind   some of what is committed now goes to the database
//
// An error means that nothing of it counts for us, although the brokers may have it; recover finds out.
func (w *worker) commit() error {
	if !w.p.opts.ExactlyOnce {
		if err := w.resultsFirst(); err != nil {
			return err
		}
	}
	offsets := map[kafka.Partition]kafka.Commit{}
	for _, t := range w.tasks {
		if err := t.Flush(); err != nil {
			return err
		}
		t.Offsets(offsets)
	}
	if w.producer.Wrote() {
		// Timers write without input. The group looks at offsets only, and it must be asked for each such task: another
		// process may have it by now, and must not open it while what it wrote here is undecided.
		for _, t := range w.tasks {
			if t.Watches() {
				t.Positions(offsets)
			}
		}
	}
	if err := w.commitOffsets(offsets); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	for _, t := range w.tasks {
		if err := t.Acked(w.acked); err != nil {
			return err
		}
		t.Committed()
	}
	w.p.purge.note(offsets)
	w.recoveries = 0
	w.producer.Begin()
	now := w.p.opts.Clock.Now()
	w.nextCommit = now.Add(w.p.opts.CommitInterval)
	return w.writeBehind(w.tasks, now, w.p.opts.CheckpointInterval)
}

// resultsFirst has all results acknowledged before the first change of a store is written. Without transactions a crash
// in between would leave a state that has seen records whose results are lost. Nor must a worker whose tasks are
// somebody else's by now write over the state that it goes on from: it looks before it writes, which leaves a moment.
func (w *worker) resultsFirst() error {
	if w.mail.holds(msgDrop) {
		return fmt.Errorf("%w: the tasks are to be dropped", kafka.ErrMemberGone)
	}
	for _, t := range w.tasks {
		if err := t.Settle(); err != nil {
			return err
		}
	}
	return w.producer.Flush(w.ctx)
}

func (w *worker) acked(part kafka.Partition) []kafka.Run {
	return w.producer.Target(part.Topic, part.Index).Acked()
}

// commitOffsets makes the offsets, and with exactly-once all that was sent, count. While the group is between two
// generations it refuses; the member is about to have the new one, so we ask again. When the member has lost its place
// there is nothing to wait for: it gets another one only after we have let go of all tasks.
func (w *worker) commitOffsets(offsets map[kafka.Partition]kafka.Commit) error {
	deadline := w.p.opts.Clock.Now().Add(w.p.opts.RebalanceTimeout)
	for {
		err := w.producer.Commit(w.ctx, offsets, w.p.member.Identity())
		if !errors.Is(err, kafka.ErrStaleMember) || errors.Is(err, kafka.ErrMemberGone) || w.mail.holds(msgDrop) ||
			w.p.opts.Clock.Now().After(deadline) {
			return err
		}
		select {
		case <-w.p.opts.Clock.After(rebalancePause):
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
}

// writeBehind moves committed changes to the database, at a pace at which none waits longer than interval there.
func (w *worker) writeBehind(tasks []*active, now time.Time, interval time.Duration) error {
	limit := w.p.cacheLimit()
	for _, t := range tasks {
		if t.limit != limit {
			t.SetLimit(limit)
		}
		for _, s := range t.Stores() {
			for more := true; more; {
				var err error
				if more, err = s.WriteBehind(w.batch, now, interval); err != nil {
					return err
				}
				if more || w.batch.Len() > 0 {
					if err := w.batch.Commit(); err != nil {
						return fmt.Errorf("database: %w", err)
					}
				}
			}
		}
		t.limit = limit
	}
	return nil
}

// writeAll writes everything of tasks behind, so that nothing has to be replayed when they are opened here again.
func (w *worker) writeAll(tasks []*active) error {
	return w.writeBehind(tasks, w.p.opts.Clock.Now(), 0)
}
