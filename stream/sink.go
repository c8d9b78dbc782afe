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
// is not used. A topic that does not exist, and no name at all, is a produce error of the record.
func ToEach[K, V any](s Stream[K, V], topic Topic[K, V], choose func(r *Record[K, V]) string) {
	topic.Name = "chosen-per-record"
	o := toTopic(s, topic, &graph.Node{Role: graph.Sink, Kind: "to each"}, choose)
	if choose == nil {
		o.Mistake("there is no function that chooses the topic")
	}
}

func toTopic[K, V any](s Stream[K, V], topic Topic[K, V], n *graph.Node,
	choose func(r *Record[K, V]) string) *Op {
	o := newOp(s.t, n)
	if err := topic.check(); err != nil {
		o.Mistake("%w", err)
	}
	label := n.Kind
	if choose == nil {
		label = fmt.Sprintf("%s %q", n.Kind, topic.Name)
	}
	In(o, s, func(t *Task) Next[K, V] { return newWriter(t, topic, label, choose).write })
	return o
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
	to, key, value, ok := w.ready(r)
	if !ok {
		return
	}
	p, err := w.partition(to, r, key)
	if err != nil {
		w.failRecord(err)
		return
	}
	w.send(to, p, key, value, r)
}

// writeToAll sends r to every partition of the topic.
func (w *writer[K, V]) writeToAll(r *Record[K, V]) {
	to, key, value, ok := w.ready(r)
	for p := int32(0); ok && p < int32(len(to.targets)); p++ {
		ok = w.send(to, p, key, value, r)
	}
}

// ready finds the topic of r and encodes it. false: the record or the task has failed.
func (w *writer[K, V]) ready(r *Record[K, V]) (to *route, key, value []byte, ok bool) {
	if to = w.fixed; to == nil {
		if to = w.resolve(r); to == nil {
			return nil, nil, nil, false
		}
	}
	key, value, err := w.encode(r)
	if err != nil {
		w.failRecord(err)
		return nil, nil, nil, false
	}
	return to, key, value, true
}

// send sends r to partition p.
func (w *writer[K, V]) send(to *route, p int32, key, value []byte, r *Record[K, V]) (ok bool) {
	if to.targets[p] == nil {
		var err error
		if to.targets[p], err = w.task.Output.Target(to.topic, p); err != nil {
			w.failTask(err)
			return false
		}
	}
	switch err := to.targets[p].Send(key, value, r.Time, r.Headers); {
	case err == nil:
		return true
	case errors.Is(err, kafka.ErrTooLarge) || errors.Is(err, kafka.ErrRefused):
		w.failRecord(err)
	default:
		w.failTask(err)
	}
	return false
}

func (w *writer[K, V]) failRecord(err error) { w.task.FailRecord(task.Produce, w.label, err) }
func (w *writer[K, V]) failTask(err error)   { w.task.Abort(fmt.Errorf("%s: %w", w.label, err)) }

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
		if name = w.choose(r); name == "" {
			w.failRecord(errors.New("no topic was chosen"))
			return nil
		}
	}
	if to := w.routes[name]; to != nil {
		return to
	}
	n, err := w.task.Output.Partitions(name)
	switch {
	case errors.Is(err, kafka.ErrTopicMissing):
		w.failRecord(fmt.Errorf("topic %q: %w; create it first", name, err))
		return nil
	case err != nil:
		w.failTask(fmt.Errorf("topic %q: %w", name, err))
		return nil
	}
	to := &route{topic: name, targets: make([]task.Target, n), spread: w.task.ID.Partition % n}
	w.routes[name] = to
	if w.choose == nil {
		w.fixed = to
	}
	return to
}

// partition chooses where r goes.
func (w *writer[K, V]) partition(to *route, r *Record[K, V], key []byte) (p int32, err error) {
	n := int32(len(to.targets))
	switch {
	case r.NullKey:
		p, to.spread = to.spread, (to.spread+1)%n
	case w.topic.Partition == nil:
		p = kafka.PartitionFor(key, n)
	default:
		if p = w.topic.Partition(r.Key, n); p < 0 || p >= n {
			err = fmt.Errorf("the topic's Partition function gave %d, which is not one of %d partitions", p, n)
		}
	}
	return p, err
}
