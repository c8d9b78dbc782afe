// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/irmak-go/irmak/state"
)

// Timer is a one-shot timer.
type Timer[K any] struct {
	Key  K
	Name string
	At   int64 // time in milliseconds for which it was set: event time, or that of the wall
}

// schedule is what a Processor calls without a record.
type schedule[K comparable] struct {
	watches   bool // something waits for the clock
	periodic  []*periodic
	onClock   alarms[K]
	onWall    alarms[K]
	ticks     *periodic // being called
	callTicks func()    // made once, so that a call allocates nothing
}

// periodic is a function that is called once per interval of the clock.
type periodic struct {
	every int64 // ms
	next  int64 // the clock's time from which it is called again
	f     func(now int64) error
}

// after is the first multiple of the interval behind now, which lies before 0 while disorder exceeds the time; or, of
// the last interval that there is, the end of time, which no clock reaches.
func (e *periodic) after(now int64) int64 {
	last := now % e.every
	if last < 0 {
		last += e.every
	}
	return later(now-last, e.every)
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

// EveryWall has f called once per interval of wall time, counted from when the task began. Several intervals that
// passed in between are one call. Call it in build.
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
		passed := now.Sub(last)
		if passed < every {
			return
		}
		last = last.Add(passed - passed%every)
		p.beginOnWall()
		if err := f(now); err != nil {
			p.Fail(p.label, fmt.Errorf("wall timer: %w", err))
		}
		p.wallMoved()
	})
}

// beginOnWall makes what is emitted that of no key, at the operator's clock.
func (p *Processor[K, R]) beginOnWall() {
	var none K
	p.begin(none, true, max(p.clock.Now(), 0), nil)
}

// wallMoved calls what a function of the wall has set and is due.
func (p *Processor[K, R]) wallMoved() {
	if p.watches && p.clock.Known() {
		p.clockMoved()
	}
}

// OnTimer has f called for each timer that comes due, in the order of their times, between records. Call it in build;
// it opens the store in which timers survive a restart, called after the operator with "-timers".
func (p *Processor[K, R]) OnTimer(f func(t Timer[K]) error) {
	switch {
	case !p.Building("OnTimer"):
		return
	case p.onClock.f != nil:
		p.Mistake("OnTimer is called twice; tell timers apart by their names")
		return
	}
	p.onClock.store = state.Timers[K]{Name: p.name + "-timers", Key: p.keys}.Open(p)
	p.onClock.f, p.watches = f, true
	p.onClock.backlog = p.Backlog(func() {
		if p.clock.Known() {
			p.onClock.ring(p.clock.Now(), p.Task)
		}
	})
}

// SetTimer sets a one-shot timer for key, to go off once the operator's clock has reached at. One in the past goes off
// after the record in work; a timer's function that sets one for its own time or earlier has it called after the next
// record. Setting the same key, name and time twice is setting it once. OnTimer must have been called.
//
// When the clock has reached at, more records at that very time may come. Where all up to at are to be there first,
// which is when systems with watermarks call their timers, set it for at+1: the clock is one ahead of a watermark.
func (p *Processor[K, R]) SetTimer(key K, name string, at int64) {
	if p.onClock.store == nil {
		p.Fail(p.label, errors.New("SetTimer without OnTimer: nothing would be called"))
		return
	}
	p.onClock.set(Timer[K]{key, name, at})
}

// DeleteTimer takes a timer back. One that does not exist is no error.
func (p *Processor[K, R]) DeleteTimer(key K, name string, at int64) {
	p.onClock.delete(Timer[K]{key, name, at})
}

// OnWallTimer is OnTimer for timers on the wall clock: f is called for those whose time has come, in the order of their
// times, between records, within about a Config.CommitInterval. Results have the key of the timer and the time of the
// operator's clock. Its store is called after the operator with "-wall-timers".
func (p *Processor[K, R]) OnWallTimer(f func(t Timer[K]) error) {
	switch {
	case !p.Building("OnWallTimer"):
		return
	case p.onWall.f != nil:
		p.Mistake("OnWallTimer is called twice; tell timers apart by their names")
		return
	}
	p.onWall.store = state.Timers[K]{Name: p.name + "-wall-timers", Key: p.keys}.Open(p)
	p.onWall.f = f
	ring := func(now int64) {
		if p.onWall.ring(now, p.Task); !p.onWall.backlog.Owed() {
			p.wallMoved()
		}
	}
	p.onWall.backlog = p.Backlog(func() { ring(p.onWall.until) })
	p.OnWall(func(now time.Time) { ring(now.UnixMilli()) })
}

// SetWallTimer sets a one-shot timer for key, to go off once the wall clock has reached at, to the millisecond. One in
// the past goes off at the next step. It survives restarts; one that came due while the program stood still goes off
// when it runs again. Setting the same key, name and time twice is setting it once. OnWallTimer must have been called.
func (p *Processor[K, R]) SetWallTimer(key K, name string, at time.Time) {
	if p.onWall.store == nil {
		p.Fail(p.label, errors.New("SetWallTimer without OnWallTimer: nothing would be called"))
		return
	}
	p.onWall.set(Timer[K]{key, name, max(at.UnixMilli(), 0)})
}

// DeleteWallTimer takes a timer on the wall clock back. One that does not exist is no error.
func (p *Processor[K, R]) DeleteWallTimer(key K, name string, at time.Time) {
	p.onWall.delete(Timer[K]{key, name, max(at.UnixMilli(), 0)})
}

// clockMoved calls what is due now: after each record, and when the wall has moved the clock.
func (p *Processor[K, R]) clockMoved() {
	now := p.clock.Now()
	for _, e := range p.periodic {
		if now < e.next {
			continue
		}
		e.next = e.after(now)
		if p.ticks = e; !p.Between(p.callTicks) {
			return
		}
	}
	p.onClock.ring(now, p.Task)
}

// tick calls the periodic function that is due.
func (p *Processor[K, R]) tick() {
	var none K
	now := p.clock.Now()
	p.begin(none, true, max(now, 0), nil)
	if err := p.ticks.f(now); err != nil {
		p.Fail(p.label, fmt.Errorf("clock timer at %d: %w", now, err))
	}
}

// timer calls the function of the timer that is due.
func (p *Processor[K, R]) timer() {
	t := p.onClock.now
	p.begin(t.Key, false, t.At, nil)
	if err := p.onClock.f(t); err != nil {
		p.Fail(p.label, fmt.Errorf("timer %q of key %v at %d: %w", t.Name, t.Key, t.At, err))
	}
}

// wallTimer calls the function of the wall timer that is due.
func (p *Processor[K, R]) wallTimer() {
	t := p.onWall.now
	p.begin(t.Key, false, max(p.clock.Now(), 0), nil)
	if err := p.onWall.f(t); err != nil {
		p.Fail(p.label, fmt.Errorf("wall timer %q of key %v at %d: %w", t.Name, t.Key, t.At, err))
	}
}
