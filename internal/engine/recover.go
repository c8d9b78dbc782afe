// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

var errLost = errors.New("the group gave the task to another member")

const (
	// recoverPause is the wait before the second recovery in a row; it doubles with each further one, up to
	// maxRecoverPause.
	recoverPause    = 100 * time.Millisecond
	maxRecoverPause = 5 * time.Second
	// maxFenced is how many recoveries in a row may be due to another producer with our transactional id.
	maxFenced = 5
)

// trouble decides what follows an error: another attempt, the record's policy, a recovery, or the end of the Run. t is
// the task that failed, nil when the worker as a whole did.
func (w *worker) trouble(t *active, err error) {
	if w.ctx.Err() != nil {
		w.stopWork()
		return
	}
	switch e := err.(type) {
	case *task.RetryError:
		w.recover(e, e.Backoff)
	case *task.RecordError:
		w.blame(w.taskOf(t), e)
	default:
		w.breakdown(err)
	}
}

// breakdown is trouble that no record is to blame for.
func (w *worker) breakdown(err error) {
	switch {
	case errors.Is(err, kafka.ErrFenced) && w.recoveries >= maxFenced:
		w.giveUp(fmt.Errorf("worker %d: %w: another process uses the same instance id (was the state "+
			"directory copied?), or what is between two commits takes longer than TransactionTimeout", w.index, err))
	case errors.Is(err, kafka.ErrAbort), errors.Is(err, kafka.ErrFenced), errors.Is(err, kafka.ErrStaleMember),
		errors.Is(err, context.DeadlineExceeded), kafka.Passing(err):
		w.recover(err, w.recoveryPause())
	default:
		w.giveUp(err)
	}
}

// taskOf finds the task of a record's error that a commit has brought to light.
func (w *worker) taskOf(t *active) *active {
	if t != nil {
		return t
	}
	i := slices.IndexFunc(w.tasks, func(o *active) bool { return o.Failed() })
	return w.tasks[i]
}

// blame carries out what the policy of the record's phase says beyond Skip and DeadLetter, which the task has done
// itself.
func (w *worker) blame(t *active, r *task.RecordError) {
	if w.p.opts.Policies.Of(r.Phase).Action != task.Park {
		w.giveUp(r)
		return
	}
	w.p.park(t.holding.id, r)
	w.letGo([]*active{t})
	w.recover(r, 0)
}

// recover is the one way back, from an abort as from a refused commit: drop what is not committed, and open every task
// anew from what is. pause is waited before the tasks go on.
func (w *worker) recover(cause error, pause time.Duration) {
	w.recoveries++
	w.p.opts.Log.Warn("going back to the last commit", "worker", w.index, "tasks", len(w.tasks), "cause", cause)
	holdings := make([]*holding, len(w.tasks))
	for i, t := range w.tasks {
		holdings[i] = t.holding
	}
	w.letGo(w.tasks)
	switch err := w.rollBack(); {
	case w.ctx.Err() != nil:
		w.stopWork()
		return
	case err != nil:
		w.giveUp(fmt.Errorf("worker %d: roll back: %w", w.index, err))
		return
	}
	for _, h := range holdings {
		w.prepare(h, pause)
	}
}

// recoveryPause grows with the number of recoveries in a row; the first one is immediate.
func (w *worker) recoveryPause() time.Duration {
	if w.recoveries == 0 {
		return 0
	}
	return min(recoverPause<<min(w.recoveries-1, 10), maxRecoverPause)
}

// rollBack drops what was sent since the last commit and begins anew, as often as it takes until a broker answers. A
// fenced producer has no way back; a new one of its name takes its place. That is also what a transaction that the
// brokers have timed out looks like.
func (w *worker) rollBack() error {
	for pause := recoverPause; ; pause = min(2*pause, maxRecoverPause) {
		err := w.producer.Abort(w.ctx)
		switch {
		case err == nil:
			w.producer.Begin()
			return nil
		case errors.Is(err, kafka.ErrFenced), errors.Is(err, kafka.ErrClosed):
			w.producer.Close()
			if err = w.openProducer(w.ctx); err == nil {
				return nil
			}
		}
		if !kafka.Passing(err) && !errors.Is(err, kafka.ErrAbort) && !errors.Is(err, kafka.ErrFenced) {
			return err
		}
		w.p.opts.Log.Warn("the brokers do not take the abort yet", "worker", w.index, "error", err)
		select {
		case <-w.p.opts.Clock.After(pause):
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
}

// giveUp ends the Run with err. The other workers commit; this one drops what it has not committed.
func (w *worker) giveUp(err error) {
	w.p.opts.Log.Error("stopping", "worker", w.index, "error", err)
	w.p.fail(err)
	w.stopWork()
}

// stopWork is the end of all processing in this worker; it only answers mail from now on.
func (w *worker) stopWork() {
	w.failed = true
	for h, prep := range w.preparing {
		prep.stop()
		delete(w.preparing, h)
	}
	w.letGo(w.tasks)
	if err := w.producer.Abort(w.ctx); err != nil {
		w.p.opts.Log.Warn("the transaction is left to time out", "worker", w.index, "error", err)
	}
}
