// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
)

// entry is one record of a topic in memory.
type entry struct {
	key, value []byte // nil: null
	time       int64
	headers    []kafka.Header
}

// partitionLog is one partition of a topic in memory. Only what is committed is in it.
type partitionLog struct {
	part    kafka.Partition
	entries []entry
}

// cluster is the topics in memory, and what the group has committed.
//
// Owner: the driver.
type cluster struct {
	logs    map[kafka.Partition]*partitionLog
	counts  map[string]int32
	commits map[kafka.Partition]kafka.Commit
}

func newCluster() *cluster {
	return &cluster{
		logs: map[kafka.Partition]*partitionLog{}, counts: map[string]int32{},
		commits: map[kafka.Partition]kafka.Commit{},
	}
}

func (c *cluster) create(topic string, partitions int32) { c.counts[topic] = partitions }

func (c *cluster) log(p kafka.Partition) *partitionLog {
	l := c.logs[p]
	if l == nil {
		l = &partitionLog{part: p}
		c.logs[p] = l
	}
	return l
}

func (l *partitionLog) end() int64 { return int64(len(l.entries)) }

func (l *partitionLog) append(e entry) (offset int64) {
	l.entries = append(l.entries, e)
	return l.end() - 1
}

// batch makes a record batch, as a fetch would bring it, of at most limit records from offset on.
func (l *partitionLog) batch(offset int64, limit int) *kafka.Batch {
	from := l.entries[offset:min(offset+int64(limit), l.end())]
	first := from[0].time
	b := &kafka.Batch{
		Partition: l.part, First: offset, Last: offset + int64(len(from)) - 1, FirstTime: first, MaxTime: first,
		Records: make([]*kafka.Record, len(from)),
	}
	for i, e := range from {
		r := &kafka.Record{ // a batch made outside of package kafka counts its deltas from offset 0
			Key: e.key, Value: e.value, OffsetDelta: offset + int64(i),
			TimestampDelta: time.Duration(e.time-first) * time.Millisecond,
		}
		for _, h := range e.headers {
			r.Headers = append(r.Headers, &kafka.RecordHeader{Key: []byte(h.Key), Value: h.Value})
		}
		b.MaxTime = max(b.MaxTime, e.time)
		b.Bytes += len(e.key) + len(e.value)
		b.Records[i] = r
	}
	return b
}

// feed reads a partition from an offset on. It implements task.Feed.
type feed struct {
	log  *partitionLog
	next int64
	size int // records per batch
}

func (f *feed) Pop() (*kafka.Batch, bool) {
	if f.next >= f.log.end() {
		return nil, false
	}
	b := f.log.batch(f.next, f.size)
	f.next = b.Last + 1
	return b, true
}

func (f *feed) Done(*kafka.Batch) {}
func (f *feed) Ended() bool       { return f.next >= f.log.end() }
func (f *feed) Undecided() bool   { return false } // what is written is in the log once it is committed
func (f *feed) End() int64        { return f.log.end() }
func (f *feed) Err() error        { return nil }

// clone copies what the caller may use again.
func (e entry) clone() entry {
	e.key, e.value = cloneBytes(e.key), cloneBytes(e.value)
	e.headers = slices.Clone(e.headers)
	for i := range e.headers {
		e.headers[i].Value = cloneBytes(e.headers[i].Value)
	}
	return e
}

// cloneBytes keeps null apart from empty.
func cloneBytes(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
