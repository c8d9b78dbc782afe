// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
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
	// Guarantee is that of stream.Config. Defaults to ExactlyOnce. With AtLeastOnce a crash in the middle of a commit
	// leaves what was sent until then.
	Guarantee stream.Guarantee
	// MaxTaskIdle is that of stream.Config, on the driver's wall clock: what is held back for an empty input stays behind
	// when Send returns, and goes on with a record there or by AdvanceWall. Defaults to 0.
	MaxTaskIdle time.Duration
	// Seed decides in which order tasks get their turns, how many records each takes, and what Rebalance moves. The same
	// seed gives the same run. Defaults to 0: tasks take turns in order, each as many records as a batch has.
	Seed uint64
	// Now is where the wall clock begins. Defaults to the beginning of 2024.
	Now time.Time
	// DB is the database of the first process, which has all tasks until Rebalance. Defaults to one in memory, as the
	// other processes have.
	DB state.DB
}

// Driver is a topology under test.
//
// Owner: the test's goroutine.
//
//  1. What is in cluster is what brokers have; pending is what the tasks have sent since and may still be lost.
//  2. A task was built from cluster and the database of its process alone. After a failure there are no tasks.
//  3. tasks are in the order of their IDs, and home names a process for each.
type Driver struct {
	tb      testing.TB
	opts    Options
	plan    *engine.Plan
	perSub  []int32
	cluster *cluster
	clock   *clock.Manual
	turns   *rand.Rand // nil: in order
	moves   *rand.Rand

	processes []*process
	home      map[task.ID]int
	tasks     []*task.Task
	attempts  map[task.ID]*task.Attempts
	counters  task.Counters
	pending   []sent
	offsets   map[kafka.Partition]kafka.Commit // of the commit under way
	runs      map[kafka.Partition][]kafka.Run  // of what was sent for it
	unsaid    int                              // records sent since the last commit
	taken     int                              // records, and entries of backlogs, that tasks have ever taken
}

// sent is a record that waits for the commit.
type sent struct {
	part kafka.Partition
	entry
}

// New builds a topology and starts all its tasks on empty topics. Mistakes in the topology fail the test.
func New(tb testing.TB, t *stream.Topology, opts ...Options) *Driver {
	tb.Helper()
	d := &Driver{tb: tb, cluster: newCluster(), attempts: map[task.ID]*task.Attempts{}, home: map[task.ID]int{}}
	if len(opts) > 0 {
		d.opts = opts[0]
	}
	d.defaults(t.Name())
	var err error
	if d.plan, err = engine.PlanOf(t); err != nil {
		tb.Fatal(err)
	}
	d.join(d.opts.DB)
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
	if o.Seed != 0 {
		d.turns = rand.New(rand.NewPCG(o.Seed, 0))
	}
	d.moves = rand.New(rand.NewPCG(o.Seed, 1))
}

func (d *Driver) createTopics() {
	counts := map[string]int32{}
	for _, n := range d.plan.Graph.Nodes {
		if n.Role == graph.Source || n.Role == graph.Global || n.Role == graph.Sink && n.Topic != "" {
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
