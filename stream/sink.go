// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"errors"
	"fmt"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

// To writes a stream to a topic, which must exist. Key, value, event time and headers are written; a flagged null is
// written as Kafka's null. The topic's Time, Disorder and Idle play no role.
func To[K, V any](s Stream[K, V], topic Topic[K, V]) {
	toTopic(s, topic, &graph.Node{Role: graph.Sink, Kind: "to", Topic: topic.Name}, nil)
}

// ToEach writes each record to the topic that choose names for it; topic gives codecs and partitioning, and its Name
// is not used. A topic that does not exist is a produce error of the record.
func ToEach[K, V any](s Stream[K, V], topic Topic[K, V], choose func(r *Record[K, V]) string) {
	topic.Name = "(chosen per record)"
	toTopic(s, topic, &graph.Node{Role: graph.Sink, Kind: "to each"}, choose)
}

func toTopic[K, V any](s Stream[K, V], topic Topic[K, V], n *graph.Node, choose func(r *Record[K, V]) string) {
	if s.t == nil {
		return // the zero Stream comes from a mistake that is reported where it was made
	}
	o := &Op{t: s.t, node: s.t.add(n)}
	if err := topic.check(); err != nil {
		o.Mistake("%w", err)
	}
	In(o, s, func(t *Task) Next[K, V] {
		return newWriter(t, topic, fmt.Sprintf("%s %q", n.Kind, topic.Name), choose).write
	})
}

// writer encodes records and sends them to a topic.
//
// Owner: the task. key and value are scratch: Send copies.
type writer[K, V any] struct {
	task   *task.Task
	topic  Topic[K, V]
	label  string
	choose func(r *Record[K, V]) string
	routes map[string]*route // by topic, when chosen per record
	fixed  *route            // else, once resolved
	key    []byte
	value  []byte
}

// route is the way to the partitions of one topic.
type route struct {
	topic   string
	targets []task.Target // resolved at first use
	spread  int32         // where the next record without a key goes
}

func newWriter[K, V any](t *Task, topic Topic[K, V], label string, choose func(*Record[K, V]) string) *writer[K, V] {
	return &writer[K, V]{task: t.inner, topic: topic, label: label, choose: choose, routes: map[string]*route{}}
}

func (w *writer[K, V]) write(r *Record[K, V]) {
	to := w.fixed
	if to == nil {
		if to = w.resolve(r); to == nil {
			return
		}
	}
	key, value, err := w.encode(r)
	if err != nil {
		w.task.FailRecord(task.Produce, w.label, err)
		return
	}
	target, err := w.target(to, r, key)
	if err == nil {
		err = target.Send(key, value, r.Time, r.Headers)
	}
	switch {
	case err == nil:
	case errors.Is(err, kafka.ErrTooLarge):
		w.task.FailRecord(task.Produce, w.label, err)
	default:
		w.task.Abort(fmt.Errorf("%s: %w", w.label, err))
	}
}

func (w *writer[K, V]) encode(r *Record[K, V]) (key, value []byte, err error) {
	if !r.NullKey {
		if w.key, err = w.topic.Key.Append(w.key[:0], r.Key); err != nil {
			return nil, nil, fmt.Errorf("key: %w", err)
		}
		key = notNil(w.key)
	}
	if !r.NullValue {
		if w.value, err = w.topic.Value.Append(w.value[:0], r.Value); err != nil {
			return nil, nil, fmt.Errorf("value: %w", err)
		}
		value = notNil(w.value)
	}
	return key, value, nil
}

// notNil keeps an empty key or value from being taken for null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// resolve finds the topic of r. nil: the record or the task has failed.
func (w *writer[K, V]) resolve(r *Record[K, V]) *route {
	name := w.topic.Name
	if w.choose != nil {
		name = w.choose(r)
	}
	if to := w.routes[name]; to != nil {
		return to
	}
	n, err := w.task.Output.Partitions(name)
	if err != nil {
		if errors.Is(err, kafka.ErrTopicMissing) {
			w.task.FailRecord(task.Produce, w.label, fmt.Errorf("topic %q: %w; create it first", name, err))
		} else {
			w.task.Abort(fmt.Errorf("%s: topic %q: %w", w.label, name, err))
		}
		return nil
	}
	to := &route{topic: name, targets: make([]task.Target, n), spread: w.task.ID.Partition % n}
	w.routes[name] = to
	if w.choose == nil {
		w.fixed = to
	}
	return to
}

func (w *writer[K, V]) target(to *route, r *Record[K, V], key []byte) (task.Target, error) {
	n := int32(len(to.targets))
	var p int32
	switch {
	case r.NullKey:
		p, to.spread = to.spread, (to.spread+1)%n
	case w.topic.Partition != nil:
		if p = w.topic.Partition(r.Key, n); p < 0 || p >= n {
			return nil, fmt.Errorf("the topic's Partition function gave %d of %d partitions", p, n)
		}
	default:
		p = kafka.PartitionFor(key, n)
	}
	if to.targets[p] == nil {
		target, err := w.task.Output.Target(to.topic, p)
		if err != nil {
			return nil, err
		}
		to.targets[p] = target
	}
	return to.targets[p], nil
}
