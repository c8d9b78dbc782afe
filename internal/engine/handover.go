// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

// holding is a task that this process has been given.
//
// Owner: process.mu guards the map of holdings; worker never changes. attempts belongs to the worker.
type holding struct {
	id       task.ID
	worker   *worker
	attempts task.Attempts             // at its records, across the tasks that are built for it one after the other
	latest   map[kafka.Partition]int64 // where inputs begin that begin at their end
}

// Assigned implements kafka.Handler: a task begins when all its partitions are here.
func (p *process) Assigned(parts []kafka.Partition) {
	for _, part := range parts {
		if err := p.expected(part); err != nil {
			p.fail(err)
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := map[task.ID]bool{}
	for _, part := range parts {
		p.have[part] = true
		if sub, ok := p.subOf[part.Topic]; ok {
			ids[task.ID{Sub: sub, Partition: part.Index}] = true
		}
	}
	for _, id := range sorted(ids) {
		if p.held[id] != nil || !p.complete(id) {
			continue
		}
		h := &holding{id: id, worker: p.idlest(), latest: map[kafka.Partition]int64{}}
		p.held[id] = h
		h.worker.post(message{kind: msgAssign, holding: h})
	}
}

// expected refuses a partition that was added while the program ran, where there is state: the keys that go there now
// have their state elsewhere.
func (p *process) expected(part kafka.Partition) error {
	sub, ok := p.subOf[part.Topic]
	if !ok || part.Index < p.partitions[sub] || len(p.plan.Subs[sub].Stores) == 0 {
		return nil
	}
	return fmt.Errorf("topic %q has partition %d, but there is state for %d partitions: keys go to other partitions now "+
		"than their state. Stop all processes, delete the application's changelogs and repartition topics and reset its "+
		"group, or go on with a new topic", part.Topic, part.Index, p.partitions[sub])
}

// complete says whether all inputs of a task are here.
func (p *process) complete(id task.ID) bool {
	for _, topic := range p.plan.Subs[id.Sub].Topics() {
		if !p.have[kafka.Partition{Topic: topic, Index: id.Partition}] {
			return false
		}
	}
	return true
}

// idlest is the worker with the fewest tasks, and among those with equally many the one with the fewest of them at all:
// the first. Tasks of one partition number fall on different workers when there are several sub-topologies.
func (p *process) idlest() *worker {
	load := map[*worker]int{}
	for _, h := range p.held {
		load[h.worker]++
	}
	return slices.MinFunc(p.workers, func(a, b *worker) int {
		return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(a.index, b.index))
	})
}

// Revoked implements kafka.Handler: it returns when the tasks of these partitions have committed and are closed.
func (p *process) Revoked(parts []kafka.Partition) { p.giveUp(parts, msgRevoke) }

// Lost implements kafka.Handler: somebody else may have the partitions already, so nothing of them is committed.
func (p *process) Lost(parts []kafka.Partition) { p.giveUp(parts, msgDrop) }

func (p *process) giveUp(parts []kafka.Partition, how kind) {
	p.mu.Lock()
	byWorker := map[*worker][]*holding{}
	for _, part := range parts {
		delete(p.have, part)
		sub, ok := p.subOf[part.Topic]
		if !ok {
			continue
		}
		id := task.ID{Sub: sub, Partition: part.Index}
		if h := p.held[id]; h != nil {
			delete(p.held, id)
			byWorker[h.worker] = append(byWorker[h.worker], h)
		}
	}
	p.mu.Unlock()
	var done []chan struct{}
	for w, hs := range byWorker {
		ch := make(chan struct{})
		done = append(done, ch)
		w.post(message{kind: how, holdings: hs, done: ch})
	}
	for _, ch := range done {
		<-ch
	}
}

// warm gives the tasks for which this directory has state, by their sub-topology's first topic in the order of names:
// of two processes that could run a task, the one that needs not restore it gets it.
func (p *process) warm() []kafka.Partition {
	held, err := p.catalogue.Held()
	if err != nil {
		p.opts.Log.Warn("the group is not told which state is here", "error", err)
		return nil
	}
	topics := map[string]string{} // by store
	for i := range p.plan.Subs {
		for _, s := range p.plan.Subs[i].Stores {
			topics[s.Name] = slices.Min(p.plan.Subs[i].Topics())
		}
	}
	have := map[kafka.Partition]bool{}
	for _, h := range held {
		if topic, ok := topics[h.Store]; ok { // else of a store that the program had once
			have[kafka.Partition{Topic: topic, Index: h.Partition}] = true
		}
	}
	return slices.Collect(maps.Keys(have))
}

func sorted(ids map[task.ID]bool) []task.ID {
	out := make([]task.ID, 0, len(ids))
	for id := range ids {
		out = append(out, id)
	}
	slices.SortFunc(out, func(a, b task.ID) int {
		return cmp.Or(cmp.Compare(a.Sub, b.Sub), cmp.Compare(a.Partition, b.Partition))
	})
	return out
}
