// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// Producer writes records to partitions, each exactly once and in order, and inside transactions when it has a
// transactional id.
//
// A record's way, and the file of each step:
//
//	Send ──▶ open batch ──▶ sealed ──▶ queue ──▶ in flight ──▶ acknowledged
//	  produce_target.go       Kick, Flush  │  produce_link.go  produce_ack.go
//	  produce_batch.go                     │
//	                      produce_route.go finds the partition's leader
//	                      txn_enrol.go     adds the partition to the transaction
//
// Sequence numbers: a batch gets the next numbers of its partition when it enters the queue and keeps them for ever,
// so that the broker recognises what it has seen. Five requests may be in flight on a connection, so a batch may fail
// while later ones of its partition are under way; the broker then refuses those as well (their numbers do not follow
// what it has). Resending the failed one alone would put it behind them, so nothing of that partition is sent until
// all of them were answered, and then the queue is sent again from its head.
//
// That a broker refuses the followers holds only once it knows the producer: a partition that has never seen it takes
// any first number. So the first batch after a change (new producer epoch, new leader, retry) travels alone.
//
// Owner: one goroutine, the worker's, calls all methods; nothing else may. Open and sealed batches are its own, without
// a lock. mu guards what the connections, the router and the transaction's goroutine share with it, and is never held
// over a request or a wait.
//
//  1. A target's queue holds consecutive sequence numbers: queue[0] is the oldest batch without acknowledgement.
//  2. queue[:sent] were handed to the connection since the last retry began; at most inflight of them wait for an
//     answer, all on one connection.
//  3. The bytes of records that Send took and that are not acknowledged never exceed BufferBytes.
//  4. Once err is set nothing is sent and nothing is acknowledged to the owner until Abort.
type Producer struct {
	c     *Client
	opts  ProducerOptions
	codec sarama.CompressionCodec
	dial  func(node) leaderConn

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	// The owner's.
	open        []*Target // those that have an open batch
	sealed      []*batch  // waiting for Kick
	sealedBytes int
	taken       int64 // bytes of records that Send took, ever
	handed      int64 // of them, bytes that have entered queues
	began       int64 // what taken was at Begin

	// room is how far taken may go without waiting; negative while Send is not allowed at all. Send reads it per record.
	room atomic.Int64

	mu        sync.Mutex
	state     state
	err       error // the first failure since Begin
	halted    bool  // Abort lets what is in flight land
	id        int64
	epoch     int16
	targets   map[Partition]*Target
	links     map[string]*link // by the broker's address
	homeless  []*Target        // waiting for the router to find their leader
	unacked   int              // batches in queues
	acked     int64            // bytes of records acknowledged, ever
	free      pool
	txn       transaction
	progress  chan struct{} // wakes the owner
	wakeRoute chan struct{}
	wakeEnrol chan struct{}
}

// ProducerOptions say how to produce. The zero value is an idempotent producer without transactions.
type ProducerOptions struct {
	// TransactionalID names the producer across restarts: who opens a producer with it fences the one before and aborts
	// what it left unfinished. Defaults to none: records become visible as they are acknowledged.
	TransactionalID string
	// TransactionTimeout is how long the broker waits for the end of a transaction before it aborts it and fences the
	// producer. Readers of committed records wait that long for a producer that died for good. Defaults to 60 s.
	TransactionTimeout time.Duration
	// Compression is none, gzip, snappy, lz4 or zstd. Defaults to none.
	Compression string
	// BatchBytes is the size, before compression, at which a partition's batch is sealed. Defaults to 128 KiB; at most
	// half of MaxRecordBytes.
	BatchBytes int
	// MaxRequestBytes is how much of several partitions' batches goes into one request. Defaults to 1 MiB.
	MaxRequestBytes int
	// MaxRecordBytes is the largest batch of one record that may be sent: no more than max.message.bytes of the topics.
	// Defaults to 1 MiB, as that does.
	MaxRecordBytes int
	// BufferBytes bounds the records that are not acknowledged yet; Send waits when there are more. Defaults to 32 MiB;
	// at least four times MaxRecordBytes.
	BufferBytes int
	// DeliveryTimeout bounds the attempts at one batch, and at each step of a transaction. It should be shorter than
	// TransactionTimeout. Defaults to 30 s.
	DeliveryTimeout time.Duration
}

func (o ProducerOptions) withDefaults() ProducerOptions {
	if o.TransactionTimeout <= 0 {
		o.TransactionTimeout = 60 * time.Second
	}
	if o.DeliveryTimeout <= 0 {
		o.DeliveryTimeout = 30 * time.Second
	}
	for _, n := range []struct {
		field    *int
		standard int
	}{
		{&o.BatchBytes, 128 << 10},
		{&o.MaxRequestBytes, 1 << 20},
		{&o.MaxRecordBytes, 1<<20 + batchLogOverhead},
		{&o.BufferBytes, 32 << 20},
	} {
		if *n.field <= 0 {
			*n.field = n.standard
		}
	}
	o.BatchBytes = min(o.BatchBytes, o.MaxRecordBytes/2)
	o.BufferBytes = max(o.BufferBytes, 4*o.MaxRecordBytes)
	return o
}

// NewProducer opens a producer. With a transactional id it waits until the predecessor's transaction is aborted, and
// the predecessor gets ErrFenced from then on. The client must outlive the producer.
func NewProducer(ctx context.Context, c *Client, opts ProducerOptions) (*Producer, error) {
	codec, err := codecOf(opts.Compression)
	if err != nil {
		return nil, err
	}
	p := newProducer(c, opts, codec)
	if err := p.identify(ctx, noProducer, noEpoch); err != nil {
		p.cancel()
		return nil, err
	}
	p.start()
	return p, nil
}

func newProducer(c *Client, opts ProducerOptions, codec sarama.CompressionCodec) *Producer {
	opts = opts.withDefaults()
	p := &Producer{
		c: c, opts: opts, codec: codec,
		id: noProducer, epoch: noEpoch,
		targets: map[Partition]*Target{}, links: map[string]*link{},
		free:      pool{max: opts.BufferBytes},
		progress:  make(chan struct{}, 1),
		wakeRoute: make(chan struct{}, 1),
		wakeEnrol: make(chan struct{}, 1),
	}
	p.dial = p.dialLeader
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.txn.coordinator = coordinator{c: c, key: coordinatorKey{sarama.CoordinatorTransaction, opts.TransactionalID}}
	return p
}

// start begins the producer's goroutines. A producer without transactions is open from here on.
func (p *Producer) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.transition(ready)
	p.wg.Go(p.runRouter)
	if p.transactional() {
		p.wg.Go(p.runEnrolment)
	} else {
		p.transition(open)
	}
}

// Target is the partition to send to, resolved once. The same partition gives the same Target.
func (p *Producer) Target(topic string, partition int32) *Target {
	p.mu.Lock()
	defer p.mu.Unlock()
	part := Partition{topic, partition}
	if t := p.targets[part]; t != nil {
		return t
	}
	t := &Target{
		p: p, part: part, rules: p.c.rulesFor(topic), newest: maxTime,
		limit: p.opts.BatchBytes, allowed: p.opts.BatchBytes, pause: p.c.backoff(),
	}
	t.look()
	p.targets[part] = t
	return t
}

// Kick lets go what is ready: sealed batches, and also open ones once those hold a whole request. Call it when there
// is nothing more to send for now, such as after each batch of input; it does not wait, and costs nothing when there is
// nothing to do.
func (p *Producer) Kick() {
	if p.taken-p.handed >= int64(p.sealedBytes+p.opts.MaxRequestBytes) {
		p.sealAll()
	}
	if len(p.sealed) > 0 {
		p.hand()
	}
}

// Flush sends everything and waits until all of it is acknowledged. On an error other than ctx's the producer needs
// Abort; see there.
func (p *Producer) Flush(ctx context.Context) error {
	p.sealAll()
	p.hand()
	return p.await(ctx, func() bool { return p.unacked == 0 })
}

// sealAll seals every open batch.
func (p *Producer) sealAll() {
	for _, t := range p.open {
		t.listedOpen = false
		if t.open != nil {
			p.seal(t)
		}
	}
	clear(p.open)
	p.open = p.open[:0]
}

func (p *Producer) seal(t *Target) {
	p.sealed = append(p.sealed, t.open)
	p.sealedBytes += len(t.open.data)
	t.lastBytes = len(t.open.data)
	t.open = nil
}

// hand moves the sealed batches into their targets' queues.
func (p *Producer) hand() {
	if len(p.sealed) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.c.opts.Clock.Now()
	for _, b := range p.sealed {
		t := b.t
		b.seq, b.since = t.next, now
		t.next = follow(t.next, b.n)
		t.queue = append(t.queue, b)
		p.unacked++
		p.house(t)
		p.offer(t)
	}
	p.handed += int64(p.sealedBytes)
	clear(p.sealed)
	p.sealed, p.sealedBytes = p.sealed[:0], 0
}

// await waits until done, which is called with mu held. It gives the producer's failure, makes one of a batch that
// has waited longer than DeliveryTimeout, or gives ctx's error.
func (p *Producer) await(ctx context.Context, done func() bool) error {
	err := p.wait(ctx, func() bool {
		if done() {
			return true
		}
		if p.patience() <= 0 {
			p.failOverdue()
		}
		return p.err != nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.err, err)
}

// wait waits until done, which is called with mu held, or gives ctx's error.
func (p *Producer) wait(ctx context.Context, done func() bool) error {
	for {
		p.mu.Lock()
		ok, left := done(), p.patience()
		p.mu.Unlock()
		if ok {
			return nil
		}
		var timer <-chan time.Time
		if left > 0 {
			timer = p.c.opts.Clock.After(left)
		}
		select {
		case <-p.progress:
		case <-timer:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ctx.Done():
			return fmt.Errorf("kafka producer: %w", ErrClosed)
		}
	}
}

// patience is how long the oldest batch may still wait. mu is held.
func (p *Producer) patience() time.Duration {
	left, now := p.opts.DeliveryTimeout, p.c.opts.Clock.Now()
	for _, t := range p.targets {
		if len(t.queue) > 0 {
			left = min(left, p.opts.DeliveryTimeout-now.Sub(t.queue[0].since))
		}
	}
	return left
}

// failOverdue fails with the batch that has waited too long. mu is held.
func (p *Producer) failOverdue() {
	now := p.c.opts.Clock.Now()
	for _, t := range p.targets {
		if len(t.queue) > 0 && now.Sub(t.queue[0].since) >= p.opts.DeliveryTimeout {
			p.fail(fmt.Errorf("kafka: produce to %v: not acknowledged within %v: %w%s",
				t.part, p.opts.DeliveryTimeout, ErrAbort, because(t.cause)))
			return
		}
	}
}

func because(cause error) string {
	if cause == nil {
		return ""
	}
	return fmt.Sprintf(" (last: %v)", cause)
}

// fail stops the producer until Abort; later failures follow from the first and are dropped. mu is held.
func (p *Producer) fail(err error) {
	if p.err != nil {
		return
	}
	p.err = err
	if p.txn.cancel != nil {
		p.txn.cancel()
	}
	to := failed
	if errors.Is(err, ErrFenced) {
		to = outcast
	}
	if p.state == open || p.state == ending || to == outcast {
		p.transition(to)
	}
	p.makeRoom()
	wake(p.progress)
}

// makeRoom tells Send how far it may go. mu is held.
func (p *Producer) makeRoom() {
	if p.state == open && p.err == nil {
		p.room.Store(p.acked + int64(p.opts.BufferBytes))
	} else {
		p.room.Store(-1)
	}
}

func (p *Producer) transactional() bool { return p.opts.TransactionalID != "" }

func (p *Producer) log() *slog.Logger {
	if p.transactional() {
		return p.c.log.With("transactional_id", p.opts.TransactionalID)
	}
	return p.c.log
}

// wake lets whoever waits on c look again.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
