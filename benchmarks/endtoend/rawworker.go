// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
)

// rawWorker is a producer with the transaction that is open in it, and the offsets that belong into it.
//
// The claims of its partitions and its commit take turns; mu guards offsets and records, and what goes into producer.
//
//  1. Outside of commit, the producer is in a transaction.
type rawWorker struct {
	mu        sync.Mutex
	input     string
	output    string
	producer  sarama.AsyncProducer
	offsets   map[int32]int64 // the next ones, of what the open transaction holds
	records   int64           // in the open transaction
	committed atomic.Int64    // records
}

// copy sends a message on. mu must be held.
func (w *rawWorker) copy(m *sarama.ConsumerMessage) {
	w.producer.Input() <- &sarama.ProducerMessage{
		Topic: w.output, Partition: m.Partition, Timestamp: m.Timestamp,
		Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value),
	}
	w.offsets[m.Partition] = m.Offset + 1
	w.records++
}

// commit ends the transaction, with the offsets of all that it holds, and begins the next one.
func (w *rawWorker) commit(member *sarama.ConsumerGroupMetadata) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.records == 0 {
		return nil
	}
	var offsets []*sarama.PartitionOffsetMetadata
	for p, offset := range w.offsets {
		offsets = append(offsets, &sarama.PartitionOffsetMetadata{Partition: p, Offset: offset})
	}
	all := map[string][]*sarama.PartitionOffsetMetadata{w.input: offsets}
	if err := w.producer.AddOffsetsToTxnWithGroupMetadata(all, member); err != nil {
		return err
	}
	if err := w.producer.CommitTxn(); err != nil {
		return err
	}
	w.committed.Add(w.records)
	w.records = 0
	clear(w.offsets)
	return w.producer.BeginTxn()
}
