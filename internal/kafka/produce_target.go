// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"sync/atomic"
	"time"
)

// firstBatchBytes is the memory of a target's first batch; later ones take what the one before needed.
const firstBatchBytes = 4 << 10

// Target is one partition of one topic, as a place to send to.
//
// Owner: the producer's owner calls its methods; the fields are grouped by who may touch them. See Producer for the
// invariants.
type Target struct {
	p     *Producer
	part  Partition
	rules *rules // nil: none that are known

	// The owner's.
	oldest     int64 // the times that rules allow, as last looked at
	newest     int64
	open       *batch
	limit      int // bytes at which open is sealed
	lastBytes  int // size of the batch before
	listedOpen bool

	// Under mu.
	queue    []*batch
	sent     int
	inflight int
	next     int32        // sequence number of the next batch to enter the queue
	allowed  int          // what limit becomes with the next batch: less after the broker found one too large
	most     atomic.Int64 // the largest record that Send takes, once the broker has found one too large; 0: it has not
	runs     []Run

	link     *link // nil: the router looks for it
	listed   bool  // in link.ready
	proven   bool  // the leader knows our producer epoch, so that more than one batch may be in flight
	retry    error // why the queue must be sent again, as soon as nothing is in flight
	cause    error // the last failure since the last success
	tries    int   // failures since the last success
	pause    backoff
	homeless bool      // in p.homeless
	due      time.Time // for the router, not before
	missing  time.Time // since when the topic is unknown; zero: it is known

	enrolled enrolment
	used     bool // this transaction wrote to it
	streak   int  // consecutive transactions that did
}

// Run is a number of records with consecutive offsets.
type Run struct {
	First int64 // -1 when the broker had the records already and did not say where
	N     int
}

// Send takes one record for the partition; key, value and headers are copied, nil is null. It does not wait for the
// network, unless BufferBytes are not acknowledged yet: then until half of them are, or DeliveryTimeout has passed.
// time is the record's event time, which must be within 1970 to 2262.
//
// A record that cannot fit is ErrTooLarge, and one that the topic's settings do not allow (LearnRules) is ErrRefused:
// both are as if they had never been sent. That a topic allows less than
// MaxRecordBytes is found out by the first record that is too large for it: that one fails the transaction, with
// ErrAbort, and is ErrTooLarge when it is sent again. On any other error the producer needs Abort; the error may come
// from records that were sent earlier.
func (t *Target) Send(key, value []byte, time int64, headers []Header) error {
	size := storedSize(key, value, headers)
	b, p := t.open, t.p
	if b == nil || len(b.data)+size > t.limit || p.taken+int64(size) > p.room.Load() ||
		time < t.oldest || time > t.newest || key == nil && t.rules != nil {
		if err := t.prepare(size, key, value, time, headers); err != nil {
			return err
		}
		b = t.open
	}
	p.taken += int64(size)
	b.add(size, key, value, time, headers)
	return nil
}

// prepare makes t.open a batch that a record of size bytes may be added to.
func (t *Target) prepare(size int, key, value []byte, time int64, headers []Header) error {
	p := t.p
	if err := t.vet(key == nil, time); err != nil {
		return err
	}
	if wire := wireSize(key, value, headers); wire > p.opts.MaxRecordBytes {
		return fmt.Errorf("kafka: send to %v: a key of %d bytes, a value of %d and %d headers are %d bytes as a batch, "+
			"of at most %d (MaxRecordBytes, and max.message.bytes of the topic): %w",
			t.part, len(key), len(value), len(headers), wire, p.opts.MaxRecordBytes, ErrTooLarge)
	}
	if most := t.most.Load(); most > 0 && int64(size) > most {
		return fmt.Errorf("kafka: send to %v: a key of %d bytes, a value of %d and %d headers are more than "+
			"max.message.bytes of the topic: %w", t.part, len(key), len(value), len(headers), ErrTooLarge)
	}
	if p.taken+int64(size) > p.room.Load() {
		if err := p.waitRoom(); err != nil {
			return fmt.Errorf("kafka: send to %v: %w", t.part, err)
		}
	}
	if t.open != nil && len(t.open.data)+size > t.limit {
		p.seal(t)
		if p.sealedBytes >= p.opts.MaxRequestBytes {
			p.hand()
		}
	}
	if t.open == nil {
		p.openBatch(t, size)
	}
	return nil
}

// openBatch gives t an empty batch. It is where a partition is first heard of: the search for its leader and its way
// into the transaction begin here, long before the batch is full.
func (p *Producer) openBatch(t *Target, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.limit = t.allowed
	t.look()
	t.open = p.free.get(max(size, t.lastBytes, firstBatchBytes))
	t.open.begin(t)
	if !t.listedOpen {
		t.listedOpen = true
		p.open = append(p.open, t)
	}
	p.house(t)
	p.enrol(t)
}

// waitRoom waits until half of BufferBytes is free, so that the batches that follow are not sealed for a few records
// each. It fails when Send is not allowed at all.
func (p *Producer) waitRoom() error {
	p.mu.Lock()
	err := p.refusal()
	p.mu.Unlock()
	if err != nil {
		return err
	}
	p.sealAll()
	p.hand()
	half := int64(p.opts.BufferBytes / 2)
	return p.await(p.ctx, func() bool { return p.taken-p.acked <= half })
}

// refusal says why nothing can be sent now. mu is held.
func (p *Producer) refusal() error {
	switch {
	case p.state == closed:
		return fmt.Errorf("producer: %w", ErrClosed)
	case p.err != nil:
		return p.err
	case p.state != open:
		return fmt.Errorf("no transaction is open: call Begin first")
	}
	return nil
}

// Acked gives the offsets of the records that were sent since the last Begin, in the order of Send. It is complete
// after a successful Flush or Commit, and valid until the next Begin.
func (t *Target) Acked() []Run { return t.runs }

// Partition is where t sends to.
func (t *Target) Partition() Partition { return t.part }

// ran notes that n records went to offset. mu is held.
func (t *Target) ran(offset int64, n int) {
	if last := len(t.runs) - 1; last >= 0 && offset >= 0 && t.runs[last].First+int64(t.runs[last].N) == offset {
		t.runs[last].N += n
		return
	}
	t.runs = append(t.runs, Run{offset, n})
}
