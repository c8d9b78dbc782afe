// SPDX-License-Identifier: Apache-2.0

package task

import (
	"sync"
	"sync/atomic"
)

// Counters count what tasks do: records once per turn, drops one by one. Written by the worker that owns the tasks,
// read by anyone.
type Counters struct {
	records atomic.Uint64
	mu      sync.Mutex
	drops   map[DropReason]uint64
}

// DropReason says where and why records were dropped.
type DropReason struct{ Operator, Reason string }

// Records is how many input records were processed.
func (c *Counters) Records() uint64 { return c.records.Load() }

// Drops are the numbers of records dropped, by operator and reason.
func (c *Counters) Drops() map[DropReason]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[DropReason]uint64, len(c.drops))
	for k, v := range c.drops {
		out[k] = v
	}
	return out
}

func (c *Counters) drop(operator, reason string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops == nil {
		c.drops = map[DropReason]uint64{}
	}
	k := DropReason{operator, reason}
	c.drops[k]++
	return c.drops[k]
}
