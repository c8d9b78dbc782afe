// SPDX-License-Identifier: Apache-2.0

// Package streamtest runs a topology without a broker: the same tasks as in production, over topics in memory, in the
// goroutine of the test. Nothing happens unless the test asks for it, and the wall clock stands still.
//
//	d := streamtest.New(t, topology)
//	in, out := streamtest.Input(d, payments), streamtest.Output(d, alerts)
//	in.Send("card-1", Payment{Amount: 900}, 12_000)
//	for _, r := range out.Read() { … }
//
// A record that is sent is processed, and its results are committed and visible, before Send returns.
package streamtest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
)

// Options are the knobs that results must not depend on, and a few that they do. The zero value will do.
type Options struct {
	// Partitions of every topic that has no count of its own. Defaults to 1.
	Partitions int32
	// CommitEvery is after how many sent records a commit follows. Defaults to 1. Reading commits what is left.
	CommitEvery int
	// BatchRecords is how many records a fetched batch has at most. Defaults to 100.
	BatchRecords int
	// CacheBytes bounds the cache of each store. Defaults to state.DefaultLimit.
	CacheBytes int
	// CheckpointInterval is that of stream.Config. Defaults to 10 s of the driver's wall clock.
	CheckpointInterval time.Duration
	// MaxRecordBytes is how large a record may be that is written, as brokers bound it. Defaults to 1 MiB.
	MaxRecordBytes int
	// Errors are the policies for bad records. Default to Fail, which fails the test. A retry does not wait, and Park is
	// Fail.
	Errors stream.Policies
	// Expect is given the error that stops the topology, where a test wants one: what was not committed is gone, and
	// nothing more happens until Restart. Defaults to failing the test.
	Expect func(error)
	// Now is where the wall clock begins. Defaults to the beginning of 2024.
	Now time.Time
	// DB is the database of the stores. Defaults to one in memory.
	DB state.DB
}

// Driver is a topology under test.
//
// Owner: the test's goroutine.
//
//  1. What is in cluster is committed; pending is what the tasks have sent since.
//  2. tasks were built from cluster and db alone. After a failure there are none.
type Driver struct {
	tb      testing.TB
	opts    Options
	plan    *engine.Plan
	perSub  []int32
	cluster *cluster
	db      state.DB
	stores  *state.Catalogue
	clock   *clock.Manual

	tasks    []*task.Task
	attempts map[task.ID]*task.Attempts
	counters task.Counters
	pending  []sent
	unsaid   int // records sent since the last commit
}

// sent is a record that waits for the commit.
type sent struct {
	part kafka.Partition
	entry
}

// New builds a topology and starts all its tasks on empty topics. Mistakes in the topology fail the test.
func New(tb testing.TB, t *stream.Topology, opts ...Options) *Driver {
	tb.Helper()
	d := &Driver{tb: tb, cluster: newCluster(), attempts: map[task.ID]*task.Attempts{}}
	if len(opts) > 0 {
		d.opts = opts[0]
	}
	d.defaults(t.Name())
	var err error
	if d.plan, err = engine.PlanOf(t); err != nil {
		tb.Fatal(err)
	}
	if d.stores, err = state.OpenCatalogue(d.db); err != nil {
		tb.Fatal(err)
	}
	d.createTopics()
	d.start()
	return d
}

func (d *Driver) defaults(app string) {
	o := &d.opts
	o.Partitions = max(o.Partitions, 1)
	o.CommitEvery = max(o.CommitEvery, 1)
	if o.BatchRecords < 1 {
		o.BatchRecords = 100
	}
	if o.CheckpointInterval == 0 {
		o.CheckpointInterval = 10 * time.Second
	}
	if o.MaxRecordBytes < 1 {
		o.MaxRecordBytes = 1 << 20
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Errors.DeadLetters == "" {
		o.Errors.DeadLetters = app + "-dead-letters"
	}
	d.clock = clock.NewManual(o.Now)
	if d.db = o.DB; d.db == nil {
		d.db = memory.New()
	}
}

func (d *Driver) createTopics() {
	counts := map[string]int32{}
	for _, n := range d.plan.Graph.Nodes {
		if n.Role == graph.Source || n.Role == graph.Sink && n.Topic != "" {
			counts[n.Topic] = d.opts.Partitions
		}
	}
	perSub, exchanges, err := d.plan.Graph.PartitionCounts(counts)
	if err != nil {
		d.tb.Fatal(err)
	}
	d.perSub = perSub
	for topic, n := range counts {
		d.cluster.create(topic, n)
	}
	for topic, n := range exchanges {
		d.cluster.create(topic, n)
	}
	d.cluster.create(d.opts.Errors.DeadLetters, 1)
}

// start builds every task from what is committed.
func (d *Driver) start() {
	for i := range d.plan.Subs {
		for p := range d.perSub[i] {
			t, err := d.open(task.ID{Sub: i, Partition: p})
			if err != nil {
				d.tb.Fatal(err)
			}
			d.tasks = append(d.tasks, t)
		}
	}
}

func (d *Driver) open(id task.ID) (*task.Task, error) {
	sub := &d.plan.Subs[id.Sub]
	clocks := map[string]int64{}
	for _, topic := range sub.Topics() {
		c := d.cluster.commits[kafka.Partition{Topic: topic, Index: id.Partition}]
		if err := task.ParseClocks(c.Metadata, clocks); err != nil {
			return nil, err
		}
	}
	if d.attempts[id] == nil {
		d.attempts[id] = &task.Attempts{}
	}
	t, err := task.New(task.Setup{
		Attempts: d.attempts[id], ID: id, App: d.plan.App, Sources: sub.Sources, Output: output{d}, Clock: d.clock,
		Log: slog.New(slog.DiscardHandler), Policies: d.opts.Errors, Counters: &d.counters, Clocks: clocks,
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			prefix, err := d.stores.Prefix(spec.Name, partition)
			return state.Backing{DB: d.db, Prefix: prefix, Limit: d.opts.CacheBytes}, err
		},
	})
	if err != nil {
		return nil, err
	}
	for _, s := range t.Stores() {
		if err := d.restore(s); err != nil {
			return nil, err
		}
	}
	for i, part := range t.Partitions() {
		at := d.cluster.commits[part].Offset
		t.Start(i, &feed{log: d.cluster.log(part), next: at, size: d.opts.BatchRecords}, at)
	}
	return t, nil
}

// restore replays the part of a store's changelog that the database does not have.
func (d *Driver) restore(s *task.Store) error {
	if s.Spec().Unlogged {
		return nil
	}
	batch := d.db.NewBatch()
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

// output collects what tasks send until the commit. It implements task.Output.
type output struct{ d *Driver }

func (o output) Partitions(topic string) (int32, error) {
	if n := o.d.cluster.counts[topic]; n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("%w: %q", kafka.ErrTopicMissing, topic)
}

func (o output) Target(topic string, partition int32) (task.Target, error) {
	return &target{d: o.d, part: kafka.Partition{Topic: topic, Index: partition}}, nil
}

type target struct {
	d    *Driver
	part kafka.Partition
}

// Send implements task.Target.
func (t *target) Send(key, value []byte, timeMs int64, headers []kafka.Header) error {
	size := len(key) + len(value)
	for _, h := range headers {
		size += len(h.Key) + len(h.Value)
	}
	if most := t.d.opts.MaxRecordBytes; size > most {
		return fmt.Errorf("record for %s: %d bytes, at most %d: %w", t.part, size, most, kafka.ErrTooLarge)
	}
	e := entry{key: key, value: value, time: timeMs, headers: headers}
	t.d.pending = append(t.d.pending, sent{t.part, e.clone()})
	return nil
}
