// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"
	"slices"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// alarms are the one-shot timers of a Processor on one of its two clocks.
//
//  1. No timer in the store is earlier than due.
//  2. While timers are called, past holds those that were set for the time of the one in work or earlier. They go into
//     the store when no more are due: otherwise a timer that sets itself again would never let the task go on.
type alarms[K comparable] struct {
	store  *state.TimerStore[K] // nil: there are none
	f      func(Timer[K]) error
	call   func() // calls f for now; made once, so that a call allocates nothing
	now    Timer[K]
	due    int64
	firing bool
	past   []Timer[K]

	backlog *stream.Backlog
	until   int64 // what the last ring was called with
}

func (a *alarms[K]) set(t Timer[K]) {
	if a.firing && t.At <= a.now.At {
		a.past = append(a.past, t)
		return
	}
	a.store.Set(t.At, t.Key, t.Name)
	a.due = min(a.due, t.At)
}

func (a *alarms[K]) delete(t Timer[K]) {
	if a.store == nil {
		return
	}
	a.store.Delete(t.At, t.Key, t.Name)
	a.past = slices.DeleteFunc(a.past, func(o Timer[K]) bool { return o == t })
}

// finish calls what has been put off.
func (a *alarms[K]) finish() {
	if a.backlog != nil {
		a.backlog.Finish()
	}
}

// ring calls what is due at a time: takes the timers out of the store one by one, so that what one of them sets or
// deletes counts. While past holds any nothing is put off: in the store they would be taken for timers that are due.
func (a *alarms[K]) ring(now int64, task *stream.Task) {
	if a.store == nil || a.due > now {
		return
	}
	a.firing, a.until = true, now
	a.backlog.Begin()
	for ok := true; ok; {
		var t Timer[K]
		if t.At, t.Key, t.Name, ok = a.store.First(); !ok || t.At > now || len(a.past) == 0 && !a.backlog.More() {
			break
		}
		a.store.Delete(t.At, t.Key, t.Name)
		a.now = t
		ok = task.Between(a.call)
	}
	a.firing = false
	for _, t := range a.past {
		a.store.Set(t.At, t.Key, t.Name)
	}
	a.past = a.past[:0]
	a.due = math.MaxInt64
	if at, _, _, ok := a.store.First(); ok {
		a.due = at
	}
}
