// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"github.com/irmak-go/irmak/internal/invariants"
)

// minSplitBytes ends the halving of batches that a broker finds too large.
const minSplitBytes = 1 << 10

// answered takes the answer to a request, or the connection's error. It runs on sarama's goroutine.
func (r *request) answered(res *sarama.ProduceResponse, err error) {
	l := r.link
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.inflight--
	if err != nil {
		l.broken = cmp.Or(l.broken, err)
	}
	for _, b := range r.batches {
		b.t.inflight--
		p.settle(b, outcomeOf(res, err, b.t.part))
	}
	wake(l.wake)
	wake(p.progress)
}

// outcome is what became of one batch.
type outcome struct {
	offset int64
	err    error
	detail string // the broker's own words
}

func outcomeOf(res *sarama.ProduceResponse, err error, part Partition) outcome {
	if err != nil {
		return outcome{err: err}
	}
	block := res.GetBlock(part.Topic, part.Index)
	if block == nil {
		return outcome{err: sarama.ErrIncompleteResponse}
	}
	o := outcome{offset: block.Offset}
	switch block.Err {
	case sarama.ErrNoError:
	case sarama.ErrDuplicateSequenceNumber: // older brokers; newer ones say where the records are
		o.offset = -1
	default:
		o.err, o.detail = block.Err, detailOf(block)
	}
	return o
}

func detailOf(block *sarama.ProduceResponseBlock) string {
	var words []string
	if block.ErrorMessage != nil {
		words = append(words, *block.ErrorMessage)
	}
	for _, e := range block.RecordErrors {
		word := fmt.Sprintf("record %d of the batch", e.BatchIndex)
		if e.BatchIndexErrorMessage != nil {
			word += ": " + *e.BatchIndexErrorMessage
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words, "; ")
}

// settle acts on what became of b, which is no longer in flight. mu is held.
func (p *Producer) settle(b *batch, o outcome) {
	t := b.t
	switch {
	case o.err == nil:
		p.acknowledge(b, o.offset)
	case p.splittable(b, o.err):
		b.large = true
		t.retry = cmp.Or(t.retry, o.err)
	case t.passes(o.err):
		t.retry = cmp.Or(t.retry, o.err)
	default:
		if tooLarge(o.err) {
			t.refuse(len(b.data))
		}
		p.fail(p.verdict(b, o))
	}
	if t.retry != nil && t.inflight == 0 {
		p.rewind(t)
	}
	p.offer(t)
}

// passes says whether sending the batch again may help. A number out of order is no news while an earlier batch has to
// be sent again; on its own it means that the partition has lost records that were acknowledged. mu is held.
func (t *Target) passes(err error) bool {
	switch {
	case errors.Is(err, sarama.ErrOutOfOrderSequenceNumber):
		return t.retry != nil
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return true // the router knows for how long
	}
	return retriable(err) || moved(err)
}

// acknowledge takes b off its queue. mu is held.
func (p *Producer) acknowledge(b *batch, offset int64) {
	t := b.t
	if t.queue[0] != b {
		// The broker has the batch before, but said REQUEST_TIMED_OUT or NOT_ENOUGH_REPLICAS_AFTER_APPEND. b will be
		// sent again behind it, and be recognised: both are among the five that the broker remembers. Or the batch
		// before has failed for good, and Abort will drop b.
		if invariants.Enabled {
			invariants.Check(t.retry != nil || p.err != nil, "%v: acknowledged ahead of its turn", t.part)
		}
		return
	}
	t.queue[0] = nil
	t.queue = t.queue[1:]
	t.sent--
	t.ran(offset, b.n)
	t.proven, t.tries, t.cause = true, 0, nil
	t.pause.reset()
	p.unacked--
	p.acked += int64(len(b.data))
	p.free.put(b)
	p.makeRoom()
}

// rewind prepares to send t's queue again from its head. mu is held.
func (p *Producer) rewind(t *Target) {
	cause := t.retry
	p.log().Debug("kafka: will send again", "partition", t.part.String(), "batches", t.sent, "err", cause)
	for i := 0; i < len(t.queue); i++ {
		if b := t.queue[i]; b.large {
			halves := b.split()
			t.queue = slices.Replace(t.queue, i, i+1, halves[:]...)
			t.allowed = max(min(t.allowed, len(b.data)/2), minSplitBytes)
			p.unacked++
			i++
		}
	}
	t.lose(cause)
	p.house(t)
}

// splittable says whether err means that b is too large and smaller batches may do.
func (p *Producer) splittable(b *batch, err error) bool {
	return b.n > 1 && tooLarge(err)
}

// refuse makes Send refuse, from the next transaction on, what is no smaller than the record of size bytes that the
// broker has found too large. Sizes are before compression, as for MaxRecordBytes. mu is held.
func (t *Target) refuse(size int) {
	t.most.Store(int64(size - 1))
	t.allowed = min(t.allowed, size-1)
}

func tooLarge(err error) bool {
	return errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrMessageSetSizeTooLarge)
}

// verdict is the error of a batch that cannot be delivered. Those that another attempt from the last commit may avoid
// are ErrAbort; the others come back until somebody changes something.
func (p *Producer) verdict(b *batch, o outcome) error {
	err := o.err
	switch {
	case tooLarge(err):
		// Send has taken the record long ago, and other records of the transaction with it. When it is sent again, after
		// the abort, Send refuses it, and everybody knows which one it is.
		return fmt.Errorf("kafka: produce to %v: a record of %d bytes is more than max.message.bytes of the topic: "+
			"%w: %w%s", b.t.part, len(b.data), ErrAbort, err, o.detail)
	case errors.Is(err, sarama.ErrOutOfOrderSequenceNumber):
		return fmt.Errorf("kafka: produce to %v: the partition has lost records that it had acknowledged (unclean "+
			"election?): %w: %w", b.t.part, ErrAbort, err)
	case p.expelled(err):
		return fmt.Errorf("kafka: produce to %v: %w", b.t.part, p.fencedBy(err))
	case abortable(err), fenced(err):
		return fmt.Errorf("kafka: produce to %v: %w: %w", b.t.part, ErrAbort, err)
	}
	return fmt.Errorf("kafka: produce to %v: a batch of %d records was refused: %w%s",
		b.t.part, b.n, classify(err), o.detail)
}

// abortable says whether err is about the producer's or transaction's state at the broker, which Abort makes anew.
func abortable(err error) bool {
	code, ok := errors.AsType[sarama.KError](err)
	if !ok {
		return false
	}
	switch code {
	case sarama.ErrUnknown, sarama.ErrUnknownProducerID, sarama.ErrInvalidTxnState, sarama.ErrOutOfOrderSequenceNumber,
		sarama.ErrTransactionCoordinatorFenced, sarama.ErrOperationNotAttempted, sarama.ErrInvalidProducerIDMapping:
		return true
	}
	return retriable(err)
}
