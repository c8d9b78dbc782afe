// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/pebble"
)

// longestDowntime is how long a process may stand still, or keep an old state directory, and still be restored from
// what the changelogs hold: deletes stay visible in them for so long, and windows are not deleted before.
const longestDowntime = 7 * 24 * time.Hour

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
	globals    *globals
	counters   task.Counters // of what no worker does
	catalogue  *state.Catalogue
	restoring  chan struct{} // holds one per task that is being restored
	closers    []func() error

	cancel context.CancelCauseFunc

	mu      sync.Mutex // guards what follows
	held    map[task.ID]*holding
	have    map[kafka.Partition]bool
	parked  []error
	failure error // the first
}

// Run runs the plan until ctx ends or something fails. When ctx ends it commits, hands its tasks over, leaves the group
// and returns nil.
func Run(ctx context.Context, plan *Plan, opts Options) error {
	p := &process{
		plan: plan, opts: opts, held: map[task.ID]*holding{}, have: map[kafka.Partition]bool{}, subOf: map[string]int{},
		restoring: make(chan struct{}, maxRestoring),
	}
	for i := range plan.Subs {
		for _, topic := range plan.Subs[i].Topics() {
			p.subOf[topic] = i
		}
	}
	err := p.begin(ctx)
	switch {
	case err == nil:
		err = p.run(ctx)
	case ctx.Err() != nil:
		err = nil // asked to stop before it had begun
	}
	for _, closer := range slices.Backward(p.closers) {
		err = errors.Join(err, closer())
	}
	if err != nil {
		return fmt.Errorf("application %s: %w", plan.App, err)
	}
	return nil
}

// begin opens what must be there before anything moves.
func (p *process) begin(ctx context.Context) (err error) {
	if p.home, err = openHome(p.opts.StateDir, p.plan.App); err != nil {
		return err
	}
	p.opened(p.home.close)
	if p.client, err = kafka.Open(ctx, p.opts.Kafka); err != nil {
		return err
	}
	p.opened(p.client.Close)
	if err = p.setUp(ctx); err != nil {
		return err
	}
	if p.db, err = pebble.Open(p.home.database(), pebble.Options{
		Memory: p.opts.share(databasePercent), Log: p.opts.Log,
	}); err != nil {
		return err
	}
	p.opened(p.db.Close)
	if p.catalogue, err = state.OpenCatalogue(p.db); err != nil {
		return err
	}
	inputs, changelogs := p.fetchOptions()
	p.fetcher, p.restorer = kafka.NewFetcher(p.client, inputs), kafka.NewFetcher(p.client, changelogs)
	p.opened(func() error { p.fetcher.Close(); return nil })
	p.opened(func() error { p.restorer.Close(); return nil })
	if err = p.loadGlobals(ctx); err != nil {
		return err
	}
	p.member, err = kafka.NewMember(p.client, p.memberOptions(), p)
	return err
}

func (p *process) opened(closer func() error) { p.closers = append(p.closers, closer) }

// run starts what moves, waits for the end, and stops it in order.
func (p *process) run(outer context.Context) error {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(outer))
	p.cancel = cancel
	defer cancel(nil)
	defer context.AfterFunc(outer, func() { cancel(nil) })()
	work, endWork := p.overtime(ctx)
	defer endWork(nil)

	var workers, upkeep sync.WaitGroup
	for i := range p.opts.Workers {
		w, err := newWorker(ctx, work, p, i)
		if err != nil {
			p.stopWorkers(&workers)
			if outer.Err() != nil {
				return nil
			}
			return err
		}
		p.workers = append(p.workers, w)
		workers.Go(w.run)
	}
	upkeep.Go(func() { p.upkeep(ctx) })
	upkeep.Go(func() { p.globals.follow(ctx) })
	p.opts.Log.Info("started", "application", p.plan.App, "instance", p.home.instance, "workers", p.opts.Workers,
		"state", p.home.dir, "exactly-once", p.opts.ExactlyOnce)

	err := p.member.Run(ctx)
	cancel(nil)
	p.stopWorkers(&workers)
	upkeep.Wait()
	if p.failure != nil {
		err = p.failure // and the member ended because of it
	}
	if err == nil {
		err = context.Cause(work)
	}
	return errors.Join(append([]error{err}, p.parked...)...)
}

// errOvertime is a stop that could not commit in time.
var errOvertime = errors.New("stopped without the last commit, which the brokers did not take within StopTimeout: " +
	"the next start does that work again")

// overtime is the context of the workers: they outlive ctx, to commit and hand over while the member leaves, but not by
// more than StopTimeout. Its cause is errOvertime then, nil before.
func (p *process) overtime(ctx context.Context) (work context.Context, end context.CancelCauseFunc) {
	work, end = context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		select {
		case <-p.opts.Clock.After(p.opts.StopTimeout):
			end(errOvertime)
		case <-work.Done():
		}
	})
	return work, end
}

func (p *process) stopWorkers(running *sync.WaitGroup) {
	for _, w := range p.workers {
		w.post(message{kind: msgStop})
	}
	running.Wait()
}

// fail ends the Run with err, unless something failed before. Tasks that can, commit first.
func (p *process) fail(err error) {
	p.mu.Lock()
	p.failure = cmp.Or(p.failure, err)
	p.mu.Unlock()
	p.cancel(err)
}

func (p *process) park(id task.ID, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Log.Error("task parked; its partitions stand still until the program is restarted", "task", id.String(),
		"error", err)
	p.parked = append(p.parked, fmt.Errorf("task %s is parked: %w", id, err))
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
		SessionTimeout: p.opts.SessionTimeout, RebalanceTimeout: p.opts.RebalanceTimeout, Warm: p.warm,
	}
}
