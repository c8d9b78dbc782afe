// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
)

// purgeList remembers up to where inputs are committed. Workers note, upkeep takes.
type purgeList struct {
	mu      sync.Mutex
	offsets map[kafka.Partition]int64
}

func (l *purgeList) note(offsets map[kafka.Partition]kafka.Commit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.offsets == nil {
		l.offsets = map[kafka.Partition]int64{}
	}
	for part, c := range offsets {
		l.offsets[part] = c.Offset
	}
}

func (l *purgeList) take() map[kafka.Partition]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	offsets := l.offsets
	l.offsets = nil
	return offsets
}

// upkeepTick is how often upkeep looks what is due.
const upkeepTick = 500 * time.Millisecond

// upkeep does what has to be done now and then, until ctx ends: the database's memtables to disk, so that a crash
// replays no more than CheckpointInterval, repartition topics purged behind their readers, progress told.
func (p *process) upkeep(ctx context.Context) {
	flushed := p.opts.Clock.Now()
	purged := flushed
	for {
		select {
		case <-ctx.Done():
			p.tell()
			return
		case <-p.opts.Clock.After(upkeepTick):
		}
		p.tell()
		now := p.opts.Clock.Now()
		if now.Sub(flushed) >= p.opts.CheckpointInterval {
			flushed = now
			if err := p.db.Flush(); err != nil {
				p.fail(err)
				return
			}
		}
		if now.Sub(purged) >= p.opts.PurgeInterval {
			purged = now
			p.purgeCommitted(ctx)
		}
	}
}

func (p *process) tell() {
	if p.opts.OnRecords == nil {
		return
	}
	var total uint64
	for _, w := range p.workers {
		total += w.counters.Records()
	}
	p.opts.OnRecords(total)
}

func (p *process) purgeCommitted(ctx context.Context) {
	offsets := p.purge.take()
	maps.DeleteFunc(offsets, func(part kafka.Partition, _ int64) bool { return !p.internal(part.Topic) })
	if len(offsets) == 0 {
		return
	}
	if err := p.client.DeleteRecords(ctx, offsets); err != nil && ctx.Err() == nil {
		p.opts.Log.Warn("repartition topics could not be purged; they are next time", "error", err)
	}
}

// internal says whether topic is one that the application made for itself to read.
func (p *process) internal(topic string) bool {
	sub, ok := p.subOf[topic]
	if !ok {
		return false
	}
	for _, n := range p.plan.Subs[sub].Sub.Inputs {
		if n.Role == graph.Exchange && n.TopicName(p.plan.App) == topic {
			return true
		}
	}
	return false
}

func (p *process) changelog(store string) string { return graph.ChangelogName(p.plan.App, store) }

// cacheLimit is the share of the cache budget of each store and view, by the number of those that are open now.
func (p *process) cacheLimit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for id := range p.held {
		n += len(p.plan.Subs[id.Sub].Stores) + p.plan.Subs[id.Sub].Views
	}
	return int(p.opts.share(cachePercent)) / max(n, 1)
}
