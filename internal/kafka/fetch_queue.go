// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// Queue holds the fetched batches of one partition, and says how far its fetching is.
//
// Owner: two goroutines meet here. The fetching half belongs to the goroutine of the Fetcher that the queue is with;
// Pop and Done to one consumer. mu guards the rest. Bytes are counted from the fetch until Done, so that a slow
// consumer holds back the fetching of its own partition and of no other.
//
//  1. Batches come in the order of their offsets, without overlap: each First is at least the Last+1 before.
//  2. State.Next never passes a record that was not popped.
//  3. Nothing enters after Remove or after Err is set.
type Queue struct {
	partition Partition
	f         *Fetcher
	wake      func()

	// The fetching half.
	position int64    // the next offset to ask for
	epoch    int32    // of the leader, as the placer heard it
	id       [16]byte // of the topic when it was first placed
	ask      int32    // at least so many bytes per request: a batch did not fit into less
	missing  int      // how often in a row the topic did not exist
	spoiled  int      // how often in a row a response could not be decoded that held nothing but this partition
	strayed  bool     // out of range: the placer compares with the partition's ends
	pause    backoff
	retryAt  time.Time

	home atomic.Pointer[loop] // whom Done tells that there is space

	mu      sync.Mutex
	batches []*Batch // [head:] are queued
	head    int
	bytes   int  // fetched and not Done
	full    bool // the loop has left the queue out: Done tells it when there is space
	removed bool
	state   QueueState
}

// QueueState is a moment of a queue, all fields of the same moment.
type QueueState struct {
	// Next is the offset before which everything was popped or is nothing to process: control batches, aborted records,
	// gaps. When what was popped is processed too, this is the offset to commit.
	Next int64
	// Position is the next offset that the fetcher will ask for.
	Position int64
	// HighWatermark is the end of the partition, and LastStable the first offset whose transaction is undecided, as of
	// the last answer. Both are 0 until Known.
	HighWatermark, LastStable int64
	// Known says that a fetch has answered.
	Known bool
	// Queued is how many batches wait in the queue.
	Queued int
	// Err is why fetching has ended for good. What passes is retried and not seen here.
	Err error
}

// Partition is what the queue holds.
func (q *Queue) Partition() Partition { return q.partition }

// Pop takes the next batch, and says false when there is none now.
func (q *Queue) Pop() (*Batch, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.batches) {
		return nil, false
	}
	b := q.batches[q.head]
	q.batches[q.head] = nil
	q.head++
	if q.head == len(q.batches) {
		q.batches, q.head = q.batches[:0], 0
	}
	return b, true
}

// Done says that nothing of b is in use any more: it no longer counts in the bound.
func (q *Queue) Done(b *Batch) {
	q.mu.Lock()
	q.bytes -= b.Bytes
	if invariants.Enabled {
		invariants.Check(q.bytes >= 0, "%v: %d bytes after Done", q.partition, q.bytes)
	}
	space := q.full && !q.over()
	if space {
		q.full = false
	}
	q.mu.Unlock()
	if l := q.home.Load(); space && l != nil {
		l.nudge()
	}
}

// State is the present state.
func (q *Queue) State() QueueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.state
	s.Queued = len(q.batches) - q.head
	s.Next = s.Position
	if s.Queued > 0 {
		s.Next = q.batches[q.head].First
	}
	return s
}

// over says that the queue holds enough; mu is held.
//
// Asking again for whatever little a Done has freed would make for tiny fetches. A queue that waits until half of its
// share is free asks for large ones, and has the other half for its consumer meanwhile.
func (q *Queue) over() bool { return q.bytes > q.f.share()/2 }

// dead says that nobody wants the queue any more.
func (q *Queue) dead() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended()
}

func (q *Queue) ended() bool { return q.removed || q.state.Err != nil } // mu is held

// hasSpace says whether to ask for more now, and whether an answer was ever seen. Without space Done will nudge.
func (q *Queue) hasSpace() (space, known bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = q.over()
	return !q.full, q.state.Known
}

// deliver queues what a fetch has brought.
func (q *Queue) deliver(got fetched) {
	q.mu.Lock()
	if q.ended() {
		q.mu.Unlock()
		return
	}
	was := q.state
	q.state.Position, q.state.HighWatermark, q.state.LastStable = q.position, got.highWatermark, got.lastStable
	q.state.Known = true
	changed := q.state != was || len(got.batches) > 0
	if len(got.batches) > 0 {
		q.append(got.batches)
	}
	q.mu.Unlock()
	if changed {
		q.wake()
	}
}

// append adds batches; mu is held. What was popped leaves room at the front, which is used before the slice grows.
func (q *Queue) append(batches []*Batch) {
	if len(q.batches)+len(batches) > cap(q.batches) && q.head > 0 {
		n := copy(q.batches, q.batches[q.head:])
		clear(q.batches[n:])
		q.batches, q.head = q.batches[:n], 0
	}
	for _, b := range batches {
		if invariants.Enabled && len(q.batches) > q.head {
			last := q.batches[len(q.batches)-1].Last
			invariants.Check(b.First > last, "%v: batch at %d after one up to %d", q.partition, b.First, last)
		}
		q.batches = append(q.batches, b)
		q.bytes += b.Bytes
	}
}

// moveTo sets the position after a reset.
func (q *Queue) moveTo(offset int64) {
	q.position = offset
	q.mu.Lock()
	q.state.Position = offset
	q.mu.Unlock()
	q.wake()
}

// fail ends the fetching: nobody asks for the queue any more.
func (q *Queue) fail(err error) {
	q.mu.Lock()
	dead := q.ended()
	if !dead {
		q.state.Err = err
	}
	q.mu.Unlock()
	if !dead {
		q.wake()
	}
}

// remove drops everything. It says false when that was done before.
func (q *Queue) remove() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.removed {
		return false
	}
	q.removed = true
	q.batches, q.head = nil, 0
	return true
}

// answered takes in what a fetch has brought: the fetching half first, then what the consumer sees.
func (q *Queue) answered(got fetched) {
	q.position = got.next
	q.missing, q.spoiled = 0, 0
	q.pause.reset()
	q.deliver(got)
}

// askMore makes the next request ask for twice as much, and fails when that does not help either.
func (q *Queue) askMore(least int32) error {
	if q.ask >= maxAskBytes {
		return fmt.Errorf("fetch %v at offset %d: %w: the batch is larger than %d MiB",
			q.partition, q.position, ErrTooLarge, maxAskBytes>>20)
	}
	q.ask = 2 * max(q.ask, least)
	return nil
}
