// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"math"
	"path"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

// From reads a topic as a stream. Within a partition records come in the order of their offsets; a task that reads
// several partitions takes the oldest record first.
func From[K, V any](t *Topology, topic Topic[K, V]) Stream[K, V] { return from(t, topic, "from") }

func from[K, V any](t *Topology, topic Topic[K, V], kind string) Stream[K, V] {
	if t == nil {
		t = astray(kind, "there is no topology; begin with stream.New")
	}
	o := newOp(t, &graph.Node{
		Role: graph.Source, Kind: kind, Topic: topic.Name, KeyCodec: typeOf(topic.Key), Placed: nameOf(topic.Partition),
	})
	if err := topic.check(); err != nil {
		o.Mistake("%w", err)
	}
	return read(o, topic)
}

// read is the stream of a topic that o's node stands for: a source, or the lower side of an exchange.
func read[K, V any](o *Op, topic Topic[K, V]) Stream[K, V] {
	p := &port{node: o.node}
	label := fmt.Sprintf("%s %q", o.node.Kind, topic.Name)
	if !o.t.built {
		o.t.sources[o.node] = func(inner *task.Task) task.Input {
			return &source[K, V]{task: inner, topic: topic, label: label, next: next[K, V](p, wrap(inner))}
		}
	}
	return Stream[K, V]{
		t: o.t, out: p, key: topic.Key, value: topic.Value,
		traits: traits{disorder: topic.Disorder.Milliseconds(), idle: topic.Idle},
	}
}

// typeOf names a codec, to compare it with others.
func typeOf(c any) string { return fmt.Sprintf("%T", c) }

// nameOf names a topic's partitioner; empty when there is none. Two functions of one name are taken to be the same.
func nameOf[K any](place func(K, int32) int32) string {
	if place == nil {
		return ""
	}
	return path.Base(runtime.FuncForPC(reflect.ValueOf(place).Pointer()).Name())
}

// source decodes the records of one partition and pushes them into the operators.
//
// Owner: the task.
//
//  1. i is the record in work; everything before it has been processed or passed over.
//  2. ready: rec is record i, decoded.
type source[K, V any] struct {
	task  *task.Task
	topic Topic[K, V]
	label string
	next  Next[K, V]

	batch    *kafka.Batch
	i        int
	ready    bool
	decoding bool // record i, that is, the user's codecs and Time function are at work
	rec      Record[K, V]
	headers  []Header // backs rec.Headers
}

// Load implements task.Input.
func (s *source[K, V]) Load(b *kafka.Batch) { s.batch, s.i, s.ready, s.decoding = b, 0, false, false }

// Offset implements task.Input.
func (s *source[K, V]) Offset() int64 {
	if s.i < len(s.batch.Records) {
		return s.batch.Offset(s.i)
	}
	return s.batch.Last + 1
}

// Raw implements task.Input.
func (s *source[K, V]) Raw() *kafka.Record {
	if s.batch == nil || s.i >= len(s.batch.Records) {
		return nil
	}
	return s.batch.Records[s.i]
}

// Skip implements task.Input.
func (s *source[K, V]) Skip() { s.i, s.ready, s.decoding = s.i+1, false, false }

// Phase implements task.Input.
func (s *source[K, V]) Phase() task.Phase {
	if s.decoding {
		return task.Decode
	}
	return task.Process
}

// Head implements task.Input.
func (s *source[K, V]) Head() (int64, bool) {
	for !s.ready {
		if s.i >= len(s.batch.Records) {
			return 0, false
		}
		if !s.decode() && s.task.Failed() {
			return 0, false
		}
	}
	return s.rec.Time, true
}

// Process implements task.Input.
func (s *source[K, V]) Process(until int64, limit int) (n int) {
	for n < limit && s.i < len(s.batch.Records) {
		if !s.ready && !s.decode() {
			if s.task.Failed() {
				return n
			}
			n++
			continue
		}
		if s.rec.Time > until {
			return n
		}
		s.next(&s.rec)
		if s.task.Failed() {
			return n
		}
		if s.task.CallAfters(); s.task.Failed() {
			return n
		}
		s.i++
		s.ready = false
		if n++; s.task.Owes() {
			return n
		}
	}
	return n
}

// decode reads record i into rec. false: the record was dropped and i is the next one, or the task has failed.
func (s *source[K, V]) decode() bool {
	s.decoding = true
	raw := s.batch.Records[s.i]
	r := &s.rec
	r.NullKey, r.NullValue = raw.Key == nil, raw.Value == nil
	var err error
	if r.NullKey {
		var none K
		r.Key = none
	} else if r.Key, err = s.topic.Key.Decode(raw.Key); err != nil {
		return s.fail(fmt.Errorf("key of %d bytes: %w", len(raw.Key), err))
	}
	if r.NullValue {
		if !s.topic.NullValues {
			s.task.Drop(s.label, "null value")
			s.Skip()
			return false
		}
		var none V
		r.Value = none
	} else if r.Value, err = s.topic.Value.Decode(raw.Value); err != nil {
		return s.fail(fmt.Errorf("value of %d bytes: %w", len(raw.Value), err))
	}
	r.Time = s.batch.Time(s.i)
	if s.topic.Time != nil && !r.NullValue {
		r.Time = s.topic.Time(r.Value).UnixMilli()
	}
	if err := checkTime(r.Time); err != nil {
		return s.fail(fmt.Errorf("%w: look at the topic's Time function or at the producer's timestamps", err))
	}
	r.Headers = nil
	if len(raw.Headers) > 0 {
		s.readHeaders(raw)
	}
	s.ready, s.decoding = true, false
	return true
}

// checkTime refuses what is no event time. The last millisecond that there is stands for never ([window.Forever]).
func checkTime(at int64) error {
	switch {
	case at < 0:
		return fmt.Errorf("event time is %d ms; it must not lie before 1970", at)
	case at == math.MaxInt64:
		return fmt.Errorf("event time is %d ms, which stands for never", at)
	}
	return nil
}

func (s *source[K, V]) fail(err error) bool {
	s.task.FailRecord(task.Decode, s.label, err)
	return false
}

// readHeaders makes the record's headers ours without copying: the bytes are never written to again.
func (s *source[K, V]) readHeaders(raw *kafka.Record) {
	s.headers = s.headers[:0]
	for _, h := range raw.Headers {
		s.headers = append(s.headers, Header{Key: unsafe.String(unsafe.SliceData(h.Key), len(h.Key)), Value: h.Value})
	}
	s.rec.Headers = slices.Clip(s.headers) // who appends to them does not write into the next record's
}
