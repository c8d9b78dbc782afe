// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"math"
	"slices"
)

// agenda is where the panes of sliding windows are to be found that close next: at which starts, for which keys.
//
// Each record makes up to two panes, at instants of its own, so at each step of the clock a few of them close, of a few
// keys. To scan the store by time for them at each step would read a segment of it for every millisecond. Instead the
// agenda is filled from the store once for each stretch of time, as long as a segment, and what is added within that
// stretch later is entered as it comes. It takes memory for the panes of one stretch, not for all.
//
//	closed        upTo                              what starts before upTo and is not closed is in heap
//	───────┼──────┼──────────┼─────▶ start          what starts later is in the store only
//	        heap    next fill
//
// An entry may turn out to be none: it is looked up when it closes. After a restart everything is found in the store.
type agenda[K comparable] struct {
	heap  []entry[K] // by start: that of i is not greater than those of 2i+1 and 2i+2
	upTo  int64
	batch []liveKey[K]
}

type entry[K comparable] struct {
	start int64
	key   K
}

// first is where the first pane to close may start.
func (a *agenda[K]) first() int64 {
	if len(a.heap) == 0 {
		return a.upTo
	}
	return a.heap[0].start
}

func (a *agenda[K]) push(start int64, k K) {
	a.heap = append(a.heap, entry[K]{start, k})
	i := len(a.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if a.heap[up].start <= a.heap[i].start {
			return
		}
		a.heap[up], a.heap[i] = a.heap[i], a.heap[up]
		i = up
	}
}

func (a *agenda[K]) pop() entry[K] {
	top, last := a.heap[0], len(a.heap)-1
	a.heap[0] = a.heap[last]
	a.heap[last] = entry[K]{}
	a.heap = a.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if a.heap[child].start < a.heap[least].start {
				least = child
			}
		}
		if least == i {
			return top
		}
		a.heap[i], a.heap[least] = a.heap[least], a.heap[i]
		i = least
	}
}

// candidates is where an agenda is filled from.
type candidates[K comparable] interface {
	// atOrAfter is a bound below which there is no candidate from start on, and false when there is none at all.
	atOrAfter(start int64) (int64, bool)
	// between pushes the starts of panes with from ≤ start < to.
	between(from, to int64, push func(start int64, k K))
	// settle sends the pane of k that starts at start, if there is one.
	settle(k K, start int64) bool
}

// closeAgenda settles what starts before to, by start, then key.
func (s *slidingWindows[K, V, A]) closeAgenda(to int64, from candidates[K]) bool {
	a := &s.agenda
	for {
		for len(a.heap) > 0 && a.heap[0].start < to {
			start := a.heap[0].start
			if !s.takeBatch(start) {
				return false
			}
			for _, l := range a.batch {
				if !from.settle(l.key, start) {
					return false
				}
			}
			clear(a.batch)
		}
		if a.upTo >= to {
			return true
		}
		next, ok := from.atOrAfter(a.upTo)
		if !ok {
			a.upTo = to
			return true
		}
		if a.upTo = max(next, a.upTo); a.upTo >= to {
			return true
		}
		next = a.upTo
		a.upTo = later(next, s.segment)
		from.between(next, a.upTo, a.push)
	}
}

// takeBatch takes the keys with an entry at start out of the heap, each once, in the order of their bytes.
func (s *slidingWindows[K, V, A]) takeBatch(start int64) bool {
	a := &s.agenda
	a.batch = a.batch[:0]
	for len(a.heap) > 0 && a.heap[0].start == start {
		a.batch = append(a.batch, liveKey[K]{key: a.pop().key})
	}
	if len(a.batch) == 1 {
		return true
	}
	for i := range a.batch {
		enc, err := s.keys.Append(nil, a.batch[i].key)
		if err != nil {
			s.failed(err)
			return false
		}
		a.batch[i].enc = enc
	}
	slices.SortFunc(a.batch, compareLive)
	a.batch = slices.CompactFunc(a.batch, func(a, b liveKey[K]) bool { return bytes.Equal(a.enc, b.enc) })
	return true
}

// enter puts a pane that may have come into being on the agenda, unless it is closed or will be found in the store.
func (s *slidingWindows[K, V, A]) enter(start int64, k K, open int64) {
	if open <= start && start < s.agenda.upTo && start < math.MaxInt64 {
		s.agenda.push(start, s.owned(k))
		s.next = min(s.next, s.span(start).ClosesAt(s.linger))
	}
}
