// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// globals are the copies that a process has of global tables. They are loaded before a task starts, and take in at once
// what is sent to their topics, also by the topology itself when it has committed it.
type globals struct {
	copiers []*task.Copier
	copies  map[string]*state.Replica // by topic
}

// openCopies opens the copies of a process and brings them up to their topics.
func (d *Driver) openCopies(p *process) error {
	p.globals = globals{copies: map[string]*state.Replica{}}
	for _, g := range d.plan.Globals {
		cp, err := state.OpenReplica(p.db, p.stores, g.CopyName(), d.opts.Partitions)
		if err != nil {
			return err
		}
		p.globals.copies[g.Topic] = cp
		p.globals.copiers = append(p.globals.copiers, &task.Copier{
			Global: g, Copy: cp, App: d.plan.App, Policies: &d.opts.Errors, Counters: &d.counters,
			Log:   slog.New(slog.DiscardHandler),
			Pause: func(time.Duration) bool { return true },
			Bury:  d.bury,
		})
	}
	return d.copyRest(p)
}

// copyRest takes in what a process' copies lack.
func (d *Driver) copyRest(p *process) error {
	for _, c := range p.globals.copiers {
		for i := range d.opts.Partitions {
			pos, _, err := c.Copy.Position(i)
			if err != nil {
				return err
			}
			log := d.cluster.log(kafka.Partition{Topic: c.Topic, Index: i})
			if pos.Offset == log.end() {
				continue
			}
			for at := pos.Offset; at < log.end(); {
				b := log.batch(at, d.opts.BatchRecords)
				if err := c.Apply(b); err != nil {
					return err
				}
				at = b.Last + 1
			}
			if err := c.Copy.SetPosition(i, state.UpTo([16]byte{}, log.end(), d.clock.Now())); err != nil {
				return err
			}
		}
		if err := c.Copy.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// follow takes in what the copies of all processes lack.
func (d *Driver) follow() error {
	for _, p := range d.processes {
		if err := d.copyRest(p); err != nil {
			return err
		}
	}
	return nil
}

// share appends a record to the topic of a global table, which all processes take in before anything else happens, and
// after what was sent before has been processed and committed. It says whether nobody else reads the topic.
func (d *Driver) share(part kafka.Partition, e entry) (taken bool) {
	d.tb.Helper()
	if !d.reads(graph.Global, part.Topic) {
		return false
	}
	d.settle()
	d.cluster.log(part).append(e)
	if err := d.follow(); err != nil {
		d.retry(err)
		return true
	}
	if d.reads(graph.Source, part.Topic) {
		d.settle()
	}
	return true
}

// reads says whether the topology has a node of some role on a topic.
func (d *Driver) reads(role graph.Role, topic string) bool {
	for _, n := range d.plan.Graph.Nodes {
		if n.Role == role && n.Topic == topic {
			return true
		}
	}
	return false
}

func (d *Driver) bury(l task.Letter) error {
	e := entry{key: l.Key, value: l.Value, time: l.Time, headers: l.Headers}
	d.cluster.log(kafka.Partition{Topic: d.opts.Errors.DeadLetters}).append(e.clone())
	return nil
}

// GlobalRows is a look into a global table, as Rows is into a store.
type GlobalRows[K comparable, V any] struct {
	d     *Driver
	topic stream.Topic[K, V]
}

// Global gives a look into a global table by its topic. One that the topology does not have fails the test.
func Global[K comparable, V any](d *Driver, topic stream.Topic[K, V]) *GlobalRows[K, V] {
	d.tb.Helper()
	if !d.reads(graph.Global, topic.Name) {
		d.tb.Fatalf("topology %s has no global table of topic %q", d.plan.App, topic.Name)
	}
	return &GlobalRows[K, V]{d, topic}
}

// Get is the row of k, with the time of its last update. All processes have the same.
func (g *GlobalRows[K, V]) Get(k K) (row stream.Timed[V], ok bool) {
	g.d.tb.Helper()
	view := state.NewView(g.d.processes[0].globals.copies[g.topic.Name], g.topic.Key, g.topic.Value, func(err error) {
		g.d.tb.Fatalf("global table of topic %q, key %v: %v", g.topic.Name, k, err)
	})
	row.Value, row.Time, ok = view.Get(k)
	return row, ok
}
