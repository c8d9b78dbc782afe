// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

var errLost = errors.New("the group gave the task to another member")

const (
	// recoverPause is the wait before the second recovery in a row; it doubles with each further one up to maxRecoverPause.
	recoverPause    = 100 * time.Millisecond
	maxRecoverPause = 5 * time.Second
	// maxFenced is how many recoveries in a row may be due to another producer with our transactional id.
	maxFenced = 5
)

// trouble decides what follows an error: the record's policy, a recovery, or the end of the Run. t is the task that
// failed, nil when the worker as a whole did.
func (w *worker) trouble(ctx context.Context, t *active, err error) {
	if ctx.Err() != nil {
		w.stopWork(ctx)
		return
	}
	var r *task.RecordError
	if errors.As(err, &r) {
		w.policy(ctx, w.taskOf(t, r), r)
		return
	}
	switch {
	case errors.Is(err, kafka.ErrFenced) && w.recoveries >= maxFenced:
		w.giveUp(ctx, fmt.Errorf("worker %d: %w: another process uses the same instance id; was the state directory copied?",
			w.index, err))
	case errors.Is(err, kafka.ErrAbort), errors.Is(err, kafka.ErrFenced), errors.Is(err, kafka.ErrStaleMember),
		errors.Is(err, context.DeadlineExceeded), kafka.Passing(err):
		w.recover(ctx, err, 0)
	default:
		w.giveUp(ctx, err)
	}
}

// taskOf finds the task of a record's error that a commit has brought to light.
func (w *worker) taskOf(t *active, r *task.RecordError) *active {
	if t != nil {
		return t
	}
	for _, o := range w.tasks {
		if o.Failed() {
			return o
		}
	}
	return nil
}

// policy carries out what the policy of the record's phase says beyond Skip and DeadLetter, which the task has done
// itself.
func (w *worker) policy(ctx context.Context, t *active, r *task.RecordError) {
	pol := w.p.opts.Policies.Of(r.Phase)
	if t != nil && t.holding.attempts.failed(r) <= pol.Retries {
		w.p.opts.Log.Warn("record is tried again", "attempt", t.holding.attempts.n, "of", pol.Retries, "error", r)
		w.recover(ctx, r, pol.Backoff)
		return
	}
	if t != nil && pol.Action == task.Park {
		w.p.park(t.holding.id, r)
		w.letGo([]*active{t})
		w.recover(ctx, r, 0)
		return
	}
	w.giveUp(ctx, r)
}

// recover is the one way back, from an abort as from a refused commit: drop what is not committed, and open every task
// anew from what is. pause is waited before the tasks go on.
func (w *worker) recover(ctx context.Context, cause error, pause time.Duration) {
	w.recoveries++
	w.p.opts.Log.Warn("going back to the last commit", "worker", w.index, "tasks", len(w.tasks), "cause", cause)
	holdings := make([]*holding, len(w.tasks))
	for i, t := range w.tasks {
		holdings[i] = t.holding
	}
	w.letGo(w.tasks)
	if err := w.rollBack(ctx); err != nil {
		w.giveUp(ctx, fmt.Errorf("worker %d: roll back: %w", w.index, err))
		return
	}
	if w.recoveries > 1 {
		pause = max(pause, min(recoverPause<<min(w.recoveries-2, 10), maxRecoverPause))
	}
	for _, h := range holdings {
		w.prepare(ctx, h, pause)
	}
}

// rollBack drops what was sent since the last commit and begins anew, as often as it takes until a broker answers. A
// fenced producer has no way back; a new one of its name takes its place. That is also what a transaction that the
// brokers have timed out looks like.
func (w *worker) rollBack(ctx context.Context) error {
	for pause := recoverPause; ; pause = min(2*pause, maxRecoverPause) {
		err := w.producer.Abort(ctx)
		switch {
		case err == nil:
			w.producer.Begin()
			return nil
		case errors.Is(err, kafka.ErrFenced), errors.Is(err, kafka.ErrClosed):
			w.producer.Close()
			if err = w.openProducer(ctx); err == nil {
				return nil
			}
		}
		if !kafka.Passing(err) && !errors.Is(err, kafka.ErrAbort) && !errors.Is(err, kafka.ErrFenced) {
			return err
		}
		w.p.opts.Log.Warn("the brokers do not take the abort yet", "worker", w.index, "error", err)
		select {
		case <-w.p.opts.Clock.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// giveUp ends the Run with err. The other workers commit; this one drops what it has not committed.
func (w *worker) giveUp(ctx context.Context, err error) {
	w.p.opts.Log.Error("stopping", "worker", w.index, "error", err)
	w.p.fail(err)
	w.stopWork(ctx)
}

// stopWork is the end of all processing in this worker; it only answers mail from now on.
func (w *worker) stopWork(ctx context.Context) {
	w.failed = true
	for h, prep := range w.preparing {
		prep.stop()
		delete(w.preparing, h)
	}
	w.letGo(w.tasks)
	if err := w.producer.Abort(ctx); err != nil {
		w.p.opts.Log.Warn("the transaction is left to time out", "worker", w.index, "error", err)
	}
}
