// SPDX-License-Identifier: Apache-2.0

// Package kafka speaks Kafka's protocol in whole record batches. It is the only package that imports sarama, of which
// it uses the connections and the messages, but not the channels: those cost more per record than everything else.
//
//	Client    who leads what, and one control connection per broker     client.go metadata.go leaders.go conn.go
//	          credentials, topics, offsets                              auth.go admin.go offsets.go
//	Fetcher   record batches of many partitions into bounded queues     fetch*.go
//	Producer  records into batches, batches into transactions           produce*.go txn.go
//	Member    one process in the consumer group, its assignment         members.go assign.go
//
// Event time is in milliseconds since the epoch throughout. Slices of a fetched record alias the response that they
// came in, which is never written to again.
package kafka

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// Record is one record of a fetched batch, as decoded.
type Record = sarama.Record

// RecordHeader is one header of a fetched record.
type RecordHeader = sarama.RecordHeader

// Header is one header of a record to produce.
type Header struct {
	Key   string
	Value []byte
}

// Partition names one partition of one topic.
type Partition struct {
	Topic string
	Index int32
}

// String is the usual topic-index form.
func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.Index) }

// Commit is a committed offset: the next one to process, and what the committer wrote beside it.
type Commit struct {
	Offset   int64
	Metadata string
}

// GroupIdentity is a member of a consumer group in one generation: what a broker compares a commit with to refuse
// members that have lost their partitions.
type GroupIdentity struct {
	Group      string
	MemberID   string
	Generation int32
	InstanceID string // static membership; empty: dynamic
}

// Batch is one record batch as fetched.
//
// Owner: the fetch loop until it is queued, then the queue's consumer. Read-only for both, and so are its records.
//
//  1. First <= Offset(i) <= Last for every record, rising.
//  2. Records holds none before the offset that was asked for, none of an aborted transaction and none of control.
//  3. Last+1 is where the next batch begins or a gap does: it counts gaps of compaction too.
type Batch struct {
	Partition     Partition
	First, Last   int64 // offsets
	FirstTime     int64 // the base of the records' deltas
	MaxTime       int64
	LogAppendTime bool // the broker's time counts: MaxTime for every record
	Records       []*Record
	Bytes         int // as it came over the wire: what it counts in a Fetcher's bound

	base int64 // what OffsetDelta counts from; differs from First when the batch was trimmed
}

// Offset is the offset of Records[i].
func (b *Batch) Offset(i int) int64 { return b.base + b.Records[i].OffsetDelta }

// Time is the timestamp of Records[i].
func (b *Batch) Time(i int) int64 { return b.TimeOf(b.Records[i]) }

// TimeOf is the timestamp of one of Records.
func (b *Batch) TimeOf(r *Record) int64 {
	if b.LogAppendTime {
		return b.MaxTime
	}
	return b.FirstTime + millisOf(r.TimestampDelta)
}

// millisOf is the whole number of milliseconds that sarama has made d of. More than 292 years of nanoseconds overflow,
// as of a record of the year 9999 in a batch of this year: d is the product modulo 2^64. A million is 2^6 · 15,625, and
// an odd factor can be undone: so only the upper six bits of the milliseconds are lost, which no date has.
func millisOf(d time.Duration) int64 {
	const undo = 0x10fb65668c26139 // 15,625 · undo = 1 modulo 2^58
	return int64(uint64(d)>>6*undo<<6) >> 6
}
