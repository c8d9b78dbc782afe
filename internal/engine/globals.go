// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// globals keeps the process' copies of the global tables.
//
// Owner: the goroutine that calls Run until load returns, then the one of follow. Tasks read the copies.
//
//  1. Every partition has a queue, which begins where the copy's position is.
//  2. While tasks run every copy has at least what its topic held at the start.
type globals struct {
	p        *process
	tables   []*globalTable
	copies   map[string]*state.Replica
	wake     chan struct{}
	producer *kafka.Producer // of dead letters, opened at the first
	saved    time.Time       // when the positions were last dated
}

type globalTable struct {
	task.Copier
	topic  [16]byte
	queues []*kafka.Queue
	at     []int64 // what the queues have moved to, as last committed
}

const (
	// copyAge is how old the date of a copy's position may be. The topic is the user's, and forgets deletes after
	// delete.retention.ms, a day unless it says otherwise: a copy that has missed some would keep rows for ever.
	copyAge = 12 * time.Hour
	// copyDated is how often positions that stand still are dated anew.
	copyDated = time.Hour
	// copyPause is the wait before brokers that do not answer are asked again.
	copyPause = time.Second
)

// loadGlobals opens the copies and brings them up to what their topics hold. It tries until ctx ends when brokers do
// not answer.
func (p *process) loadGlobals(ctx context.Context) error {
	g := &globals{p: p, copies: map[string]*state.Replica{}, wake: make(chan struct{}, 1), saved: p.opts.Clock.Now()}
	p.globals = g
	p.opened(g.close)
	for _, decl := range p.plan.Globals {
		if err := g.patiently(ctx, decl.Topic, func() error { return g.open(ctx, decl) }); err != nil {
			return err
		}
	}
	return g.load(ctx)
}

// patiently repeats f while it fails with what passes.
func (g *globals) patiently(ctx context.Context, topic string, f func() error) error {
	for {
		err := f()
		if err == nil || !kafka.Passing(err) {
			return err
		}
		g.p.opts.Log.Warn("a global table cannot be loaded yet", "topic", topic, "error", err)
		if !g.pause(ctx, copyPause) {
			return ctx.Err()
		}
	}
}

func (g *globals) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-g.p.opts.Clock.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// open opens the copy of one table and begins to fetch. After an error that passes it is called again.
func (g *globals) open(ctx context.Context, decl task.Global) (err error) {
	p := g.p
	t := &globalTable{}
	n, err := p.client.Partitions(ctx, decl.Topic)
	if err == nil {
		t.topic, err = p.client.TopicID(ctx, decl.Topic)
	}
	ends := make([]offsets, n)
	for i := range n {
		if err == nil {
			ends[i], err = p.ends(ctx, kafka.Partition{Topic: decl.Topic, Index: i})
		}
	}
	if err != nil {
		return fmt.Errorf("global table %q: %w", decl.Topic, err)
	}
	cp, err := state.OpenReplica(p.db, p.catalogue, decl.CopyName(), n)
	if err != nil {
		return err
	}
	t.Copier = task.Copier{
		Global: decl, Copy: cp, App: p.plan.App, Policies: &p.opts.Policies, Counters: &p.counters, Log: p.opts.Log,
		Pause: func(d time.Duration) bool { return g.pause(ctx, d) },
		Bury:  func(l task.Letter) error { return g.bury(ctx, l) },
	}
	g.tables, g.copies[decl.Topic] = append(g.tables, t), cp
	if t.at, err = g.begin(t, ends); err != nil {
		return err
	}
	for i, at := range t.at {
		part := kafka.Partition{Topic: decl.Topic, Index: int32(i)}
		t.queues = append(t.queues, p.restorer.Add(part, at, g.wakeUp))
	}
	return nil
}

// offsets are the ends of a partition.
type offsets struct{ first, end int64 }

func (p *process) ends(ctx context.Context, part kafka.Partition) (o offsets, err error) {
	if o.first, err = p.client.EarliestOffset(ctx, part); err == nil {
		o.end, err = p.client.LatestOffset(ctx, part)
	}
	return o, err
}

// begin finds where each partition goes on. When one of them cannot, the whole copy is built anew: whose rows are whose
// is not known.
func (g *globals) begin(t *globalTable, ends []offsets) ([]int64, error) {
	at, fit := make([]int64, len(ends)), true
	for i, o := range ends {
		pos, ok, err := t.Copy.Position(int32(i))
		if err != nil {
			return nil, err
		}
		age := g.p.opts.Clock.Now().Sub(time.UnixMilli(pos.At))
		fit = fit && ok && pos.Topic == t.topic && pos.Offset <= o.end && age < copyAge
		at[i] = max(pos.Offset, o.first)
	}
	if fit {
		return at, nil
	}
	for i, o := range ends {
		at[i] = o.first
	}
	return at, t.Copy.Clear()
}

// load drains the queues until each has come to its topic's end.
func (g *globals) load(ctx context.Context) error {
	began := g.p.opts.Clock.Now()
	for !g.ended() {
		if err := g.drain(); err != nil {
			return err
		}
		if g.ended() {
			break
		}
		select {
		case <-g.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, t := range g.tables {
		if err := g.save(t, true); err != nil {
			return err
		}
		g.p.opts.Log.Info("global table loaded", "topic", t.Topic, "records", t.Records,
			"took", g.p.opts.Clock.Now().Sub(began))
	}
	return nil
}

func (g *globals) ended() bool {
	for _, t := range g.tables {
		for _, q := range t.queues {
			if !(feed{q}).Ended() {
				return false
			}
		}
	}
	return true
}

// follow keeps the copies until ctx ends.
func (g *globals) follow(ctx context.Context) {
	for ctx.Err() == nil && len(g.tables) > 0 {
		err := g.drain()
		if now := g.p.opts.Clock.Now(); err == nil && now.Sub(g.saved) >= copyDated {
			g.saved = now
			err = g.saveAll()
		}
		if err != nil && ctx.Err() == nil {
			g.p.fail(err)
			return
		}
		select {
		case <-g.wake:
		case <-g.p.opts.Clock.After(copyDated):
		case <-ctx.Done():
		}
	}
	if err := g.saveAll(); err != nil {
		g.p.opts.Log.Warn("the positions of global tables are not dated", "error", err)
	}
}

// drain takes in everything that was fetched.
func (g *globals) drain() error {
	for _, t := range g.tables {
		for _, q := range t.queues {
			for b, ok := q.Pop(); ok; b, ok = q.Pop() {
				err := t.Apply(b)
				q.Done(b)
				if err == nil && t.Copy.Full() {
					err = g.save(t, false)
				}
				if err != nil {
					return err
				}
			}
			if err := q.State().Err; err != nil {
				return fmt.Errorf("global table %q: %w", t.Topic, err)
			}
		}
		if err := g.save(t, false); err != nil {
			return err
		}
	}
	return nil
}

// save commits what was taken in, with the positions: of all partitions, or of those that have moved.
func (g *globals) save(t *globalTable, all bool) error {
	moved := false
	for i, q := range t.queues {
		next := max(q.State().Next, t.at[i])
		if next == t.at[i] && !all {
			continue
		}
		t.at[i], moved = next, true
		if err := t.Copy.SetPosition(int32(i), state.UpTo(t.topic, next, g.p.opts.Clock.Now())); err != nil {
			return err
		}
	}
	if !moved {
		return nil
	}
	return t.Copy.Commit()
}

func (g *globals) saveAll() error {
	var errs []error
	for _, t := range g.tables {
		errs = append(errs, g.save(t, true))
	}
	return errors.Join(errs...)
}

// bury sends a dead letter, and waits until it is acknowledged. There is no transaction to send it in: after a crash it
// may come twice.
func (g *globals) bury(ctx context.Context, l task.Letter) (err error) {
	if g.producer == nil {
		if g.producer, err = kafka.NewProducer(ctx, g.p.client, kafka.ProducerOptions{
			Compression: g.p.opts.Compression,
		}); err != nil {
			return err
		}
	}
	if err := g.producer.Target(g.p.opts.Policies.DeadLetters, 0).Send(l.Key, l.Value, l.Time, l.Headers); err != nil {
		return err
	}
	return g.producer.Flush(ctx)
}

func (g *globals) wakeUp() {
	select {
	case g.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// close gives up the queues and what was not committed.
func (g *globals) close() error {
	var errs []error
	for _, t := range g.tables {
		for _, q := range t.queues {
			g.p.restorer.Remove(q)
		}
		errs = append(errs, t.Copy.Close())
	}
	if g.producer != nil {
		g.producer.Close()
	}
	return errors.Join(errs...)
}
