// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/irmak-go/irmak/state"
)

// Timer is a one-shot timer.
type Timer[K any] struct {
	Key  K
	Name string
	At   int64 // event time in milliseconds for which it was set
}

// schedule is what a Processor calls without a record.
//
//  1. No timer in the store is earlier than due.
//  2. While timers are called, past holds those that were set for the time of the one in work or earlier. They go into
//     the store when no more are due: otherwise a timer that sets itself again would never let the task go on.
type schedule[K comparable] struct {
	watches  bool // something waits for the clock
	periodic []*periodic
	timers   *state.TimerStore[K]
	onTimer  func(Timer[K]) error
	due      int64
	firing   bool
	past     []Timer[K]

	// What is being called. callTimer and callPeriodic are made once, so that a call allocates nothing.
	timerNow    Timer[K]
	periodicNow *periodic

	callTimer, callPeriodic func()
}

// periodic is a function that is called once per interval of the clock.
type periodic struct {
	every int64 // ms
	next  int64 // the clock's time from which it is called again
	f     func(now int64) error
}

// after is the first multiple of the interval behind now, which lies before 0 while disorder exceeds the time.
func (e *periodic) after(now int64) int64 {
	last := now % e.every
	if last < 0 {
		last += e.every
	}
	return now - last + e.every
}

// Every has f called with the operator's clock: at its first record ever, then once the clock has reached a multiple of
// every. Several multiples that the clock jumps over are one call. Call it in build.
func (p *Processor[K, R]) Every(every time.Duration, f func(now int64) error) {
	switch {
	case !p.Building("Every"):
		return
	case every < time.Millisecond:
		p.Mistake("Every needs an interval of at least a millisecond, not %v", every)
		return
	}
	e := &periodic{every: every.Milliseconds(), next: math.MinInt64, f: f}
	if p.clock.Known() { // it has been called, before a restart
		e.next = e.after(p.clock.Now())
	}
	p.watches = true
	p.periodic = append(p.periodic, e)
}

// EveryWall has f called each time that much wall time has passed since the task began, or since the last call. Missed
// intervals are one call. Call it in build.
func (p *Processor[K, R]) EveryWall(every time.Duration, f func(now time.Time) error) {
	switch {
	case !p.Building("EveryWall"):
		return
	case every < time.Millisecond:
		p.Mistake("EveryWall needs an interval of at least a millisecond, not %v", every)
		return
	}
	last := p.Wall()
	p.OnWall(func(now time.Time) {
		if now.Sub(last) < every {
			return
		}
		last = now
		var none K
		p.begin(none, true, max(p.clock.Now(), 0), nil)
		if err := f(now); err != nil {
			p.Fail(p.label, fmt.Errorf("wall timer: %w", err))
		}
		if p.watches && p.clock.Known() {
			p.clockMoved() // f may have set a timer that is due
		}
	})
}

// OnTimer has f called for each timer that comes due, in the order of their times, between records. Call it in build;
// it opens the store in which timers survive a restart, called after the operator.
func (p *Processor[K, R]) OnTimer(f func(t Timer[K]) error) {
	switch {
	case !p.Building("OnTimer"):
		return
	case p.onTimer != nil:
		p.Mistake("OnTimer is called twice; tell timers apart by their names")
		return
	}
	p.timers = state.Timers[K]{Name: p.name + "-timers", Key: p.keys}.Open(p)
	p.onTimer, p.watches = f, true
}

// SetTimer sets a one-shot timer for key, to go off once the operator's clock has reached at. One in the past goes off
// after the record in work; a timer's function that sets one for its own time or earlier has it called after the next
// record. Setting the same key, name and time twice is setting it once. OnTimer must have been called.
func (p *Processor[K, R]) SetTimer(key K, name string, at int64) {
	switch {
	case p.timers == nil:
		p.Fail(p.label, errors.New("SetTimer without OnTimer: nothing would be called"))
	case p.firing && at <= p.timerNow.At:
		p.past = append(p.past, Timer[K]{key, name, at})
	default:
		p.timers.Set(at, key, name)
		p.due = min(p.due, at)
	}
}

// DeleteTimer takes a timer back. One that does not exist is no error.
func (p *Processor[K, R]) DeleteTimer(key K, name string, at int64) {
	if p.timers == nil {
		return
	}
	p.timers.Delete(at, key, name)
	p.past = slices.DeleteFunc(p.past, func(t Timer[K]) bool { return t == Timer[K]{key, name, at} })
}

// clockMoved calls what is due now: after each record, and when the wall has moved the clock.
func (p *Processor[K, R]) clockMoved() {
	now := p.clock.Now()
	for _, e := range p.periodic {
		if now < e.next {
			continue
		}
		e.next = e.after(now)
		if p.periodicNow = e; !p.Between(p.callPeriodic) {
			return
		}
	}
	if p.timers != nil && p.due <= now {
		p.fire(now)
	}
}

// period calls the periodic function that is due.
func (p *Processor[K, R]) period() {
	var none K
	now := p.clock.Now()
	p.begin(none, true, max(now, 0), nil)
	if err := p.periodicNow.f(now); err != nil {
		p.Fail(p.label, fmt.Errorf("clock timer at %d: %w", now, err))
	}
}

// fire takes the timers that are due out of the store, one by one: what one of them sets or deletes counts.
func (p *Processor[K, R]) fire(now int64) {
	p.firing = true
	for ok := true; ok; {
		var t Timer[K]
		if t.At, t.Key, t.Name, ok = p.timers.First(); !ok || t.At > now {
			break
		}
		p.timers.Delete(t.At, t.Key, t.Name)
		p.timerNow = t
		ok = p.Between(p.callTimer)
	}
	p.firing = false
	for _, t := range p.past {
		p.timers.Set(t.At, t.Key, t.Name)
	}
	p.past = p.past[:0]
	p.due = math.MaxInt64
	if at, _, _, ok := p.timers.First(); ok {
		p.due = at
	}
}

// timer calls the function of the timer that is due.
func (p *Processor[K, R]) timer() {
	t := p.timerNow
	p.begin(t.Key, false, t.At, nil)
	if err := p.onTimer(t); err != nil {
		p.Fail(p.label, fmt.Errorf("timer %q of key %v at %d: %w", t.Name, t.Key, t.At, err))
	}
}
