// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// OffsetReset is what a Fetcher does with an offset that its partition does not hold: deleted by retention, or past
// the end because the topic was truncated or created again.
type OffsetReset uint8

const (
	// ResetFail stops the queue with ErrOutOfRange.
	ResetFail OffsetReset = iota
	// ResetEarliest goes on at the first record that is left.
	ResetEarliest
	// ResetLatest goes on with records that are yet to come.
	ResetLatest
)

// FetchOptions bound a Fetcher.
type FetchOptions struct {
	// ReadCommitted leaves out the records of aborted transactions, and waits before those that are undecided.
	ReadCommitted bool
	// MaxBytes bounds the memory of the batches that all queues hold together, including those popped but not Done.
	// A response that is under way may exceed it once. Defaults to 64 MiB.
	MaxBytes int
	// MaxBatchBytes is how much of a partition one request asks for; a larger record batch comes all the same.
	// Defaults to 1 MiB.
	MaxBatchBytes int32
	// MinBytes lets a broker wait for so much. Defaults to 1: answer as soon as there is anything.
	MinBytes int32
	// MaxWait is how long a broker waits for MinBytes before it answers that there is nothing. Defaults to 500 ms.
	MaxWait time.Duration
	// OffsetReset is what to do out of range. Defaults to ResetFail.
	OffsetReset OffsetReset
}

func (o FetchOptions) withDefaults() FetchOptions {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = 1 << 20
	}
	if o.MinBytes <= 0 {
		o.MinBytes = 1
	}
	if o.MaxWait <= 0 {
		o.MaxWait = 500 * time.Millisecond
	}
	return o
}

// Fetcher reads many partitions into bounded queues of record batches.
//
// A queue is always with one of three: the placer, which finds out who leads the partition; the loop of that leader,
// which asks for all of its queues in one request; or nobody, when it failed for good or was removed.
//
//	      leader known
//	placer ──────────▶ loop ──▶ error that does not pass, or Remove: nobody
//	   ▲                │
//	   └── moved, lost ─┘     (with a pause that grows)
//
// Owner: the process. Add, Remove and Close may be called from any goroutine. One goroutine is the placer, one more
// runs per leader that has queues, none without. mu guards loops, homeless and the arrivals of every loop; it is never
// held over a request, and never taken under a queue's mu.
//
//  1. A queue belongs to at most one of them at a time, and only that goroutine touches its fetching half.
//  2. A loop in loops has a goroutine that will look at its incoming once more.
//  3. Queues that hold more than half of their share (MaxBytes over the number of queues) are not asked for.
type Fetcher struct {
	c    *Client
	opts FetchOptions
	conf func(*sarama.Config)

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	queues atomic.Int64 // how many share MaxBytes

	mu       sync.Mutex
	loops    map[node]*loop
	homeless []*Queue      // with the placer
	arrived  chan struct{} // tells the placer; holds one
	closed   bool
}

// NewFetcher gives a fetcher without partitions. It must be closed before c.
func NewFetcher(c *Client, opts FetchOptions) *Fetcher {
	f := &Fetcher{c: c, opts: opts.withDefaults(), loops: map[node]*loop{}, arrived: make(chan struct{}, 1)}
	f.conf = func(conf *sarama.Config) { conf.Net.ReadTimeout += f.opts.MaxWait }
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.wg.Go(f.placeQueues)
	return f
}

// Add fetches p from offset on. wake is called when the queue turns non-empty or its state changes, from a goroutine
// of the fetcher: it must not block, and finds out with Pop and State what is new. Different queues of one partition
// know nothing of each other and take turns. wake may be nil.
func (f *Fetcher) Add(p Partition, offset int64, wake func()) *Queue {
	if wake == nil {
		wake = func() {}
	}
	q := &Queue{
		partition: p, f: f, wake: wake, position: offset,
		pause: f.c.backoff(), state: QueueState{Position: offset},
	}
	f.queues.Add(1)
	if !f.hand(q, nil) {
		q.fail(fmt.Errorf("fetch %v: %w", p, ErrClosed))
	}
	return q
}

// Remove ends the fetching of q and drops what it holds. A wake that has begun may still be running when it returns.
func (f *Fetcher) Remove(q *Queue) {
	if !q.remove() {
		return
	}
	f.queues.Add(-1)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.loops { // everybody's share has grown
		l.nudge()
	}
}

// Close ends all fetching and returns when no goroutine is left. Queues keep what they hold.
func (f *Fetcher) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel() // cuts the connections under their requests
	f.wg.Wait()
}

// share is how many bytes one queue may hold.
func (f *Fetcher) share() int { return f.opts.MaxBytes / int(max(f.queues.Load(), 1)) }

// hand gives q to the placer; because is why its loop could not keep it, nil when it is new. It says false when the
// fetcher is closed.
func (f *Fetcher) hand(q *Queue, because error) bool {
	if because != nil {
		q.retryAt = f.c.opts.Clock.Now().Add(q.pause.next())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.homeless = append(f.homeless, q)
	select {
	case f.arrived <- struct{}{}:
	default:
	}
	return true
}
