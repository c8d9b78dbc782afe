// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// topicGrace is how long a topic may be unknown before that is an error: brokers hear of a new one at different times.
const topicGrace = 5 * time.Second

// house hands t to the router unless it has a link already. mu is held.
func (p *Producer) house(t *Target) {
	if t.link == nil && !t.homeless {
		t.homeless = true
		p.homeless = append(p.homeless, t)
		wake(p.wakeRoute)
	}
}

// lose takes t's link away after a failure. The first failure after a success is repeated at once, since it is mostly
// an old connection or an old leader; after that with growing pauses. Nothing of t may be in flight. mu is held.
func (t *Target) lose(cause error) {
	if t.listed {
		t.listed = false
		t.link.ready = slices.DeleteFunc(t.link.ready, func(other *Target) bool { return other == t })
	}
	t.link, t.sent, t.retry, t.proven = nil, 0, nil, false
	t.cause = cause
	if t.tries++; t.tries > 1 {
		t.due = t.p.c.opts.Clock.Now().Add(t.pause.next())
	}
}

// runRouter finds the leaders of homeless targets until the producer is closed.
func (p *Producer) runRouter() {
	for {
		due, wait := p.takeDue()
		if len(due) > 0 {
			p.route(due)
			continue
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = p.c.opts.Clock.After(wait)
		}
		select {
		case <-p.wakeRoute:
		case <-timer:
		case <-p.ctx.Done():
			return
		}
	}
}

// takeDue removes the homeless targets whose pause is over. When there is none it gives the time until the next one
// is due, 0 when nobody waits.
func (p *Producer) takeDue() (due []*Target, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, 0 // Abort wakes us
	}
	now := p.c.opts.Clock.Now()
	rest := p.homeless[:0]
	for _, t := range p.homeless {
		if left := t.due.Sub(now); left > 0 {
			rest = append(rest, t)
			if wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		due = append(due, t)
	}
	clear(p.homeless[len(rest):])
	p.homeless = rest
	return due, wait
}

// route finds the leaders of targets, which asks the cluster where the last answer led to a failure.
func (p *Producer) route(targets []*Target) {
	err := p.refreshStale(targets)
	for _, t := range targets {
		var n node
		if err == nil {
			n, _, err = p.c.leaderNode(p.ctx, t.part)
		}
		p.settleIn(t, n, err)
		if errors.Is(err, ErrUnreachable) || p.ctx.Err() != nil {
			continue // the same for the others
		}
		err = nil
	}
}

// refreshStale asks for the topics of those targets that have failed.
func (p *Producer) refreshStale(targets []*Target) error {
	var topics []string
	p.mu.Lock()
	stale := map[string]bool{}
	for _, t := range targets {
		if t.tries > 0 && !stale[t.part.Topic] {
			stale[t.part.Topic] = true
			topics = append(topics, t.part.Topic)
		}
	}
	p.mu.Unlock()
	if len(topics) == 0 {
		return nil
	}
	return p.c.refreshOnce(p.ctx, topics...)
}

// settleIn gives t the link to its leader n, or tries again later.
func (p *Producer) settleIn(t *Target, n node, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.homeless = false
	switch {
	case errors.Is(err, context.Canceled):
		return // Close
	case err == nil:
		t.missing = time.Time{}
		t.link = p.linkTo(n)
		p.offer(t)
		return
	case errors.Is(err, ErrTopicMissing):
		now := p.c.opts.Clock.Now()
		if t.missing.IsZero() {
			t.missing = now
		}
		if now.Sub(t.missing) >= min(topicGrace, p.opts.DeliveryTimeout/2) {
			p.fail(fmt.Errorf("kafka: produce to %v: create the topic, with enough partitions: %w", t.part, err))
		}
	case !retriable(err) && !moved(err):
		p.fail(fmt.Errorf("kafka: produce to %v: %w", t.part, classify(err)))
	}
	t.lose(err)
	p.house(t)
}

// linkTo is the living link to n. mu is held.
func (p *Producer) linkTo(n node) *link {
	l := p.links[n.addr]
	if l == nil || l.broken != nil {
		l = &link{p: p, node: n, conn: p.dial(n), wake: make(chan struct{}, 1)}
		if p.state == closed {
			l.broken = sarama.ErrNotConnected
		}
		p.links[n.addr] = l
		p.wg.Go(l.run)
	}
	return l
}
