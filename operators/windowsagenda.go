// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"slices"

	"github.com/irmak-go/irmak/stream/codec"
)

// agenda is where the panes of sliding windows, and sessions, are to be found that close next: at which starts, for
// which keys. (The start of a session, here, is its last instant.)
//
// Each record makes up to two panes, at instants of its own, so at each step of the clock a few of them close, of a few
// keys. To scan the store by time for them at each step would read a segment of it for every millisecond. Instead the
// agenda is filled from the store once for each stretch of time, as long as a segment, and what is added within that
// stretch later is entered as it comes. It takes memory for the panes of one stretch, not for all: 24 bytes for each,
// where keys are strings, and the key. A stretch is a quarter of a window, or of a session's gap (timelineSegments).
//
//	closed        upTo                              what starts before upTo and is not closed is in heap
//	───────┼──────┼──────────┼─────▶ start          what starts later is in the store only
//	        heap    next fill
//
// An entry may turn out to be none: it is looked up when it closes. After a restart everything is found in the store.
type agenda[K comparable] struct {
	from    candidates[K]
	keys    codec.Codec[K]
	owned   func(K) K
	segment int64
	more    func() bool // nil: all that is due is settled at once

	upTo  int64
	heap  []entry[K] // by start: that of i is not greater than those of 2i+1 and 2i+2
	batch []liveKey[K]
}

type entry[K comparable] struct {
	start int64
	key   K
}

// candidates is where an agenda is filled from.
type candidates[K comparable] interface {
	// atOrAfter is a bound below which there is no candidate from start on, and false when there is none at all.
	atOrAfter(start int64) (int64, bool)
	// between pushes the starts of panes with from ≤ start < to.
	between(from, to int64, push func(start int64, k K))
	// settle sends the panes of these keys that start at start, as far as there are any. The keys come in the order of
	// their bytes. false: the task has to stop.
	settle(keys []liveKey[K], start int64) bool
}

// first is where the first pane to close may start.
func (a *agenda[K]) first() int64 {
	if len(a.heap) == 0 {
		return a.upTo
	}
	return min(a.heap[0].start, a.upTo)
}

// enter puts a pane that may have come into being on the agenda, unless it will be found in the store.
func (a *agenda[K]) enter(start int64, k K) {
	if start < a.upTo {
		a.push(start, a.owned(k))
	}
}

// close settles what starts before to, in the order of the starts. Between two of them it ends when there is to be no
// more for now.
func (a *agenda[K]) close(to int64) (ok bool, err error) {
	for {
		for len(a.heap) > 0 && a.heap[0].start < to {
			start := a.heap[0].start
			if a.more != nil && !a.more() {
				return true, nil
			}
			if err := a.takeBatch(start); err != nil || !a.from.settle(a.batch, start) {
				return false, err
			}
			clear(a.batch)
		}
		if a.upTo >= to {
			return true, nil
		}
		next, ok := a.from.atOrAfter(a.upTo)
		if !ok {
			a.upTo = to
			return true, nil
		}
		if a.upTo = max(next, a.upTo); a.upTo < to {
			next = a.upTo
			a.upTo = later(next, a.segment)
			a.from.between(next, a.upTo, a.push)
		}
	}
}

// takeBatch takes the keys with an entry at start out of the heap, each once, in the order of their bytes.
func (a *agenda[K]) takeBatch(start int64) (err error) {
	a.batch = a.batch[:0]
	for len(a.heap) > 0 && a.heap[0].start == start {
		a.batch = append(a.batch, liveKey[K]{key: a.pop().key})
	}
	if len(a.batch) == 1 {
		return nil
	}
	for i := range a.batch {
		if a.batch[i].enc, err = a.keys.Append(nil, a.batch[i].key); err != nil {
			return err
		}
	}
	slices.SortFunc(a.batch, compareLive)
	a.batch = slices.CompactFunc(a.batch, func(a, b liveKey[K]) bool { return bytes.Equal(a.enc, b.enc) })
	return nil
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
