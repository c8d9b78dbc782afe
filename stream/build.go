// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
)

// build makes the plan. Which stores a sub-topology has is learnt by opening a task of it that never runs.
func (t *Topology) build() error {
	plan := &engine.Plan{App: t.graph.Name, Graph: t.graph, Globals: t.globals}
	planner := &planner{graph: t.graph, specs: map[*graph.Node][]state.Spec{}}
	var failed []error
	for _, sub := range t.graph.Split() {
		p := engine.SubPlan{Sub: sub}
		for _, in := range sub.Inputs {
			p.Sources = append(p.Sources, task.Source{
				Topic: in.TopicName(t.graph.Name), Open: t.sources[in], Echo: slices.Contains(sub.Echoes, in),
			})
		}
		views, err := planner.rehearse(sub, p.Sources)
		p.Views, failed = views, append(failed, err)
		for _, n := range sub.Nodes {
			p.Stores = append(p.Stores, planner.specs[n]...)
		}
		plan.Subs = append(plan.Subs, p)
	}
	if err := t.graph.Validate(); err != nil {
		return err // a rehearsal that failed is a consequence
	}
	t.plan = plan
	return errors.Join(failed...)
}

// planner learns from tasks that never run what the operators open. Their mistakes become the graph's.
type planner struct {
	graph *graph.Graph
	specs map[*graph.Node][]state.Spec
}

// rehearse opens a task of sub in memory, and counts its views of global tables.
func (p *planner) rehearse(sub *graph.Sub, sources []task.Source) (views int, err error) {
	watched := make([]task.Source, len(sources))
	for i, src := range sources {
		watched[i] = task.Source{Topic: src.Topic, Open: func(inner *task.Task) task.Input {
			wrap(inner).planner = p
			return src.Open(inner)
		}}
	}
	db := memory.New()
	t, err := task.New(task.Setup{
		App: p.graph.Name, Sources: watched, Output: nowhere{}, Clock: clock.System, Log: slog.New(slog.DiscardHandler),
		Counters: &task.Counters{},
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			return state.Backing{DB: db, Prefix: []byte(fmt.Sprintf("%s/%d/", spec.Name, partition))}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	for _, s := range t.Stores() {
		if s.Stats().Rows > 0 {
			p.graph.Mistake(p.owner(sub, s.Spec().Name), "%w", task.UsedTooEarly(s.Spec().Name))
		}
	}
	p.checkClocks(sub, t)
	if n := t.MetadataBytes(); n > task.MaxMetadata {
		p.graph.Mistake(sub.Nodes[0], "the clocks of the operators in its sub-topology take %d bytes of the metadata that "+
			"is committed with its offsets; brokers take %d: give the operators shorter names, or split the topology at a topic",
			n, task.MaxMetadata)
	}
	return t.Views(), nil
}

// looks notes that an operator looks into a global table.
func (p *planner) looks(n *graph.Node, topic string) {
	if !slices.Contains(n.Globals, topic) {
		n.Globals = append(n.Globals, topic)
	}
}

// checkClocks asks for a clock where rows live by one.
func (p *planner) checkClocks(sub *graph.Sub, t *task.Task) {
	for _, n := range sub.Nodes {
		for _, s := range p.specs[n] {
			if s.TTL.After > 0 && !s.TTL.Wall && !t.HasClock(n.Name) {
				p.graph.Mistake(n, "store %q has a TTL by the operator's clock, but the operator has none: open one by "+
					"Task.Clock, or set TTL.Wall", s.Name)
			}
		}
	}
}

// owner is the operator that has opened a store.
func (p *planner) owner(sub *graph.Sub, store string) *graph.Node {
	for _, n := range sub.Nodes {
		if slices.ContainsFunc(p.specs[n], func(s state.Spec) bool { return s.Name == store }) {
			return n
		}
	}
	return sub.Nodes[0]
}

// nowhere is the output of a task that never runs.
type nowhere struct{}

func (nowhere) Partitions(string) (int32, error)          { return 1, nil }
func (nowhere) Target(string, int32) (task.Target, error) { return nowhere{}, nil }

// Send implements task.Target. Nothing calls it.
func (nowhere) Send([]byte, []byte, int64, []kafka.Header) error { return nil }

func init() {
	engine.PlanOf = func(topology any) (*engine.Plan, error) {
		t, ok := topology.(*Topology)
		if !ok {
			return nil, fmt.Errorf("%T is not a topology", topology)
		}
		if err := t.Build(); err != nil {
			return nil, err
		}
		return t.plan, nil
	}
}
