// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"log/slog"

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
	if err := t.graph.Validate(); err != nil {
		return err
	}
	plan := &engine.Plan{App: t.graph.Name, Graph: t.graph}
	planner := &planner{graph: t.graph, specs: map[*graph.Node][]state.Spec{}}
	for _, sub := range t.graph.Split() {
		p := engine.SubPlan{Sub: sub}
		for _, in := range sub.Inputs {
			p.Sources = append(p.Sources, task.Source{Topic: in.TopicName(t.graph.Name), Open: t.sources[in]})
		}
		if err := rehearse(plan.App, p.Sources, planner); err != nil {
			return err
		}
		for _, n := range sub.Nodes {
			p.Stores = append(p.Stores, planner.specs[n]...)
		}
		plan.Subs = append(plan.Subs, p)
	}
	t.plan = plan
	return t.graph.Validate() // stores have claimed their names meanwhile
}

// rehearse opens a task in memory, for the planner to see.
func rehearse(app string, sources []task.Source, p *planner) error {
	watched := make([]task.Source, len(sources))
	for i, src := range sources {
		watched[i] = task.Source{Topic: src.Topic, Open: func(inner *task.Task) task.Input {
			wrap(inner).planner = p
			return src.Open(inner)
		}}
	}
	db := memory.New()
	_, err := task.New(task.Setup{
		App: app, Sources: watched, Output: nowhere{}, Clock: clock.System, Log: slog.New(slog.DiscardHandler),
		Counters: &task.Counters{},
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			return state.Backing{DB: db, Prefix: []byte(fmt.Sprintf("%s/%d/", spec.Name, partition))}, nil
		},
	})
	return err
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
