// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	noProducer = int64(-1)
	noEpoch    = int16(-1)

	// A transaction's end is answered before its markers are written; the next one is refused for as long as that takes,
	// a few milliseconds.
	concurrentBackoff    = time.Millisecond
	concurrentBackoffMax = 20 * time.Millisecond
)

// coordinator is a connection of the producer's own to the broker that coordinates its transactions, or its group.
// The client's would have every worker wait for every other one's round trips.
//
// Owner: one goroutine at a time; see transaction.
type coordinator struct {
	c    *Client
	key  coordinatorKey
	conn *conn
}

// get gives the connection; it asks where the coordinator is when that is not known.
func (k *coordinator) get(ctx context.Context) (*conn, error) {
	if k.conn != nil && !k.conn.lost.Load() {
		return k.conn, nil
	}
	n, err := k.c.coordinatorNode(ctx, k.key)
	if err != nil {
		return nil, err
	}
	k.conn = k.c.dial(n)
	return k.conn, nil
}

// forget makes the next get look for the coordinator again.
func (k *coordinator) forget() {
	k.close()
	k.c.forget(k.key)
}

func (k *coordinator) close() {
	if k.conn != nil {
		k.conn.close()
		k.conn = nil
	}
}

// ask is askWithin the bound of a step of a transaction.
func (p *Producer) ask(ctx context.Context, what string, who *coordinator, f func(*conn) error) error {
	return p.askWithin(ctx, p.opts.DeliveryTimeout, what, who, f)
}

// askWithin calls f with the connection to who until it succeeds, fails for good, or limit has passed. Failures that a
// new attempt from the last commit may avoid are ErrAbort.
func (p *Producer) askWithin(
	ctx context.Context, limit time.Duration, what string, who *coordinator, f func(*conn) error,
) error {
	clock := p.c.opts.Clock
	pause, began := p.c.backoff(), clock.Now()
	short := backoff{clock: clock, min: concurrentBackoff, max: concurrentBackoffMax}
	for attempt := 1; ; attempt++ {
		b, err := who.get(ctx)
		if err == nil {
			err = f(b)
		}
		if err == nil {
			return nil
		}
		past := clock.Now().Sub(began)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("kafka: %s: %w: %w", what, ErrAbort, ctx.Err())
		case past >= limit:
			return fmt.Errorf("kafka: %s: gave up after %v and %d attempts: %w: %w",
				what, past.Round(time.Millisecond), attempt, ErrAbort, err)
		case errors.Is(err, ErrTopicMissing) && past < topicGrace:
		case !retriable(err) && !moved(err):
			return fmt.Errorf("kafka: %s: %w", what, p.refused(err))
		}
		if errors.Is(err, sarama.ErrConcurrentTransactions) {
			_ = short.wait(ctx)
			continue
		}
		p.log().Debug("kafka: will try again", "what", what, "attempt", attempt, "err", err)
		if attempt == 1 && connectionLost(err) {
			who.close() // brokers close connections that are idle for some minutes: that says nothing of the coordinator
			continue
		}
		if moved(err) {
			who.forget()
		}
		_ = pause.wait(ctx)
	}
}

// refused puts the sentinel in front of an answer that more attempts do not change.
func (p *Producer) refused(err error) error {
	switch {
	case p.expelled(err):
		return p.fencedBy(err)
	case errors.Is(err, sarama.ErrInvalidTransactionTimeout):
		return fmt.Errorf("TransactionTimeout must not exceed the broker's transaction.max.timeout.ms: %w", err)
	case abortable(err):
		return fmt.Errorf("%w: %w", ErrAbort, err)
	}
	return classify(err)
}

// expelled says whether err means that our transactional id is somebody else's now. An id that the coordinator does not
// know counts too: it expired, and whether somebody else has used it since cannot be known.
func (p *Producer) expelled(err error) bool {
	return p.transactional() && (errors.Is(err, sarama.ErrProducerFenced) ||
		errors.Is(err, sarama.ErrInvalidProducerEpoch) || errors.Is(err, sarama.ErrInvalidProducerIDMapping))
}

// fencedBy is ErrFenced in words for a person; sarama has none for the code of today's brokers.
func (p *Producer) fencedBy(err error) error {
	code, _ := errors.AsType[sarama.KError](err)
	return fmt.Errorf("transactional id %q: %w, or a transaction was open for longer than TransactionTimeout (%v), or "+
		"none for longer than the broker's transactional.id.expiration.ms: code %d",
		p.opts.TransactionalID, ErrFenced, p.opts.TransactionTimeout, int16(code))
}

// identify asks for a producer id and epoch. With those of before it asks for the next epoch. Either way the
// coordinator aborts what is unfinished under our transactional id, and fences whoever has an older epoch.
func (p *Producer) identify(ctx context.Context, id int64, epoch int16) error {
	req := &sarama.InitProducerIDRequest{Version: 4, ProducerID: id, ProducerEpoch: epoch}
	var res *sarama.InitProducerIDResponse
	f := func(b *conn) (err error) {
		if res, err = call(ctx, b, b.InitProducerID, req); err == nil {
			err = classify(res.Err)
		}
		return err
	}
	var err error
	if p.transactional() {
		req.TransactionalID = &p.opts.TransactionalID
		req.TransactionTimeout = p.opts.TransactionTimeout
		// Nothing is under way that could time out, and in a new cluster the coordinators' topic is only made now.
		limit := max(p.opts.DeliveryTimeout, p.c.opts.RetryTimeout)
		err = p.askWithin(ctx, limit, fmt.Sprintf("open producer %q", p.opts.TransactionalID), &p.txn.coordinator, f)
	} else {
		req.TransactionTimeout = p.opts.TransactionTimeout // unused, but checked
		err = p.c.retry(ctx, "kafka: open producer", func(ctx context.Context) error { return p.c.anyBroker(ctx, f) })
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id, p.epoch = res.ProducerID, res.ProducerEpoch
	for _, t := range p.targets {
		t.next, t.proven = 0, false
	}
	return nil
}

// addPartitions enrols targets in the transaction: all, or none.
func (p *Producer) addPartitions(ctx context.Context, targets []*Target) error {
	topics := map[string][]int32{}
	for _, t := range targets {
		topics[t.part.Topic] = append(topics[t.part.Topic], t.part.Index)
	}
	return p.ask(ctx, "add partitions to the transaction", &p.txn.coordinator, func(b *conn) error {
		res, err := call(ctx, b, b.AddPartitionsToTxn, &sarama.AddPartitionsToTxnRequest{
			Version: 3, TransactionalID: p.opts.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch,
			TopicPartitions: topics,
		})
		if err != nil {
			return err
		}
		return firstError(res.Errors)
	})
}

// firstError is the error of a partition that is to blame: the others are not attempted because of it.
func firstError(errs map[string][]*sarama.PartitionError) error {
	var found error
	for topic, parts := range errs {
		for _, e := range parts {
			if e.Err == sarama.ErrNoError {
				continue
			}
			if found == nil || errors.Is(found, sarama.ErrOperationNotAttempted) {
				found = fmt.Errorf("%v: %w", Partition{topic, e.Partition}, classify(e.Err))
			}
		}
	}
	return found
}

// addGroup enrols the offsets of group.
func (p *Producer) addGroup(ctx context.Context, group string) error {
	what := fmt.Sprintf("add the offsets of group %q to the transaction", group)
	return p.ask(ctx, what, &p.txn.coordinator, func(b *conn) error {
		res, err := call(ctx, b, b.AddOffsetsToTxn, &sarama.AddOffsetsToTxnRequest{
			Version: 3, TransactionalID: p.opts.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch, GroupID: group,
		})
		if err != nil {
			return err
		}
		return classify(res.Err)
	})
}

// commitOffsets commits offsets inside the transaction. ErrStaleMember means that the group has refused g.
func (p *Producer) commitOffsets(ctx context.Context, offsets map[Partition]Commit, g GroupIdentity) error {
	req := &sarama.TxnOffsetCommitRequest{
		Version: 3, TransactionalID: p.opts.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch,
		GroupID: g.Group, MemberID: g.MemberID, GenerationID: g.Generation,
		Topics: map[string][]*sarama.PartitionOffsetMetadata{},
	}
	if g.InstanceID != "" {
		req.GroupInstanceID = &g.InstanceID
	}
	for part, commit := range offsets {
		req.Topics[part.Topic] = append(req.Topics[part.Topic], &sarama.PartitionOffsetMetadata{
			Partition: part.Index, Offset: commit.Offset, LeaderEpoch: -1, Metadata: &commit.Metadata,
		})
	}
	if p.txn.groups.key.id != g.Group {
		p.txn.groups.close()
		p.txn.groups = coordinator{c: p.c, key: coordinatorKey{sarama.CoordinatorGroup, g.Group}}
	}
	what := fmt.Sprintf("commit offsets of group %q", g.Group)
	return p.ask(ctx, what, &p.txn.groups, func(b *conn) error {
		res, err := call(ctx, b, b.TxnOffsetCommit, req)
		if err != nil {
			return err
		}
		return firstError(res.Topics)
	})
}

// endTxn commits or aborts. Repeating it is harmless: the coordinator answers as it did before.
func (p *Producer) endTxn(ctx context.Context, commit bool) error {
	what := "abort the transaction"
	if commit {
		what = "commit the transaction"
	}
	return p.ask(ctx, what, &p.txn.coordinator, func(b *conn) error {
		res, err := call(ctx, b, b.EndTxn, &sarama.EndTxnRequest{
			Version: 3, TransactionalID: p.opts.TransactionalID, ProducerID: p.id, ProducerEpoch: p.epoch,
			TransactionResult: commit,
		})
		if err != nil {
			return err
		}
		return classify(res.Err)
	})
}
