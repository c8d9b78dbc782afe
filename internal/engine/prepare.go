// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/changelog"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// preparation is a task on its way to a worker: a goroutine that the worker waits for when it stops it.
type preparation struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// stop ends the preparation. After it nothing of the task is in use, except by a message that may be on its way.
func (p *preparation) stop() {
	p.cancel()
	<-p.done
}

// prepare builds and restores a holding's task in a goroutine of its own, after a pause, and posts the result. The
// worker goes on with its other tasks meanwhile.
func (w *worker) prepare(h *holding, pause time.Duration) {
	ctx, cancel := context.WithCancel(w.ctx)
	prep := &preparation{cancel: cancel, done: make(chan struct{})}
	w.preparing[h] = prep
	go func() {
		defer close(prep.done)
		defer cancel()
		if pause > 0 {
			select {
			case <-w.p.opts.Clock.After(pause):
			case <-ctx.Done():
			}
		}
		t, err := w.p.open(ctx, w, h)
		switch {
		case err == nil:
			w.post(message{kind: msgReady, holding: h, task: t})
		case ctx.Err() == nil:
			w.post(message{kind: msgUnfit, holding: h, err: err})
		}
	}()
}

// unfitPause is the wait before a task that could not be prepared is tried again.
const unfitPause = 2 * time.Second

// unfit tries again when the brokers were the reason, and ends the Run otherwise.
func (w *worker) unfit(m message) {
	if w.preparing[m.holding] == nil || w.failed {
		return
	}
	delete(w.preparing, m.holding)
	if kafka.Passing(m.err) {
		w.p.opts.Log.Warn("a task cannot start yet", "task", m.holding.id.String(), "error", m.err)
		w.prepare(m.holding, unfitPause)
		return
	}
	w.giveUp(fmt.Errorf("task %s: %w", m.holding.id, m.err))
}

// open makes a task ready to run: committed offsets first, then the state up to what was committed with them.
//
// The order matters. The offsets are asked for as stable ones: the answer waits for the end of a transaction that has
// offsets in it, and with our membership the group refuses every further commit of whoever had the task before. So what
// can still be committed is decided by then, and the changelog's end, asked afterwards, covers it.
func (p *process) open(ctx context.Context, w *worker, h *holding) (*active, error) {
	sub := &p.plan.Subs[h.id.Sub]
	parts := make([]kafka.Partition, len(sub.Sources))
	for i, src := range sub.Sources {
		parts[i] = kafka.Partition{Topic: src.Topic, Index: h.id.Partition}
	}
	commits, err := p.client.CommittedOffsets(ctx, p.plan.App, parts)
	if err != nil {
		return nil, fmt.Errorf("committed offsets: %w", err)
	}
	clocks := map[string]int64{}
	for _, c := range commits {
		if err := task.ParseClocks(c.Metadata, clocks); err != nil {
			p.opts.Log.Warn("event-time clocks are not known", "task", h.id.String(), "error", err)
		}
	}
	ids, err := p.topicIDs(ctx, sub)
	if err != nil {
		return nil, err
	}
	t, err := task.New(task.Setup{
		ID: h.id, App: p.plan.App, Sources: sub.Sources, Output: output{w}, Clock: p.opts.Clock, Log: p.opts.Log,
		Policies: p.opts.Policies, Counters: &w.counters, Attempts: &h.attempts, MaxIdle: p.opts.MaxTaskIdle, Clocks: clocks,
		Copies: p.globals.copies,
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			prefix, err := p.catalogue.Prefix(spec.Name, partition)
			return state.Backing{
				DB: p.db, Prefix: prefix, Topic: ids[spec.Name], Limit: p.cacheLimit(),
			}, err
		},
	})
	if err != nil {
		return nil, err
	}
	t.SetLimit(p.cacheLimit())
	if err := p.restore(ctx, t); err != nil {
		t.Close()
		return nil, err
	}
	if len(commits) == 0 {
		if err := p.mustBeNew(t); err != nil {
			t.Close()
			return nil, err
		}
	}
	return p.feed(ctx, w, h, t, commits)
}

// mustBeNew refuses a task that has state but no committed offset: groups forget the offsets of programs that stand
// still for long. To begin at the beginning would take everything into the state a second time.
func (p *process) mustBeNew(t *task.Task) error {
	for _, s := range t.Stores() {
		if s.Spec().Unlogged {
			continue
		}
		held, err := p.catalogue.Holds(s.Spec().Name, t.ID.Partition)
		if err != nil {
			return err
		}
		if held {
			return fmt.Errorf("store %q, partition %d, has rows, but group %q has no committed offset for %v: they expire "+
				"after the brokers' offsets.retention.minutes. Reset the group to where the state ends, or delete the "+
				"application's changelog topics to begin anew", s.Spec().Name, t.ID.Partition, p.plan.App, t.Partitions())
		}
	}
	return nil
}

// restore brings all stores of a task up to date.
func (p *process) restore(ctx context.Context, t *task.Task) error {
	select {
	case p.restoring <- struct{}{}:
		defer func() { <-p.restoring }()
	case <-ctx.Done():
		return ctx.Err()
	}
	src := changelog.Source{
		Client: p.client, Fetcher: p.restorer, DB: p.db, Clock: p.opts.Clock, Log: p.opts.Log, Longest: longestDowntime,
	}
	for _, s := range t.Stores() {
		if s.Stats().Rows > 0 { // it would hide what is restored
			return task.UsedTooEarly(s.Spec().Name)
		}
		if s.Spec().Unlogged {
			continue
		}
		if err := src.Restore(ctx, s.Instance, s.Changelog); err != nil {
			return err
		}
	}
	return nil
}

// feed gives a restored task its inputs, from where they were committed.
func (p *process) feed(ctx context.Context, w *worker, h *holding, t *task.Task,
	commits map[kafka.Partition]kafka.Commit) (*active, error) {
	a := &active{Task: t, holding: h, limit: p.cacheLimit()}
	for i, part := range t.Partitions() {
		at := commits[part].Offset
		_, committed := commits[part]
		if !committed {
			var err error
			if at, err = p.beginning(ctx, h, part); err != nil {
				p.discard(a)
				return nil, fmt.Errorf("input %s: %w", part, err)
			}
			a.fresh = true
		}
		q := p.fetcher.Add(part, at, w.wakeUp)
		a.queues = append(a.queues, q)
		a.from = append(a.from, fmt.Sprintf("%s@%d", part, at))
		t.Start(i, feed{q}, at)
		if !committed {
			t.Touch(i)
		}
	}
	return a, nil
}

// discard closes a task and ends its fetching.
func (p *process) discard(a *active) {
	a.Close()
	for _, q := range a.queues {
		p.fetcher.Remove(q)
	}
}

// beginning is where an input starts that was never committed. Repartition topics always start at what is left. The
// latest offset is asked for once: what comes between two attempts to start belongs to the program.
func (p *process) beginning(ctx context.Context, h *holding, part kafka.Partition) (int64, error) {
	if !p.opts.FromLatest || p.internal(part.Topic) {
		return p.client.EarliestOffset(ctx, part)
	}
	if at, ok := h.latest[part]; ok {
		return at, nil
	}
	at, err := p.client.LatestOffset(ctx, part)
	if err == nil {
		h.latest[part] = at
	}
	return at, err
}

// topicIDs are the ids of the changelog topics of a sub-topology's stores, by store.
func (p *process) topicIDs(ctx context.Context, sub *SubPlan) (map[string][16]byte, error) {
	ids := map[string][16]byte{}
	for _, s := range sub.Stores {
		if s.Unlogged {
			continue
		}
		id, err := p.client.TopicID(ctx, p.changelog(s.Name))
		if err != nil {
			return nil, fmt.Errorf("changelog of store %q: %w", s.Name, err)
		}
		ids[s.Name] = id
	}
	return ids, nil
}

// feed makes a fetch queue an input's feed.
type feed struct{ q *kafka.Queue }

func (f feed) Pop() (*kafka.Batch, bool) { return f.q.Pop() }
func (f feed) Done(b *kafka.Batch)       { f.q.Done(b) }
func (f feed) Err() error                { return f.q.State().Err }

// Ended implements task.Feed: everything that readers may see has been popped.
func (f feed) Ended() bool {
	s := f.q.State()
	return s.Known && s.Queued == 0 && s.Position >= s.LastStable
}

// Undecided implements task.Feed. At read uncommitted the position itself passes the undecided.
func (f feed) Undecided() bool {
	s := f.q.State()
	return max(s.Position, s.LastStable) < s.HighWatermark
}

// End implements task.Feed.
func (f feed) End() int64 { return f.q.State().HighWatermark }
