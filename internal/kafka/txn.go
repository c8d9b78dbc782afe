// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// closeTimeout bounds the abort of what a producer leaves open when it is closed.
const closeTimeout = 5 * time.Second

// state is where a producer stands. Without transactional id it knows only open, failed, aborting and closed.
//
//	           Begin            Commit             EndTxn answered
//	ready ──────────────▶ open ─────────▶ ending ─────────────────▶ ready
//	  ▲                   │ │ ▲             │ │
//	  │             Abort │ │ └─────────────┘ │ any other error
//	  │                   │ │ ErrStaleMember  │
//	  │                   │ └───────┐ ┌───────┘
//	  │                   ▼         ▼ ▼
//	  └────────────── aborting ◀── failed        failed, aborting and every other ──▶ outcast: ErrFenced
//	                      └──────────▲                                     and all ──▶ closed
//	                     could not, Abort again
type state uint8

const (
	starting state = iota
	ready
	open
	ending
	failed
	aborting
	outcast
	closed
)

// arrows are those of the drawing.
var arrows = [...][]state{
	starting: {ready, closed},
	ready:    {open, outcast, closed},
	open:     {ending, failed, aborting, outcast, closed},
	ending:   {ready, open, failed, outcast, closed},
	failed:   {aborting, outcast, closed},
	aborting: {ready, failed, outcast, closed},
	outcast:  {closed},
	closed:   {},
}

// transition moves the producer along an arrow. mu is held.
func (p *Producer) transition(to state) {
	if invariants.Enabled {
		invariants.Check(slices.Contains(arrows[p.state], to), "producer from state %d to %d", p.state, to)
	}
	p.state = to
	p.makeRoom()
}

// Begin begins a transaction, which costs nothing until something is sent, and forgets what Acked has collected.
// A producer without transactional id only forgets. After an error it does nothing: Send will say what is wrong.
func (p *Producer) Begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if invariants.Enabled {
		invariants.Check(p.state != open || !p.transactional(), "Begin inside a transaction")
	}
	for _, t := range p.targets {
		t.runs = t.runs[:0]
	}
	p.began = p.taken
	if p.state == ready {
		p.transition(open)
		p.txn.ctx, p.txn.cancel = context.WithCancel(p.ctx)
	}
}

// Wrote says whether anything was sent since Begin.
func (p *Producer) Wrote() bool { return p.taken > p.began }

// Commit makes what was sent since Begin visible together with offsets, the group's new positions. What is not sent or
// acknowledged yet is flushed on the way, while the offsets are under way too. A transaction with neither records nor
// offsets costs no request. Without transactional id it flushes, and then commits the offsets.
//
// On ErrStaleMember the group has refused g; the transaction is still open and complete, and Commit may be called
// again with the member's present identity. On any other error the producer needs Abort. The transaction may be
// committed even so, when the answer was lost: only CommittedOffsets tells.
func (p *Producer) Commit(ctx context.Context, offsets map[Partition]Commit, g GroupIdentity) error {
	if !p.transactional() {
		if err := p.Flush(ctx); err != nil {
			return err
		}
		return p.c.CommitOffsets(ctx, g, offsets)
	}
	p.sealAll()
	p.hand()
	p.mu.Lock()
	err := p.refusal()
	if err == nil {
		p.transition(ending)
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	err = p.end(ctx, offsets, g)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.finish()
		p.transition(ready)
	case p.err == nil && errors.Is(err, ErrStaleMember):
		p.transition(open)
	default:
		p.fail(err)
		err = p.err
	}
	return err
}

// end ends the transaction with a commit.
func (p *Producer) end(ctx context.Context, offsets map[Partition]Commit, g GroupIdentity) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.txn.ctx, cancel)()
	if len(offsets) > 0 {
		if err := p.enrolGroup(ctx, g.Group); err != nil {
			return err
		}
		if err := p.commitOffsets(ctx, offsets, g); err != nil {
			return err
		}
	}
	err := p.await(ctx, func() bool { return p.unacked == 0 && p.txn.quiet() })
	if err != nil || !p.begun() {
		return err
	}
	return p.endTxn(ctx, true)
}

// begun says whether the coordinator knows of the transaction.
func (p *Producer) begun() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.txn.begun
}

// finish forgets the transaction that has ended. mu is held.
func (p *Producer) finish() {
	for _, t := range p.targets {
		if t.used {
			t.streak++
		} else {
			t.streak = 0
		}
		t.used, t.enrolled = false, notEnrolled
	}
	p.txn.forget()
}

// Abort drops what was sent since Begin and leaves the producer ready for the next Begin: also after an error of Send,
// Flush or Commit, whatever became of the requests that were under way. Records of an idempotent producer that the
// broker has already stay. After ErrFenced there is no way back: it gives ErrFenced again. (Who is sure that nobody
// else may have the transactional id, because a lock says so, was too slow for TransactionTimeout, and opens a new
// producer.) On any other error it may be called again.
//
// When all is well at the broker, the transaction is ended as Commit would. When something was lost there, its sequence
// numbers cannot go on: the producer asks for a new epoch, which aborts the transaction too and makes the broker refuse
// whatever still wanders about on the network.
func (p *Producer) Abort(ctx context.Context) error {
	p.mu.Lock()
	switch p.state {
	case ready:
		p.mu.Unlock()
		return nil
	case open, failed:
	default:
		defer p.mu.Unlock()
		return p.refusal()
	}
	p.transition(aborting)
	p.halted = true
	p.txn.pending, p.txn.wanted = nil, p.txn.enrolled
	p.mu.Unlock()

	p.sealAll()
	err := p.land(ctx)
	if err == nil {
		err = p.rollBack(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.halted = false
	if err == nil {
		p.reset()
		return nil
	}
	if p.state == aborting {
		p.err = cmp.Or(p.err, err)
		p.transition(failed)
	}
	if errors.Is(err, ErrFenced) {
		p.err = err
		p.transition(outcast)
	}
	return err
}

// land waits until nothing is under way. After a failure it does not wait for answers, but cuts the connections.
func (p *Producer) land(ctx context.Context) error {
	p.mu.Lock()
	if p.err != nil {
		for _, l := range p.links {
			if l.inflight > 0 {
				l.conn.cut()
			}
		}
	}
	p.mu.Unlock()
	return p.wait(ctx, func() bool {
		for _, t := range p.targets {
			if t.inflight > 0 {
				return false
			}
		}
		return p.txn.quiet()
	})
}

// rollBack ends the transaction at the coordinator, and makes the sequence numbers agree with the brokers'.
func (p *Producer) rollBack(ctx context.Context) error {
	p.mu.Lock()
	clean := p.err == nil
	for _, t := range p.targets {
		clean = clean && (len(t.queue) == 0 || !t.queue[0].tried)
	}
	begun := p.txn.begun
	p.mu.Unlock()
	if clean && begun {
		err := p.endTxn(ctx, false)
		if errors.Is(err, ErrFenced) || ctx.Err() != nil {
			return err
		}
		clean = err == nil
	}
	if clean {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, t := range p.targets {
			if len(t.queue) > 0 {
				t.next = t.queue[0].seq
			}
		}
		return nil
	}
	if !p.transactional() {
		return p.identify(ctx, noProducer, noEpoch)
	}
	return p.identify(ctx, p.id, p.epoch)
}

// reset leaves nothing of the transaction that was aborted. Nothing is in flight. mu is held.
func (p *Producer) reset() {
	for _, l := range p.links {
		l.ready = nil
	}
	for _, t := range p.targets {
		for _, b := range t.queue {
			p.free.put(b)
		}
		t.queue, t.sent, t.retry, t.cause = nil, 0, nil, nil
		t.tries, t.due, t.missing = 0, time.Time{}, time.Time{}
		t.listed = false
		t.runs = t.runs[:0]
	}
	for _, b := range p.sealed {
		p.free.put(b)
	}
	p.sealed, p.sealedBytes = nil, 0
	p.unacked, p.acked, p.handed = 0, p.taken, p.taken
	p.err = nil
	p.finish()
	p.transition(ready)
	if !p.transactional() {
		p.transition(open)
	}
	wake(p.wakeRoute)
}

// Close gives everything up: what was not flushed is dropped, an open transaction is aborted if that is possible in
// little time. It returns when the producer's goroutines have ended.
func (p *Producer) Close() {
	p.mu.Lock()
	unfinished := p.txn.begun && (p.state == open || p.state == failed)
	p.mu.Unlock()
	if unfinished {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		if err := p.Abort(ctx); err != nil {
			p.log().Warn("kafka: a transaction was left open: readers of committed records wait until it times out",
				"timeout", p.opts.TransactionTimeout, "err", err)
		}
		cancel()
	}
	p.mu.Lock()
	if p.state == closed {
		p.mu.Unlock()
		return
	}
	p.transition(closed)
	for _, l := range p.links {
		l.broken = cmp.Or(l.broken, ErrClosed)
		l.conn.cut()
		wake(l.wake)
	}
	p.mu.Unlock()
	p.cancel()
	p.wg.Wait()
	p.txn.coordinator.close()
	p.txn.groups.close()
	p.free = pool{}
}
