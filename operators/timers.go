// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"math"
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// codecOf is short for the codec of a stream's keys.
type codecOf[K any] = codec.Codec[K]

// Timer is a one-shot timer that has come due.
type Timer[K any] struct {
	Key  K
	Name string
	At   int64 // event time in milliseconds for which it was set
}

// periodic is a function that is called once per interval of the clock.
type periodic struct {
	every int64 // ms
	next  int64
	begun bool
	f     func(now int64) error
}

// Every has f called with the operator's clock: at the first record, then once the clock has reached a multiple of
// every. Several intervals that the clock jumps over are one call. Call it in build.
func (p *Processor[K, R]) Every(every time.Duration, f func(now int64) error) {
	if every < time.Millisecond {
		p.misuse("Every needs an interval of at least a millisecond")
		return
	}
	p.watches = true
	p.periodic = append(p.periodic, &periodic{every: every.Milliseconds(), f: f})
}

// EveryWall has f called each time that much wall time has passed since the task began, or since the last call. Missed
// intervals are one call. Call it in build.
func (p *Processor[K, R]) EveryWall(every time.Duration, f func(now time.Time) error) {
	var last time.Time
	p.OnWall(func(now time.Time) {
		if last.IsZero() {
			last = now
			return
		}
		if now.Sub(last) < every {
			return
		}
		last = now
		var none K
		p.begin(none, true, p.clock.Now(), nil)
		if err := f(now); err != nil {
			p.Fail(p.label, err)
		}
	})
}

// OnTimer has f called for each timer that comes due, in the order of their times, between records. Call it in build; it
// opens the store in which timers survive a restart, called after the operator.
func (p *Processor[K, R]) OnTimer(f func(t Timer[K]) error) {
	if p.onTimer != nil || p.opened {
		p.misuse("OnTimer is called once, while the operator is built")
		return
	}
	p.timers = state.Timers[K]{Name: p.name + "-timers", Key: p.keys}.Open(p)
	p.onTimer, p.watches = f, true
}

// SetTimer sets a one-shot timer for key, to go off once the operator's clock has reached at; one in the past goes off
// before the next record. Setting the same key, name and time twice is setting it once. OnTimer must have been called.
func (p *Processor[K, R]) SetTimer(key K, name string, at int64) {
	if p.timers == nil {
		p.Fail(p.label, errors.New("SetTimer without OnTimer: nothing would be called"))
		return
	}
	p.timers.Set(at, key, name)
	p.due = min(p.due, at)
}

// DeleteTimer takes a timer back. One that does not exist is no error.
func (p *Processor[K, R]) DeleteTimer(key K, name string, at int64) {
	if p.timers != nil {
		p.timers.Delete(at, key, name)
	}
}

// clockMoved calls what is due now: after each record, and when the wall has moved the clock.
func (p *Processor[K, R]) clockMoved() {
	now := p.clock.Now()
	for _, e := range p.periodic {
		if e.begun && now < e.next {
			continue
		}
		e.begun = true
		e.next = now - now%e.every + e.every
		var none K
		p.begin(none, true, now, nil)
		if err := e.f(now); err != nil {
			p.Fail(p.label, err)
			return
		}
	}
	if p.timers != nil && p.due <= now {
		p.fire(now)
	}
}

// fire takes the timers that are due out of the store, one by one: what one of them sets or deletes counts.
func (p *Processor[K, R]) fire(now int64) {
	for !p.Failed() {
		at, key, name, ok := p.timers.First()
		if !ok {
			p.due = math.MaxInt64
			return
		}
		if p.due = at; at > now {
			return
		}
		p.timers.Delete(at, key, name)
		p.begin(key, false, at, nil)
		if err := p.onTimer(Timer[K]{Key: key, Name: name, At: at}); err != nil {
			p.Fail(p.label, err)
		}
	}
}

func (p *Processor[K, R]) misuse(text string) { p.Fail(p.label, errors.New(text)) }

var _ state.Place = (*stream.Task)(nil)
