// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// bootstrapTopic is what the first metadata request asks for: asking for nothing means asking for every topic.
const bootstrapTopic = "__consumer_offsets"

// topic is what the cluster last said about one topic.
type topic struct {
	id      sarama.Uuid
	err     error // of the topic as a whole: missing, not authorized
	leaders []leadership
	stale   bool // somebody found that it is no longer so: ask before the next use
}

// leadership is who leads a partition, by index.
type leadership struct {
	node  int32
	epoch int32
	err   error // no leader now
}

type coordinatorKey struct {
	kind sarama.CoordinatorType
	id   string
}

// leaderNode is the broker that leads p as far as we know, and its epoch (-1: unknown). It asks the cluster only when
// p's topic was never asked for, has no leader, or is suspect.
func (c *Client) leaderNode(ctx context.Context, p Partition) (node, int32, error) {
	n, epoch, err := c.cachedLeader(p)
	if err == nil && !c.suspected(p.Topic) {
		return n, epoch, nil
	}
	if err := c.refreshOnce(ctx, p.Topic); err != nil {
		return node{}, -1, err
	}
	return c.cachedLeader(p)
}

// suspect makes the next leaderNode of p's topic ask the cluster: after an error for which moved is true.
func (c *Client) suspect(p Partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.topics[p.Topic]; ok {
		t.stale = true
		c.topics[p.Topic] = t
	}
}

func (c *Client) suspected(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.topics[topic].stale
}

// leader is the control connection to the broker that leads p.
func (c *Client) leader(ctx context.Context, p Partition) (*conn, error) {
	n, _, err := c.leaderNode(ctx, p)
	if err != nil {
		return nil, err
	}
	return c.control(n)
}

func (c *Client) cachedLeader(p Partition) (node, int32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, known := c.topics[p.Topic]
	if known && t.err != nil {
		return node{}, -1, fmt.Errorf("%s: %w", p.Topic, t.err)
	}
	if !known || int(p.Index) >= len(t.leaders) || p.Index < 0 {
		return node{}, -1, fmt.Errorf("%v: %w", p, ErrTopicMissing)
	}
	l := t.leaders[p.Index]
	n, ok := c.nodes[l.node]
	if l.err != nil || !ok {
		return node{}, -1, fmt.Errorf("%v: %w", p, sarama.ErrLeaderNotAvailable)
	}
	return n, l.epoch, nil
}

// refresh asks until every one of topics exists and has all its leaders, for at most RetryTimeout.
func (c *Client) refresh(ctx context.Context, topics ...string) error {
	what := "metadata of " + strings.Join(topics, ",")
	return c.retry(ctx, what, func(ctx context.Context) error {
		if err := c.refreshOnce(ctx, topics...); err != nil {
			return err
		}
		return c.leaderless(topics)
	})
}

// leaderless gives the first error of topics as last heard.
func (c *Client) leaderless(topics []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range topics {
		t := c.topics[name]
		if t.err != nil {
			return fmt.Errorf("%s: %w", name, t.err)
		}
		for i, l := range t.leaders {
			if l.err != nil {
				return fmt.Errorf("%v: %w", Partition{name, int32(i)}, l.err)
			}
		}
	}
	return nil
}

// refreshOnce asks one broker about topics, the next one when that fails. What it hears about each topic, missing
// ones and absent leaders included, is found in the cache and is no error here.
func (c *Client) refreshOnce(ctx context.Context, topics ...string) error {
	return c.anyBroker(ctx, func(b *conn) error {
		req := sarama.NewMetadataRequest(c.conf.Version, topics)
		req.AllowAutoTopicCreation = false
		res, err := call(ctx, b, b.GetMetadata, req)
		if err != nil {
			return err
		}
		if len(res.Brokers) == 0 {
			return sarama.ErrBrokerNotAvailable // it is starting and knows nobody yet
		}
		c.learn(res)
		return nil
	})
}

// silence is how long a broker may take for a question that any other could answer: longer than the longest that may
// stand before it on the connection, the creation of topics.
const silence = createTimeout + 5*time.Second

// errSilent passes.
var errSilent = fmt.Errorf("no answer within %v: %w", silence, errCut)

// anyBroker calls f with the control connections in turn until one answers. Known brokers come first, then the
// addresses of Options. Refused credentials are refused everywhere: no further broker is asked.
func (c *Client) anyBroker(ctx context.Context, f func(*conn) error) error {
	var failed []error
	for _, n := range c.candidates() {
		b, err := c.control(n)
		if err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, silence)
		heard := context.AfterFunc(attempt, b.cut)
		err = f(b)
		if !heard() && err != nil && ctx.Err() == nil {
			err = errSilent
		}
		cancel()
		if err == nil || ctx.Err() != nil || !retriable(err) {
			return err
		}
		failed = append(failed, fmt.Errorf("%s: %w", n.addr, err))
	}
	all := errors.Join(failed...)
	if _, answered := errors.AsType[sarama.KError](all); answered {
		return all // reached, but not ready
	}
	return fmt.Errorf("%w: check the addresses, that the listener is the one for clients, and whether it wants "+
		"TLS or SASL: %w", ErrUnreachable, all)
}

// candidates are the brokers to ask, those with a live connection first.
func (c *Client) candidates() []node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var live, rest []node
	add := func(n node) {
		if b := c.conns[n.addr]; b != nil && !b.lost.Load() {
			live = append(live, n)
		} else {
			rest = append(rest, n)
		}
	}
	seen := map[string]bool{}
	for _, n := range c.nodes { // in the map's random order: clients spread
		seen[n.addr] = true
		add(n)
	}
	for _, addr := range c.opts.Brokers {
		if !seen[addr] {
			seen[addr] = true
			add(node{id: -1, addr: addr})
		}
	}
	return append(live, rest...)
}

// learn takes an answer into the cache.
func (c *Client) learn(res *sarama.MetadataResponse) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.nodes)
	for _, b := range res.Brokers {
		c.nodes[b.ID()] = node{id: b.ID(), addr: b.Addr()}
	}
	c.controller = res.ControllerID
	for _, heard := range res.Topics {
		c.topics[heard.Name] = c.topics[heard.Name].after(heard)
	}
}

// after is t once heard was said about it.
func (t topic) after(heard *sarama.TopicMetadata) topic {
	if heard.Err != sarama.ErrNoError && heard.Err != sarama.ErrLeaderNotAvailable {
		return topic{id: heard.Uuid, err: classify(heard.Err)}
	}
	if len(heard.Partitions) == 0 {
		return topic{id: heard.Uuid, err: sarama.ErrLeaderNotAvailable} // just created
	}
	next := topic{id: heard.Uuid, leaders: make([]leadership, len(heard.Partitions))}
	for i := range next.leaders {
		next.leaders[i] = leadership{node: -1, epoch: -1, err: sarama.ErrLeaderNotAvailable}
	}
	for _, p := range heard.Partitions {
		if int(p.ID) >= len(next.leaders) {
			continue // some before it are missing: the broker is behind with what it knows
		}
		l := leadership{node: p.Leader, epoch: p.LeaderEpoch}
		if p.Leader < 0 {
			l.err = sarama.ErrLeaderNotAvailable
		}
		sameTopic := t.id == next.id && t.id != sarama.Uuid{}
		if sameTopic && int(p.ID) < len(t.leaders) && t.leaders[p.ID].epoch > l.epoch {
			l = t.leaders[p.ID]
		}
		next.leaders[p.ID] = l
	}
	return next
}

// coordinator is the control connection to the broker that coordinates a consumer group. It asks the cluster when
// nobody did since forgetCoordinator.
func (c *Client) coordinator(ctx context.Context, group string) (*conn, error) {
	return c.coordinatorOf(ctx, coordinatorKey{sarama.CoordinatorGroup, group})
}

// txnCoordinator is the same for a transactional id.
func (c *Client) txnCoordinator(ctx context.Context, id string) (*conn, error) {
	return c.coordinatorOf(ctx, coordinatorKey{sarama.CoordinatorTransaction, id})
}

// forgetCoordinator makes the next coordinator(group) ask the cluster: after an error for which moved is true.
func (c *Client) forgetCoordinator(group string) {
	c.forget(coordinatorKey{sarama.CoordinatorGroup, group})
}

// forgetTxnCoordinator is the same for a transactional id.
func (c *Client) forgetTxnCoordinator(id string) {
	c.forget(coordinatorKey{sarama.CoordinatorTransaction, id})
}

func (c *Client) forget(key coordinatorKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.coordinators, key)
}

func (c *Client) coordinatorOf(ctx context.Context, key coordinatorKey) (*conn, error) {
	n, err := c.coordinatorNode(ctx, key)
	if err != nil {
		return nil, err
	}
	return c.control(n)
}

// coordinatorNode is where key is coordinated: to dial a connection of one's own.
func (c *Client) coordinatorNode(ctx context.Context, key coordinatorKey) (node, error) {
	c.mu.Lock()
	id, known := c.coordinators[key]
	n, reachable := c.nodes[id]
	c.mu.Unlock()
	if known && reachable {
		return n, nil
	}
	err := c.anyBroker(ctx, func(b *conn) error {
		req := &sarama.FindCoordinatorRequest{Version: 3, CoordinatorKey: key.id, CoordinatorType: key.kind}
		res, err := call(ctx, b, b.FindCoordinator, req)
		if err == nil {
			err = classify(res.Err)
		}
		if err != nil {
			return err
		}
		if res.Coordinator == nil {
			return sarama.ErrConsumerCoordinatorNotAvailable
		}
		n = node{id: res.Coordinator.ID(), addr: res.Coordinator.Addr()}
		return nil
	})
	if err != nil {
		return node{}, fmt.Errorf("coordinator of %q: %w", key.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coordinators[key], c.nodes[n.id] = n.id, n
	return n, nil
}
