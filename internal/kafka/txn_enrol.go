// SPDX-License-Identifier: Apache-2.0

package kafka

import "context"

// enrolment is whether the coordinator counts a partition to the transaction; before it does, nothing may be written
// there, since the end of the transaction would not reach it.
type enrolment uint8

const (
	notEnrolled enrolment = iota
	isEnrolling
	isEnrolled
)

// habit is how many transactions in a row a partition must have been written to, for the next one to count it in
// before it is. A wrong guess costs a control record in a partition that gets nothing else.
const habit = 2

// transaction is what the coordinator knows, or is about to know, of the present transaction.
//
// The plain way is to add a partition when its first batch is sealed: that is a round trip for every partition in every
// transaction, and the worker would wait for it at each flush. Instead a partition is asked for when its first record
// comes, by a goroutine of its own, together with those that are written to in every transaction and with the group;
// what else comes up meanwhile goes into the next request. Mostly all is enrolled before the first batch is full.
//
// Owner: fields are under the producer's mu, but for the coordinators: the enrolment uses the first while enrolling is
// set, otherwise the producer's owner uses both.
type transaction struct {
	ctx    context.Context // ends with the first failure
	cancel context.CancelFunc

	pending   []*Target // to be enrolled
	enrolling bool      // a request is under way
	begun     bool      // the coordinator may have heard of the transaction
	guessed   bool      // the habits were asked for
	wanted    string    // group to be enrolled
	enrolled  string    // group that is
	group     string    // group of the transaction before: the habit

	coordinator coordinator // of the transaction
	groups      coordinator // of the group
}

// quiet says whether no enrolment is under way or due. mu is held.
//
// Nobody may want a group that is enrolled all the same: an abort takes the wish back while the request is under way.
func (x *transaction) quiet() bool {
	return !x.enrolling && len(x.pending) == 0 && (x.wanted == "" || x.wanted == x.enrolled)
}

// forget is for the next transaction. mu is held.
func (x *transaction) forget() {
	x.group = x.enrolled
	x.pending, x.begun, x.guessed, x.wanted, x.enrolled = nil, false, false, "", ""
	if x.cancel != nil {
		x.cancel()
	}
}

// enrol asks for t to be part of the transaction, which is about to write to it. mu is held.
func (p *Producer) enrol(t *Target) {
	if !p.transactional() {
		return
	}
	t.used = true
	p.request(t)
	if p.txn.guessed {
		return
	}
	p.txn.guessed, p.txn.wanted = true, p.txn.group
	for _, other := range p.targets {
		if other.streak >= habit {
			p.request(other)
		}
	}
}

// request queues t for enrolment. mu is held.
func (p *Producer) request(t *Target) {
	if t.enrolled == notEnrolled {
		t.enrolled = isEnrolling
		p.txn.pending = append(p.txn.pending, t)
		wake(p.wakeEnrol)
	}
}

// enrolGroup waits until group is part of the transaction.
func (p *Producer) enrolGroup(ctx context.Context, group string) error {
	p.mu.Lock()
	p.txn.wanted = group
	p.mu.Unlock()
	wake(p.wakeEnrol)
	return p.await(ctx, func() bool { return p.txn.enrolled == group })
}

// runEnrolment enrols what is asked for until the producer is closed.
func (p *Producer) runEnrolment() {
	for {
		select {
		case <-p.wakeEnrol:
		case <-p.ctx.Done():
			return
		}
		for p.enrolPending() {
		}
	}
}

// enrolPending enrols what is pending, and says whether there was something.
func (p *Producer) enrolPending() bool {
	p.mu.Lock()
	targets, group, ctx := p.txn.pending, p.txn.wanted, p.txn.ctx
	if group == p.txn.enrolled {
		group = ""
	}
	if p.err != nil || p.halted || len(targets) == 0 && group == "" {
		p.mu.Unlock()
		return false
	}
	p.txn.pending = nil
	p.txn.begun, p.txn.enrolling = true, true
	p.mu.Unlock()

	var err error
	if len(targets) > 0 {
		err = p.addPartitions(ctx, targets)
	}
	if err == nil && group != "" {
		err = p.addGroup(ctx, group)
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	p.txn.enrolling = false
	wake(p.progress)
	if err != nil {
		p.fail(err)
		return false
	}
	for _, t := range targets {
		t.enrolled = isEnrolled
		p.offer(t)
	}
	if group != "" {
		p.txn.enrolled = group
	}
	return true
}
