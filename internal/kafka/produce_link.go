// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"github.com/irmak-go/irmak/internal/invariants"
)

const (
	// maxInFlight is how many requests a connection carries at once: a broker recognises repetitions among the last five
	// batches of a producer, no further back.
	maxInFlight = 5
	// ackTimeout is how long a broker may wait for its followers before it answers REQUEST_TIMED_OUT.
	ackTimeout = 10 * time.Second
	// answerSlack is how much longer we wait before we take a broker for dead.
	answerSlack = 5 * time.Second
)

// leaderConn is a connection as a link needs it: a *conn, or a test's.
type leaderConn interface {
	Connected() (bool, error)
	AsyncProduce(*sarama.ProduceRequest, sarama.ProduceCallback) error
	cut()
	close()
}

func (p *Producer) dialLeader(n node) leaderConn {
	return p.c.dial(n, func(conf *sarama.Config) {
		conf.Net.ReadTimeout = min(conf.Net.ReadTimeout, ackTimeout+answerSlack)
	})
}

// link is one connection to one leader, from its dialling to its first error.
//
// Requests are encoded, compressed and written by a goroutine of the link's own (run), so that a broker that is slow
// to read holds up neither the owner nor the other brokers. Answers come in on sarama's goroutine (request.answered),
// which must not call anything on the connection.
//
//  1. After conn.close returns every request of the link has been answered, with an error if need be: sarama calls each
//     callback exactly once. So when run ends, nothing of its targets is in flight.
//  2. A target is in ready at most once, and only in that of its own link.
type link struct {
	p    *Producer
	node node
	conn leaderConn
	wake chan struct{}

	encoder encoder // of run

	// Under the producer's mu.
	ready    []*Target // have something to send
	inflight int       // requests
	broken   error     // why run ends, or has ended
}

// request is one ProduceRequest: at most one batch of each partition.
type request struct {
	link    *link
	batches []*batch
	id      int64
	epoch   int16
	message *sarama.ProduceRequest
}

// offer puts t into its link's ready list when it has something that may be sent. mu is held.
func (p *Producer) offer(t *Target) {
	if !t.sendable() || t.listed {
		return
	}
	t.listed = true
	t.link.ready = append(t.link.ready, t)
	wake(t.link.wake)
}

// sendable says whether t's next batch may go out. mu is held.
func (t *Target) sendable() bool {
	p := t.p
	return t.link != nil && t.link.broken == nil && t.sent < len(t.queue) && t.retry == nil &&
		(t.proven || t.inflight == 0) &&
		(!p.transactional() || t.enrolled == isEnrolled) &&
		p.err == nil && !p.halted
}

// run sends until the connection breaks.
func (l *link) run() {
	if connected, err := l.conn.Connected(); !connected {
		l.breakOff(classify(cmp.Or(err, error(sarama.ErrNotConnected))))
	}
	for {
		r, alive := l.next()
		if !alive {
			break
		}
		if r == nil {
			<-l.wake
			continue
		}
		r.encode()
		if err := l.conn.AsyncProduce(r.message, r.answered); err != nil {
			r.answered(nil, err) // sarama does not call it
		}
	}
	l.conn.close()
	l.p.unlink(l)
}

// next takes the next request's batches from the ready targets, in turn; nil when there is nothing to send now.
func (l *link) next() (r *request, alive bool) {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.broken != nil {
		return nil, false
	}
	if l.inflight == maxInFlight {
		return nil, true
	}
	r = &request{link: l, id: p.id, epoch: p.epoch}
	var again []*Target
	i, bytes := 0, 0
	for ; i < len(l.ready); i++ {
		t := l.ready[i]
		if !t.sendable() {
			t.listed = false
			continue
		}
		b := t.queue[t.sent]
		if bytes += len(b.data); bytes > p.opts.MaxRequestBytes && len(r.batches) > 0 {
			break
		}
		if invariants.Enabled {
			t.check()
		}
		t.sent++
		t.inflight++
		b.tried = true
		r.batches = append(r.batches, b)
		if t.listed = t.sendable(); t.listed {
			again = append(again, t)
		}
	}
	rest := copy(l.ready, l.ready[i:])
	clear(l.ready[rest:])
	l.ready = append(l.ready[:rest], again...)
	if len(r.batches) == 0 {
		return nil, true
	}
	l.inflight++
	return r, true
}

// encode makes the message. Nobody else reads the batches' data meanwhile but for reading.
func (r *request) encode() {
	p, e := r.link.p, &r.link.encoder
	message := &sarama.ProduceRequest{
		RequiredAcks: sarama.WaitForAll,
		Timeout:      int32(ackTimeout / time.Millisecond),
		Version:      produceVersion,
	}
	if p.transactional() {
		message.TransactionalID = &p.opts.TransactionalID
	}
	e.begin(r.batches)
	for _, b := range r.batches {
		encoded := e.encode(b)
		encoded.Codec = p.codec
		encoded.ProducerID, encoded.ProducerEpoch = r.id, r.epoch
		encoded.IsTransactional = p.transactional()
		message.AddBatch(b.t.part.Topic, b.t.part.Index, encoded)
	}
	r.message = message
}

// produceVersion is the newest that sarama writes; older brokers get an older one. All we use is in version 3.
const produceVersion = 10

// breakOff ends a link that could not connect. Refused credentials are refused everywhere.
func (l *link) breakOff(why error) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.broken = cmp.Or(l.broken, why)
	if errors.Is(why, ErrAuth) {
		l.p.fail(fmt.Errorf("kafka: produce: connect to %s: %w", l.node.addr, why))
	}
}

// unlink sends the targets of a link whose run has ended to the router. Nothing of them is in flight.
func (p *Producer) unlink(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.targets {
		if t.link != l {
			continue
		}
		if invariants.Enabled {
			invariants.Check(t.inflight == 0, "%v: %d in flight on a closed connection", t.part, t.inflight)
		}
		t.lose(l.broken)
		if len(t.queue) > 0 {
			p.house(t)
		}
	}
	if p.links[l.node.addr] == l {
		delete(p.links, l.node.addr)
	}
	wake(p.progress)
}

// check checks the numbers of t's queue. mu is held.
func (t *Target) check() {
	invariants.Check(t.inflight <= t.sent && t.sent <= len(t.queue), "%v: %d in flight of %d sent of %d queued",
		t.part, t.inflight, t.sent, len(t.queue))
	for i, b := range t.queue[1:] {
		before := t.queue[i]
		invariants.Check(b.seq == follow(before.seq, before.n), "%v: batch %d has number %d, the one before %d+%d",
			t.part, i+1, b.seq, before.seq, before.n)
	}
}
