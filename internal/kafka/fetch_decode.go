// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"time"
	"unsafe"

	"github.com/IBM/sarama"
)

// recordBytes is what one decoded record takes beside its key and value.
const recordBytes = int(unsafe.Sizeof(sarama.Record{}) + unsafe.Sizeof((*sarama.Record)(nil)))

// fetched is what a response holds of one partition.
type fetched struct {
	batches                   []*Batch
	next                      int64 // where to go on
	highWatermark, lastStable int64
	cut                       bool // the first batch did not fit
}

// unpack reads what block brings for p from offset from on.
func unpack(block *sarama.FetchResponseBlock, p Partition, from int64, committed bool) (fetched, error) {
	got := fetched{next: from, highWatermark: block.HighWaterMarkOffset, lastStable: block.LastStableOffset}
	if block.LastStableOffset < 0 { // the broker does not know transactions, or was not asked for them
		got.lastStable = block.HighWaterMarkOffset
	}
	if len(block.RecordsSet) == 0 {
		got.cut = block.Partial
		if end, ok := endOfEmpty(block); ok && from < got.highWatermark {
			got.next = max(got.next, end)
		}
		return got, nil
	}
	var aborted abortedRecords
	if committed {
		aborted = newAbortedRecords(block.AbortedTransactions)
	}
	got.batches = make([]*Batch, 0, len(block.RecordsSet))
	for _, records := range block.RecordsSet {
		rb := records.RecordBatch
		if rb == nil {
			return got, fmt.Errorf("%v at offset %d: %w: message sets from before Kafka 0.11; rewrite them, "+
				"for example by copying the topic", p, got.next, ErrFormat)
		}
		if rb.PartialTrailingRecord {
			got.cut = len(got.batches) == 0 && got.next == from
			break
		}
		skipped := aborted.skips(rb)
		if last := rb.LastOffset(); last >= got.next {
			if !skipped && !rb.Control {
				got.batches = appendBatch(got.batches, rb, p, got.next)
			}
			got.next = last + 1
		}
	}
	return got, nil
}

// appendBatch adds rb's records from offset from on, if there are any.
func appendBatch(batches []*Batch, rb *sarama.RecordBatch, p Partition, from int64) []*Batch {
	b := &Batch{
		Partition: p, First: rb.FirstOffset, Last: rb.LastOffset(), base: rb.FirstOffset,
		FirstTime: unixMillis(rb.FirstTimestamp), MaxTime: unixMillis(rb.MaxTimestamp), LogAppendTime: rb.LogAppendTime,
		Records: rb.Records,
	}
	if b.First < from {
		b.First = from
		b.Records = b.Records[sort.Search(len(b.Records), func(i int) bool { return b.Offset(i) >= from }):]
	}
	if len(b.Records) == 0 {
		return batches
	}
	b.Bytes = span(b.Records) + len(b.Records)*recordBytes
	return append(batches, b)
}

// unixMillis is t since the epoch; a record without a timestamp has Kafka's -1.
func unixMillis(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.UnixMilli()
}

// span is how many bytes lie between the first record's key and the last one's value, without a look at those between.
//
// All slices of a batch point into one buffer and their capacities reach to its end, so that the difference of two
// capacities is the distance of their beginnings. What is left out, the last record's headers, is not worth a loop.
func span(records []*Record) int {
	first, last := records[0].Key, records[len(records)-1].Value
	if cap(first) == 0 {
		first = records[0].Value
	}
	if cap(last) == 0 {
		last = records[len(records)-1].Key
	}
	return max(cap(first)-cap(last)+len(last), 0)
}

// endOfEmpty is the offset after a response that holds batches but not a single record: compaction keeps the last batch
// of every producer, emptied, because its sequence number is in it. sarama drops such batches and keeps where they end
// to itself, yet without that a fetch would ask for them for ever. Reading (not setting) a private field through
// reflect is sound; a test fails when sarama renames it.
func endOfEmpty(block *sarama.FetchResponseBlock) (int64, bool) {
	end := reflect.ValueOf(block).Elem().FieldByName("recordsNextOffset")
	if !end.IsValid() || end.Kind() != reflect.Pointer || end.IsNil() {
		return 0, false
	}
	return end.Elem().Int(), true
}

// abortedRecords knows, while it is led through a response batch by batch, whose records are of aborted transactions.
//
// A response lists producer and first offset of every aborted transaction that reaches into it. From that offset on
// the producer's transactional batches are aborted, up to its abort marker; then it may begin a transaction that is
// committed. A producer's batches that are not transactional are never aborted.
type abortedRecords struct {
	coming []*sarama.AbortedTransaction // by first offset
	active map[int64]struct{}           // producers
}

func newAbortedRecords(list []*sarama.AbortedTransaction) abortedRecords {
	if len(list) == 0 {
		return abortedRecords{}
	}
	slices.SortFunc(list, func(a, b *sarama.AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return abortedRecords{coming: list, active: map[int64]struct{}{}}
}

// skips says whether the records of rb, the next batch of the response, are aborted.
func (a *abortedRecords) skips(rb *sarama.RecordBatch) bool {
	for len(a.coming) > 0 && a.coming[0].FirstOffset <= rb.LastOffset() {
		a.active[a.coming[0].ProducerID] = struct{}{}
		a.coming = a.coming[1:]
	}
	if len(a.active) == 0 || !rb.IsTransactional {
		return false
	}
	_, aborted := a.active[rb.ProducerID]
	if aborted && abortMarker(rb) {
		delete(a.active, rb.ProducerID)
	}
	return aborted
}

// abortMarker says whether rb ends a transaction by aborting it. The key of a control record is a version and a type,
// 16 bits each; type 0 is abort.
func abortMarker(rb *sarama.RecordBatch) bool {
	return rb.Control && len(rb.Records) > 0 && len(rb.Records[0].Key) >= 4 &&
		binary.BigEndian.Uint16(rb.Records[0].Key[2:]) == 0
}
