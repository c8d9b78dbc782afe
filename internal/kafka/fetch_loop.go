// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	// fetchVersion is the newest request that names topics rather than their ids.
	fetchVersion = 12
	// maxResponseBytes bounds one response, because a batch that is still in use keeps all of its response in memory.
	maxResponseBytes = 16 << 20
	// minAskBytes is what a request asks for of a partition however small its share is.
	minAskBytes = 16 << 10
	// maxAskBytes is the largest batch that is asked for; sarama refuses responses over 100 MiB.
	maxAskBytes = 64 << 20
	// briefWait is how long a broker may wait for data while a queue is left out: that one may have space any moment.
	briefWait = 5 * time.Millisecond
	// maxSpoiled is how often an undecodable partition is fetched before its queue fails.
	maxSpoiled = 3
)

// loop fetches all queues whose partitions one broker leads.
//
// Owner: its goroutine, run. incoming, polling, cut and the replacement of conn are guarded by the fetcher's mu; nudge
// may be called by anybody.
//
//  1. No queue is asked for twice at the same time, and no partition twice in one request.
//  2. polling is set only while a request may wait at the broker for longer than a moment.
//  3. The goroutine ends when the last queue has left, and with it the connection.
type loop struct {
	f      *Fetcher
	node   node
	conn   *conn
	nudged chan struct{} // holds one

	incoming []*Queue
	polling  bool // a queue that arrives now would wait for the broker: cut the connection instead
	cut      bool // that was done

	queues   []*Queue
	asked    []*Queue // in the present request
	turn     int      // which queue is first in the next request
	patience uint     // how many requests in a row brought nothing while a queue was left out
	alone    int      // so many requests are for one partition each: a response could not be decoded
}

// nudge makes the loop look at its queues again if it waits for space.
func (l *loop) nudge() {
	select {
	case l.nudged <- struct{}{}:
	default:
	}
}

func (l *loop) run() {
	defer func() { l.conn.close() }()
	for l.gather() {
		req := l.request()
		if req == nil {
			select {
			case <-l.nudged:
			case <-l.f.ctx.Done():
			}
			continue
		}
		res, err := call(l.f.ctx, l.conn, l.conn.Fetch, req)
		if err == nil && res.ErrorCode != 0 {
			err = sarama.KError(res.ErrorCode)
		}
		cut := l.settle()
		switch {
		case l.f.ctx.Err() != nil:
			return
		case err == nil:
			l.deliver(res)
		case !cut:
			l.failed(err)
		}
	}
}

// gather takes in the queues that were placed here, and forgets those that are gone. It says false, and takes the loop
// out of the fetcher, when none is left.
func (l *loop) gather() bool {
	l.queues = slices.DeleteFunc(l.queues, (*Queue).dead)
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.queues = append(l.queues, l.incoming...)
	l.incoming = nil
	if len(l.queues) > 0 && l.f.ctx.Err() == nil {
		return true
	}
	delete(l.f.loops, l.node)
	return false
}

// request asks for every queue that has space; nil when none has.
func (l *loop) request() *sarama.FetchRequest {
	opts := &l.f.opts
	req := &sarama.FetchRequest{
		Version: fetchVersion, SessionEpoch: -1, // no session at the broker: every request is complete
		MinBytes: opts.MinBytes, MaxBytes: maxResponseBytes,
	}
	if opts.ReadCommitted {
		req.Isolation = sarama.ReadCommitted
	}
	select {
	case <-l.nudged:
		l.patience = 0
	default:
	}
	bytes := min(int32(max(l.f.share()/4, minAskBytes)), opts.MaxBatchBytes)
	wait, seen := opts.MaxWait, make(map[Partition]bool, len(l.queues))
	l.asked = l.asked[:0]
	for i := range l.queues {
		q := l.queues[(l.turn+i)%len(l.queues)]
		space, known := q.hasSpace()
		if !space || seen[q.partition] || l.alone > 0 && len(l.asked) > 0 {
			continue
		}
		seen[q.partition] = true
		l.asked = append(l.asked, q)
		req.AddBlock(q.partition.Topic, q.partition.Index, q.position, max(q.ask, bytes), q.epoch)
		if !known {
			wait = 0 // say at once what there is: whoever has added it need not wait for the others' records
		}
	}
	if len(l.asked) == 0 {
		return nil
	}
	l.turn++
	if len(l.asked) < len(l.queues) {
		wait = min(wait, briefWait<<min(l.patience, 10))
	}
	l.patience++
	l.begin(req, wait)
	return req
}

// begin decides how long req may wait at the broker: not at all if a queue has arrived since it was composed.
func (l *loop) begin(req *sarama.FetchRequest, wait time.Duration) {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	if len(l.incoming) > 0 {
		wait = 0
	}
	l.polling = wait > briefWait
	req.MaxWaitTime = int32(wait.Milliseconds())
}

// take accepts a queue from the placer; the fetcher's mu is held. A broker answers requests of one connection in turn,
// so that a new queue would wait until the one under way is answered: to make a new connection takes less.
func (l *loop) take(q *Queue) {
	l.incoming = append(l.incoming, q)
	q.home.Store(l)
	l.nudge()
	if l.polling {
		l.polling, l.cut = false, true
		l.conn.cut()
	}
}

// settle notes that the request has ended, and says whether take has cut it.
func (l *loop) settle() bool {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	cut := l.cut
	l.polling, l.cut = false, false
	if cut {
		l.conn.close()
	}
	if l.conn.lost.Load() && l.f.ctx.Err() == nil {
		l.conn = l.f.c.dial(l.node, l.f.conf)
	}
	return cut
}

// deliver gives every queue that was asked for its part of the response.
func (l *loop) deliver(res *sarama.FetchResponse) {
	l.alone = max(l.alone-1, 0)
	for _, q := range l.asked {
		block := res.GetBlock(q.partition.Topic, q.partition.Index)
		if block == nil {
			l.lose(q, sarama.ErrIncompleteResponse)
			continue
		}
		if block.Err != sarama.ErrNoError {
			l.refused(q, classify(block.Err))
			continue
		}
		got, err := unpack(block, q.partition, q.position, l.f.opts.ReadCommitted)
		if got.cut {
			err = q.askMore(l.f.opts.MaxBatchBytes)
		}
		if got.next > q.position {
			l.patience = 0
		}
		q.answered(got)
		if err != nil {
			q.fail(err)
		}
	}
}

// refused handles what the broker says about one partition.
func (l *loop) refused(q *Queue, err error) {
	switch {
	case errors.Is(err, ErrOutOfRange):
		q.strayed = true
		l.lose(q, err)
	case errors.Is(err, ErrTopicMissing), retriable(err):
		l.lose(q, err)
	default:
		q.fail(fmt.Errorf("fetch %v at offset %d: %w", q.partition, q.position, err))
	}
}

// failed handles an error of the request as a whole.
func (l *loop) failed(err error) {
	log := l.f.c.log.With("broker", l.node.id, "address", l.node.addr, "err", err)
	_, isCode := errors.AsType[sarama.KError](err)
	if !isCode && !networkFailed(err) {
		log.Warn("kafka: cannot decode a fetch response; asking for its partitions one by one", "of", len(l.asked))
		l.undecodable(err)
		return
	}
	if l.asked[0].pause.attempts == 0 {
		log.Warn("kafka: fetch failed; looking for the partitions' leaders")
	}
	for _, q := range slices.Clone(l.queues) {
		if isCode && !retriable(err) {
			q.fail(fmt.Errorf("fetch %v from %s: %w", q.partition, l.node.addr, err))
		} else {
			l.lose(q, err)
		}
	}
}

// undecodable finds out which partition's records cannot be decoded: sarama gives up a whole response for one of them.
// They may be damaged on their way, so that one partition has several attempts.
func (l *loop) undecodable(err error) {
	if len(l.asked) > 1 {
		l.alone = 2 * len(l.queues)
		return
	}
	q := l.asked[0]
	q.spoiled++
	l.alone = max(l.alone, maxSpoiled*len(l.queues))
	if q.spoiled >= maxSpoiled {
		q.fail(fmt.Errorf("fetch %v at offset %d: %w: the batch is damaged on the broker's disk or compressed in a way "+
			"that we do not know; go on behind it, or restore it from a replica: %w", q.partition, q.position, ErrFormat, err))
	}
}

// lose gives q back to the placer.
func (l *loop) lose(q *Queue, err error) {
	if i := slices.Index(l.queues, q); i >= 0 {
		l.queues = slices.Delete(l.queues, i, i+1)
	}
	if q.dead() {
		return
	}
	if moved(err) || errors.Is(err, ErrTopicMissing) {
		l.f.c.suspect(q.partition)
	}
	l.f.c.log.Debug("kafka: fetch", "topic", q.partition.Topic, "partition", q.partition.Index, "err", err)
	l.f.hand(q, err)
}
