// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"time"
)

// missingAttempts is how often in a row the cluster must say that a topic does not exist: brokers hear of new topics
// one after the other. With the default pauses that is two seconds.
const missingAttempts = 8

// placeQueues is the placer: it finds every homeless queue a loop.
func (f *Fetcher) placeQueues() {
	for {
		due, wait := f.dueQueues()
		for _, q := range due {
			f.place(q)
		}
		if len(due) > 0 {
			continue
		}
		var again <-chan time.Time // never
		if wait > 0 {
			again = f.c.opts.Clock.After(wait)
		}
		select {
		case <-f.arrived:
		case <-again:
		case <-f.ctx.Done():
			return
		}
	}
}

// dueQueues takes the queues whose pause is over, and gives the time until the next one's is; 0 when nobody waits.
func (f *Fetcher) dueQueues() (due []*Queue, wait time.Duration) {
	now := f.c.opts.Clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return nil, 0
	}
	var waiting []*Queue
	for _, q := range f.homeless {
		left := q.retryAt.Sub(now)
		if left <= 0 {
			due = append(due, q)
			continue
		}
		waiting = append(waiting, q)
		if wait == 0 || left < wait {
			wait = left
		}
	}
	f.homeless = waiting
	return due, wait
}

// place gives q to the loop of its partition's leader, or to a later attempt.
func (f *Fetcher) place(q *Queue) {
	if q.dead() {
		return
	}
	if q.strayed {
		f.wg.Go(func() { f.retrieve(q) })
		return
	}
	n, epoch, err := f.c.leaderNode(f.ctx, q.partition)
	if err == nil {
		err = f.sameTopic(q)
	}
	switch {
	case err == nil:
		q.epoch = epoch
		f.give(q, n)
	case f.ctx.Err() != nil:
	case errors.Is(err, errRecreated), errors.Is(err, ErrUnauthorized), errors.Is(err, ErrAuth):
		q.fail(fmt.Errorf("fetch %v at offset %d: %w", q.partition, q.position, err))
	case errors.Is(err, ErrTopicMissing) && q.missing >= missingAttempts:
		q.fail(fmt.Errorf("fetch %v at offset %d: %w: it was deleted, or its name is mistaken",
			q.partition, q.position, err))
	default:
		if errors.Is(err, ErrTopicMissing) {
			q.missing++
		}
		f.c.log.Debug("kafka: no leader", "topic", q.partition.Topic, "partition", q.partition.Index, "err", err)
		f.hand(q, err)
	}
}

// errRecreated is a topic that is another one than the queue was fetching.
var errRecreated = fmt.Errorf("%w: the topic was deleted and created again, its offsets mean other records now; "+
	"start over from the beginning of it", ErrTopicMissing)

// sameTopic compares the topic with the one that q was placed for first.
func (f *Fetcher) sameTopic(q *Queue) error {
	f.c.mu.Lock()
	id := f.c.topics[q.partition.Topic].id
	f.c.mu.Unlock()
	var none [16]byte
	if q.id != none && id != none && q.id != id {
		return errRecreated
	}
	if q.id == none {
		q.id = id
	}
	return nil
}

// give hands q to the loop of n, which it starts if there is none.
func (f *Fetcher) give(q *Queue, n node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	l := f.loops[n]
	if l == nil {
		l = &loop{f: f, node: n, conn: f.c.dial(n, f.conf), nudged: make(chan struct{}, 1)}
		f.loops[n] = l
		f.wg.Go(l.run)
	}
	l.take(q)
}

// retrieve brings a queue that is out of range back into it, or fails it, as OffsetReset says. It runs on a goroutine
// of its own, which has the queue meanwhile, because it asks the leader.
func (f *Fetcher) retrieve(q *Queue) {
	earliest, err := f.c.EarliestOffset(f.ctx, q.partition)
	var latest int64
	if err == nil {
		latest, err = f.c.LatestOffset(f.ctx, q.partition)
	}
	if err != nil {
		f.hand(q, err)
		return
	}
	q.strayed = false
	if q.position < earliest || q.position > latest {
		if !f.reset(q, earliest, latest) {
			return
		}
	} else {
		err = ErrOutOfRange // a new leader that has not caught up with what the last one said: it will pass
	}
	f.hand(q, err)
}

// reset moves q as OffsetReset says; false means that q has failed.
func (f *Fetcher) reset(q *Queue, earliest, latest int64) bool {
	to := earliest
	switch f.opts.OffsetReset {
	case ResetFail:
		why := "its records were deleted before they were read: keep them longer (retention, or fewer stops)"
		if q.position > latest {
			why = "it was truncated or created again"
		}
		q.fail(fmt.Errorf("fetch %v at offset %d: %w: the partition holds offsets %d to %d, %s; to go on in spite of "+
			"it set OffsetReset to earliest or latest", q.partition, q.position, ErrOutOfRange,
			earliest, latest, why))
		return false
	case ResetLatest:
		to = latest
	}
	f.c.log.Warn("kafka: offset out of range, moving on", "topic", q.partition.Topic, "partition", q.partition.Index,
		"offset", q.position, "earliest", earliest, "latest", latest, "to", to)
	q.moveTo(to)
	return true
}
