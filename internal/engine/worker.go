// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// turnLimit is how many records one task may process before the next one, the mail and the commit get their turn: at a
// microsecond each about a millisecond or four.
const turnLimit = 4096

// worker is one goroutine with its tasks, its producer and its commit.
//
//	  ┌────────────────────────────────────────────────────────────┐
//	  ▼                                                            │
//	mail ──▶ turn: poll → dispatch → process ──▶ due? flush → commit ── nothing done? wait
//	  │                    │                            │
//	  └─ stop ─▶ end       └────── recover ◀── error ───┘
//
// Owner: its goroutine, which calls run. post and wakeUp may be called by anyone; mail.mu guards the mail.
//
//  1. Everything that its tasks send between two commits is in one transaction.
//  2. A task is in tasks or in preparing, never in both.
//  3. After failed is set nothing is processed or committed any more; mail is still answered.
type worker struct {
	p        *process
	ctx      context.Context // ends when a stop takes too long: what is not committed then is left
	index    int
	producer *kafka.Producer
	counters task.Counters
	batch    state.Batch

	tasks      []*active
	preparing  map[*holding]*preparation
	nextCommit time.Time
	turns      int  // tasks that were given one
	recoveries int  // in a row, without a commit between
	failed     bool // this worker has ended the Run

	mail mailbox
	wake chan struct{}
}

// active is a task at work, with where it comes from.
type active struct {
	*task.Task
	holding *holding
	queues  []*kafka.Queue
	from    []string // where its inputs began, for the log
	limit   int      // of each store's cache, as last set
	fresh   bool     // an input had no committed offset
}

// newWorker gives a worker that works until ctx ends; opening bounds the wait for its producer.
func newWorker(opening, ctx context.Context, p *process, index int) (*worker, error) {
	w := &worker{
		p: p, ctx: ctx, index: index, preparing: map[*holding]*preparation{}, wake: make(chan struct{}, 1),
		batch: p.db.NewBatch(),
	}
	if err := w.openProducer(opening); err != nil {
		return nil, errors.Join(err, w.batch.Close())
	}
	return w, nil
}

// openProducer gives the worker its producer. With exactly-once that fences the one before of the same name.
func (w *worker) openProducer(ctx context.Context) error {
	o := kafka.ProducerOptions{
		Compression: w.p.opts.Compression, TransactionTimeout: w.p.opts.TransactionTimeout,
		BufferBytes: int(w.p.opts.share(producePercent)) / w.p.opts.Workers,
	}
	if w.p.opts.ExactlyOnce {
		o.DeliveryTimeout = w.p.opts.TransactionTimeout * 2 / 3 // before the broker gives the transaction up
		o.TransactionalID = fmt.Sprintf("%s-%s-%d", w.p.plan.App, w.p.home.instance, w.index)
	}
	producer, err := kafka.NewProducer(ctx, w.p.client, o)
	if err != nil {
		return fmt.Errorf("worker %d: %w", w.index, err)
	}
	w.producer = producer
	w.producer.Begin()
	return nil
}

// run is the worker's life. It ends with the message to stop.
func (w *worker) run() {
	defer w.close()
	for w.readMail() {
		w.check()
		n, ok := w.turn()
		if !ok {
			continue
		}
		now := w.p.opts.Clock.Now()
		if len(w.tasks) > 0 && (!now.Before(w.nextCommit) || w.pressed()) {
			if err := w.commit(); err != nil {
				w.trouble(nil, err)
			}
			continue // the turn may have ended for the commit, with records left
		}
		if n == 0 {
			w.wait(now)
		}
	}
}

// check holds the worker against its invariants.
func (w *worker) check() {
	if !invariants.Enabled {
		return
	}
	invariants.Check(!w.failed || len(w.tasks)+len(w.preparing) == 0, "worker %d has failed and has tasks", w.index)
	seen := map[task.ID]bool{}
	for _, t := range w.tasks {
		h := t.holding
		invariants.Check(h.worker == w, "task %s of another worker", h.id)
		invariants.Check(w.preparing[h] == nil, "task %s is at work and in preparation", h.id)
		invariants.Check(!seen[h.id], "task %s is there twice", h.id)
		seen[h.id] = true
	}
}

// turn lets each task work for a while, and says how many records were processed; false after trouble.
//
// When functions are slow the time to commit comes in the middle of a turn. Then it ends there, and the next one begins
// with the next task, so that none is left out for ever.
func (w *worker) turn() (n int, ok bool) {
	for range w.tasks {
		if !w.p.opts.Clock.Now().Before(w.nextCommit) {
			break
		}
		w.turns++
		t := w.tasks[w.turns%len(w.tasks)]
		done, err := t.StepUntil(turnLimit, w.nextCommit)
		n += done
		if err != nil {
			w.trouble(t, err)
			return n, false
		}
	}
	if n > 0 {
		w.producer.Kick()
	}
	return n, true
}

// wait sleeps until there is mail, a batch, or the time to commit.
func (w *worker) wait(now time.Time) {
	sleep := w.p.opts.CommitInterval
	if len(w.tasks) > 0 {
		sleep = max(w.nextCommit.Sub(now), 0)
	}
	select {
	case <-w.wake:
	case <-w.p.opts.Clock.After(sleep):
	}
}

// pressed says whether a task's caches ask for a commit.
func (w *worker) pressed() bool {
	return slices.ContainsFunc(w.tasks, func(t *active) bool { return t.Pressed() })
}

func (w *worker) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (w *worker) close() {
	for _, prep := range w.preparing {
		prep.stop()
	}
	w.letGo(w.tasks)
	w.producer.Close()
	_ = w.batch.Close()
}

// letGo closes tasks and takes them from the worker.
func (w *worker) letGo(tasks []*active) {
	for _, t := range slices.Clone(tasks) {
		w.p.discard(t)
		w.tasks = slices.DeleteFunc(w.tasks, func(o *active) bool { return o == t })
		w.p.opts.Log.Info("task ends", "task", t.holding.id.String(), "worker", w.index)
	}
}

// output sends what tasks write through the worker's producer.
type output struct{ w *worker }

// Partitions implements task.Output.
func (o output) Partitions(topic string) (int32, error) {
	n, err := o.w.p.client.Partitions(o.w.ctx, topic)
	if err == nil {
		err = o.w.p.client.LearnRules(o.w.ctx, topic)
	}
	return n, err
}

// Target implements task.Output.
func (o output) Target(topic string, partition int32) (task.Target, error) {
	return o.w.producer.Target(topic, partition), nil
}
