// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
)

// process is one of the programs that share the tasks: a state directory. The database keeps what tasks that have moved
// away left there, with its position, for when they come back.
type process struct {
	db      state.DB
	stores  *state.Catalogue
	globals globals
	flushed time.Time // when what the database holds last became safe from a crash
}

// join adds a process with a database, nil for one in memory.
func (d *Driver) join(db state.DB) *process {
	d.tb.Helper()
	if db == nil {
		db = memory.New()
	}
	p := &process{db: db, flushed: d.clock.Now()}
	d.boot(p)
	d.processes = append(d.processes, p)
	return p
}

// boot opens the database as a program does that starts.
func (d *Driver) boot(p *process) {
	d.tb.Helper()
	var err error
	if p.stores, err = state.OpenCatalogue(p.db); err == nil {
		err = d.openCopies(p)
	}
	if err != nil {
		d.tb.Fatal(err)
	}
}

// flush makes everything that the database holds safe from a crash.
func (d *Driver) flush(p *process) error {
	p.flushed = d.clock.Now()
	return p.db.Flush()
}

// kill is what kill -9 does to a process: the database falls back to what was flushed, if it is one that can.
func (d *Driver) kill(p *process) {
	d.tb.Helper()
	if db, ok := p.db.(interface{ Crash() }); ok {
		db.Crash()
	}
	d.boot(p)
}

// erase removes the state directory.
func (d *Driver) erase(p *process) error {
	b := p.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := b.DeleteRange([]byte{0}, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}); err != nil {
		return err
	}
	if err := b.Commit(); err != nil {
		return err
	}
	return p.db.Flush()
}

// start builds every task, each at its process, from what is committed.
func (d *Driver) start() {
	d.tb.Helper()
	for i := range d.plan.Subs {
		for p := range d.perSub[i] {
			id := task.ID{Sub: i, Partition: p}
			t, err := d.open(id, d.processes[d.home[id]])
			if err != nil {
				d.tb.Fatal(err)
			}
			d.tasks = append(d.tasks, t)
		}
	}
}

// open builds a task at a process, and has it go on from what is committed.
func (d *Driver) open(id task.ID, p *process) (*task.Task, error) {
	if d.attempts[id] == nil {
		d.attempts[id] = &task.Attempts{}
	}
	t, err := d.restored(id, p, d.attempts[id], &d.counters)
	if err != nil {
		return nil, err
	}
	for i, part := range t.Partitions() {
		at := d.cluster.commits[part].Offset
		t.Start(i, &feed{log: d.cluster.log(part), next: at, size: d.opts.BatchRecords}, at)
	}
	return t, nil
}

// restored builds a task whose stores are up to date, and that has no input yet.
func (d *Driver) restored(id task.ID, p *process, a *task.Attempts, c *task.Counters) (*task.Task, error) {
	sub := &d.plan.Subs[id.Sub]
	clocks := map[string]int64{}
	for _, topic := range sub.Topics() {
		c := d.cluster.commits[kafka.Partition{Topic: topic, Index: id.Partition}]
		if err := task.ParseClocks(c.Metadata, clocks); err != nil {
			return nil, err
		}
	}
	t, err := task.New(task.Setup{
		Attempts: a, ID: id, App: d.plan.App, Sources: sub.Sources, Output: output{d}, Clock: d.clock,
		Log: slog.New(slog.DiscardHandler), Policies: d.opts.Errors, Counters: c, Clocks: clocks,
		Copies: p.globals.copies, AtOnce: d.atOnce(), MaxIdle: d.opts.MaxTaskIdle,
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			prefix, err := p.stores.Prefix(spec.Name, partition)
			return state.Backing{DB: p.db, Prefix: prefix, Limit: d.opts.CacheBytes}, err
		},
	})
	if err != nil {
		return nil, err
	}
	for _, s := range t.Stores() {
		if err := d.restore(s, p); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// restore replays the part of a store's changelog that the process' database does not have.
func (d *Driver) restore(s *task.Store, p *process) error {
	if s.Spec().Unlogged {
		return nil
	}
	batch := p.db.NewBatch()
	defer func() { _ = batch.Close() }()
	pos, ok, err := s.Position()
	if err != nil {
		return err
	}
	if !ok {
		if err := s.Clear(batch); err != nil {
			return err
		}
	}
	log := d.cluster.log(s.Changelog)
	for at := pos.Offset; at < log.end(); at++ {
		e := log.entries[at]
		if err := s.Restore(batch, e.key, e.value, e.time, at); err != nil {
			return err
		}
	}
	if err := s.SetPosition(batch, log.end(), d.clock.Now()); err != nil {
		return err
	}
	return batch.Commit()
}
