// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// rawLoop is the name of the engine that is the yardstick: what somebody writes who knows sarama well and has no
// library above it. A ConsumerGroup reads; each worker has a transactional AsyncProducer and the partitions whose
// number modulo the workers is its own; every CommitInterval it puts the offsets into its transaction and commits. A
// record is copied to the partition it came from, without a look inside.
const rawLoop = "sarama"

func init() { register(rawLoop, "pass", rawPass) }

// How sarama is tuned, found by trying on this benchmark. Bigger channels save switches between its goroutines (the
// default of 256 costs a quarter more); bigger fetches save requests; waiting a little for a batch to fill, or to be
// half a megabyte, makes batches of thousands instead of hundreds.
const (
	rawChannels       = 4096
	rawFetchBytes     = 4 << 20
	rawFlushBytes     = 512 << 10
	rawFlushFrequency = 10 * time.Millisecond
	rawTake           = 256 // records that a claim hands over without asking whether there is a commit
)

func rawConfig() *sarama.Config {
	conf := sarama.NewConfig()
	conf.Version = sarama.MaxVersion
	conf.ChannelBufferSize = rawChannels
	conf.Consumer.IsolationLevel = sarama.ReadCommitted
	conf.Consumer.Fetch.Default = rawFetchBytes
	conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	conf.Consumer.Offsets.AutoCommit.Enable = false
	conf.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	conf.Producer.Idempotent = true
	conf.Producer.RequiredAcks = sarama.WaitForAll
	conf.Net.MaxOpenRequests = 1 // sarama demands it of idempotent producers
	conf.Producer.Partitioner = sarama.NewManualPartitioner
	conf.Producer.Flush.Bytes = rawFlushBytes
	conf.Producer.Flush.Frequency = rawFlushFrequency
	return conf
}

// rawPass does the workload. Anything that goes wrong ends the program: the transaction is never committed, and the
// next start goes on from the offsets.
func rawPass(ctx context.Context, j job) error {
	group, err := sarama.NewConsumerGroup(j.Brokers, j.Group, rawConfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	loop := &rawHandler{job: j, fail: cancel}
	for i := range j.Workers {
		w, err := newRawWorker(j, i, cancel)
		if err != nil {
			return errors.Join(err, group.Close())
		}
		loop.workers = append(loop.workers, w)
	}
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{j.Input}, loop); err != nil {
			cancel(err)
		}
	}
	err = context.Cause(ctx)
	if errors.Is(err, errRawDone) {
		err = nil
	}
	for _, w := range loop.workers {
		err = errors.Join(err, w.producer.Close())
	}
	return errors.Join(err, group.Close())
}

var errRawDone = errors.New("all records are committed")

// rawHandler is what a session of the group works with.
type rawHandler struct {
	job     job
	workers []*rawWorker
	fail    context.CancelCauseFunc
	commits sync.WaitGroup
}

// Setup begins the workers' commits.
func (h *rawHandler) Setup(session sarama.ConsumerGroupSession) error {
	member := sarama.NewConsumerGroupMetadataFromSession(session, h.job.Group, nil)
	for _, w := range h.workers {
		h.commits.Go(func() { h.commitLoop(session.Context(), w, member) })
	}
	return nil
}

// Cleanup returns when the last commit of the session is done.
func (h *rawHandler) Cleanup(sarama.ConsumerGroupSession) error {
	h.commits.Wait()
	return nil
}

func (h *rawHandler) commitLoop(ctx context.Context, w *rawWorker, member *sarama.ConsumerGroupMetadata) {
	tick := time.NewTicker(h.job.CommitInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := w.commit(member); err != nil {
				h.fail(err)
			}
			return
		case <-tick.C:
		}
		if err := w.commit(member); err != nil {
			h.fail(err)
			return
		}
		done := int64(0)
		for _, w := range h.workers {
			done += w.committed.Load()
		}
		if done >= h.job.Records {
			h.fail(errRawDone)
		}
	}
}

// ConsumeClaim copies a partition. It takes what is there, up to rawTake records, under one lock.
func (h *rawHandler) ConsumeClaim(_ sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	w := h.workers[int(claim.Partition())%len(h.workers)]
	messages := claim.Messages()
	for m := range messages {
		w.mu.Lock()
		w.copy(m)
	more:
		for range rawTake {
			select {
			case m, ok := <-messages:
				if !ok {
					break more
				}
				w.copy(m)
			default:
				break more
			}
		}
		w.mu.Unlock()
	}
	return nil
}

func newRawWorker(j job, i int, fail context.CancelCauseFunc) (*rawWorker, error) {
	conf := rawConfig()
	conf.Producer.Transaction.ID = fmt.Sprintf("%s-%d", j.Group, i)
	producer, err := sarama.NewAsyncProducer(j.Brokers, conf)
	if err != nil {
		return nil, err
	}
	go func() {
		for err := range producer.Errors() {
			fail(err)
		}
	}()
	w := &rawWorker{input: j.Input, output: j.Output, producer: producer, offsets: map[int32]int64{}}
	return w, producer.BeginTxn()
}
