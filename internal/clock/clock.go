// SPDX-License-Identifier: Apache-2.0

// Package clock is the only place that reads wall time. Everything else is given a Clock, so that a test moves time
// by hand and never waits for it.
package clock

import (
	"sync"
	"time"
)

// Clock is a source of wall time. Its methods may be called from any goroutine.
type Clock interface {
	// Now is the current wall time.
	Now() time.Time
	// After gives a channel that receives once, d from now. A channel that nobody reads any more is garbage, not a leak.
	After(d time.Duration) <-chan time.Time
}

// System is the machine's clock.
var System Clock = system{}

type system struct{}

func (system) Now() time.Time                         { return time.Now() }
func (system) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Manual is a clock that moves only when Advance is called.
//
// Owner: the test. Any goroutine may read it; mu guards all fields.
//
//  1. now never goes back.
//  2. no waiter in waiting is due at now.
type Manual struct {
	mu      sync.Mutex
	now     time.Time
	waiting []waiter
}

type waiter struct {
	due time.Time
	ch  chan time.Time
}

// NewManual gives a clock that stands at now.
func NewManual(now time.Time) *Manual { return &Manual{now: now} }

// Now is the time that Advance has reached.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// After gives a channel that receives when Advance has passed d from now, at once when d is not positive.
func (m *Manual) After(d time.Duration) <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- m.now
		return ch
	}
	m.waiting = append(m.waiting, waiter{due: m.now.Add(d), ch: ch})
	return ch
}

// Advance moves the clock forward by d, which must not be negative, and wakes whoever waited for a time up to there.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(max(d, 0))
	kept := m.waiting[:0]
	for _, w := range m.waiting {
		if w.due.After(m.now) {
			kept = append(kept, w)
			continue
		}
		w.ch <- m.now
	}
	clear(m.waiting[len(kept):])
	m.waiting = kept
}
