// SPDX-License-Identifier: Apache-2.0

// Package arrivals is what the generators of the example programs are made of: things that happen again and again, and
// what is sent of them, which arrives later and not in the order in which it happened.
package arrivals

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Queue is what is on its way, by when it arrives, of one instant in the order in which it was sent. The zero Queue is
// empty. It is meant for hundreds: sending moves what arrives later.
//
// Owner: one goroutine.
type Queue[T any] struct{ waiting []arrival[T] }

type arrival[T any] struct {
	what T
	at   time.Time
}

// Send has something arrive at an instant.
func (q *Queue[T]) Send(what T, at time.Time) {
	i, _ := slices.BinarySearchFunc(q.waiting, at, func(w arrival[T], at time.Time) int {
		return cmp.Or(w.at.Compare(at), -1)
	})
	q.waiting = slices.Insert(q.waiting, i, arrival[T]{what, at})
}

// Before takes what arrives next out of the queue, if it arrives before an instant.
func (q *Queue[T]) Before(at time.Time) (what T, ok bool) {
	if len(q.waiting) == 0 || !q.waiting[0].at.Before(at) {
		return what, false
	}
	what = q.waiting[0].what
	q.waiting = q.waiting[1:]
	return what, true
}

// Happening is something that happens again and again: at an instant, and then when Happens says, which makes it
// happen.
type Happening struct {
	At      time.Time
	Happens func(now time.Time) (next time.Time)
}

// Of has everything happen in the order of time, of one instant in the order of the list, without end, and gives what
// arrives of what is sent to q meanwhile: nothing may be sent to arrive before it happens.
func Of[T any](q *Queue[T], all []Happening) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			next := &all[0]
			for i := range all {
				if all[i].At.Before(next.At) {
					next = &all[i]
				}
			}
			for what, ok := q.Before(next.At); ok; what, ok = q.Before(next.At) {
				if !yield(what) {
					return
				}
			}
			next.At = next.Happens(next.At)
		}
	}
}
