// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/pebble"
)

// retentionSlack is added to the retention of windows' changelogs: clocks of partitions differ, and a restore after a
// day off should still find open windows.
const retentionSlack = 24 * time.Hour

// process is one Run.
//
// Owner: the goroutine that called Run. It starts every other goroutine of the engine and waits for all of them.
//
//  1. A task is held by at most one worker, from handover to handover.
//  2. What is opened is closed in the opposite order: member, workers, fetchers, database, client, home.
//  3. The first error wins and ends the Run; parked tasks' errors are added when it ends.
type process struct {
	plan       *Plan
	opts       Options
	home       *home
	client     *kafka.Client
	db         state.DB
	fetcher    *kafka.Fetcher // inputs
	restorer   *kafka.Fetcher // changelogs
	member     *kafka.Member
	workers    []*worker
	partitions []int32 // of each sub-topology
	subOf      map[string]int
	purge      purgeList
	catalogue  *state.Catalogue
	restoring  chan struct{} // holds one per task that is being restored

	cancel context.CancelCauseFunc

	mu     sync.Mutex // guards what follows
	held   map[task.ID]*holding
	have   map[kafka.Partition]bool
	parked []error
}

// Run runs the plan until ctx ends or something fails. When ctx ends it commits, hands its tasks over, leaves the group
// and returns nil.
func Run(ctx context.Context, plan *Plan, opts Options) (err error) {
	p := &process{
		plan: plan, opts: opts, held: map[task.ID]*holding{}, have: map[kafka.Partition]bool{}, subOf: map[string]int{},
		restoring: make(chan struct{}, maxRestoring),
	}
	for i := range plan.Subs {
		for _, topic := range plan.Subs[i].Topics() {
			p.subOf[topic] = i
		}
	}
	var closers []func() error
	defer func() {
		for i := len(closers) - 1; i >= 0; i-- {
			err = errors.Join(err, closers[i]())
		}
	}()
	opened := func(f func() error) { closers = append(closers, f) }

	if p.home, err = openHome(opts.StateDir, plan.App); err != nil {
		return err
	}
	opened(func() error { p.home.close(); return nil })
	if p.client, err = kafka.Open(ctx, opts.Kafka); err != nil {
		return err
	}
	opened(p.client.Close)
	if err = p.setUp(ctx); err != nil {
		return err
	}
	if p.db, err = pebble.Open(p.home.database(), pebble.Options{
		Memory: opts.share(databasePercent), Log: opts.Log,
	}); err != nil {
		return err
	}
	opened(p.db.Close)
	if p.catalogue, err = state.OpenCatalogue(p.db); err != nil {
		return err
	}
	return p.run(ctx, opened)
}

// run starts what moves, waits for the end, and stops it in order.
func (p *process) run(outer context.Context, opened func(func() error)) error {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(outer))
	p.cancel = cancel
	defer cancel(nil)
	stop := context.AfterFunc(outer, func() { cancel(nil) })
	defer stop()

	inputs, changelogs := p.fetchOptions()
	p.fetcher = kafka.NewFetcher(p.client, inputs)
	opened(func() error { p.fetcher.Close(); return nil })
	p.restorer = kafka.NewFetcher(p.client, changelogs)
	opened(func() error { p.restorer.Close(); return nil })

	var err error
	if p.member, err = kafka.NewMember(p.client, p.memberOptions(), p); err != nil {
		return err
	}
	// Workers outlive ctx: they commit and hand over while the member leaves.
	var workers sync.WaitGroup
	workCtx, endWork := context.WithCancel(context.WithoutCancel(outer))
	defer endWork()
	for i := range p.opts.Workers {
		w, err := newWorker(workCtx, p, i)
		if err != nil {
			p.stopWorkers(&workers)
			return err
		}
		p.workers = append(p.workers, w)
		workers.Go(func() { w.run(workCtx) })
	}
	var upkeep sync.WaitGroup
	upkeep.Go(func() { p.upkeep(ctx) })

	p.opts.Log.Info("started", "application", p.plan.App, "instance", p.home.instance, "workers", p.opts.Workers,
		"state", p.home.dir, "exactly-once", p.opts.ExactlyOnce)
	err = p.member.Run(ctx)
	if cause := context.Cause(ctx); ctx.Err() != nil && !errors.Is(cause, context.Canceled) {
		err = cause // the member ended because something else failed
	}
	cancel(nil)
	p.stopWorkers(&workers)
	upkeep.Wait()
	if err != nil {
		err = fmt.Errorf("application %s: %w", p.plan.App, err)
	}
	return errors.Join(append([]error{err}, p.parked...)...)
}

func (p *process) stopWorkers(running *sync.WaitGroup) {
	for _, w := range p.workers {
		w.post(message{kind: msgStop})
	}
	running.Wait()
}

// fail ends the Run with err. Tasks that can, commit first.
func (p *process) fail(err error) { p.cancel(err) }

func (p *process) park(id task.ID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Log.Error("task parked; its partitions stand still until the program is restarted", "task", id.String(),
		"error", err)
	p.parked = append(p.parked, err)
}

// maxRestoring is how many tasks are restored at once: enough to keep the network busy, few enough for each to get on.
const maxRestoring = 4

// restoreShare is the part of the fetch budget that restoring may take beside the inputs.
const restoreShare = 4

func (p *process) fetchOptions() (inputs, changelogs kafka.FetchOptions) {
	total := int(p.opts.share(fetchPercent))
	inputs = kafka.FetchOptions{
		ReadCommitted: p.opts.ExactlyOnce, MaxBytes: total - total/restoreShare, OffsetReset: p.opts.OffsetReset,
	}
	changelogs = kafka.FetchOptions{ReadCommitted: true, MaxBytes: total / restoreShare, OffsetReset: kafka.ResetEarliest}
	return inputs, changelogs
}

func (p *process) memberOptions() kafka.MemberOptions {
	groups := make([][]string, len(p.plan.Subs))
	for i := range p.plan.Subs {
		groups[i] = p.plan.Subs[i].Topics()
	}
	return kafka.MemberOptions{
		Group: p.plan.App, InstanceID: p.opts.InstanceID, Groups: groups, Workers: p.opts.Workers,
		SessionTimeout: p.opts.SessionTimeout, RebalanceTimeout: p.opts.RebalanceTimeout,
	}
}
