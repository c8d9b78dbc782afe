// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/stream/codec"
)

// Stream is an unbounded sequence of records with keys of type K and values of type V, partitioned by K. It is a
// handle: copying it is free, and using it twice sends every record to both users.
type Stream[K, V any] struct {
	t      *Topology
	out    *port
	traits traits
	key    codec.Codec[K]
	value  codec.Codec[V] // nil after an operator that changed the type and was given no codec
}

// traits are what a stream inherits from its sources.
type traits struct {
	disorder int64         // ms
	idle     time.Duration // 0: never
}

// Topology is the topology that the stream belongs to.
func (s Stream[K, V]) Topology() *Topology { return s.t }

// KeyCodec is the codec of the stream's keys.
func (s Stream[K, V]) KeyCodec() codec.Codec[K] { return s.key }

// ValueCodec is the codec of the stream's values, or nil when none is known: after an operator such as Map that made
// values of a new type. Encode gives it one.
func (s Stream[K, V]) ValueCodec() codec.Codec[V] { return s.value }

// Disorder is how far, in milliseconds, a record of the stream's sources may lie behind the newest without being late.
func (s Stream[K, V]) Disorder() int64 { return s.traits.disorder }

// Idle is after how much wall time without a record clocks follow the wall; 0 means never.
func (s Stream[K, V]) Idle() time.Duration { return s.traits.idle }

// Encode is the same stream with a codec for its values, which operators that write them (KeyBy, Repartition, joins of
// streams) need.
func Encode[K, V any](s Stream[K, V], value codec.Codec[V]) Stream[K, V] {
	s.value = value
	return s
}

// Table is the newest value per key: a changelog of rows and a view of them. Keys are partitioned as in a stream.
type Table[K comparable, V any] struct {
	changes Stream[K, Change[V]]
	value   codec.Codec[V]
	open    func(*Task) Reader[K, V]
	rows    func(*Task) *Rows[K, V] // nil for a view without a store
}

// Reader reads a table's rows inside a task.
type Reader[K comparable, V any] interface {
	// Get gives the row of k and the event time of its last update, in milliseconds.
	Get(k K) (v V, at int64, ok bool)
}

// NewTable makes a table of its changes and of the way to read its rows, which open gives once per task. It is what
// operators that keep a table end with.
func NewTable[K comparable, V any](changes Stream[K, Change[V]], value codec.Codec[V],
	open func(*Task) Reader[K, V]) Table[K, V] {
	return Table[K, V]{changes: changes, value: value, open: open}
}

// NewStoredTable is NewTable for rows that are in a store of the operator's own, which PerTask gives.
func NewStoredTable[K comparable, V any](changes Stream[K, Change[V]], value codec.Codec[V],
	rows func(*Task) *Rows[K, V]) Table[K, V] {
	return Table[K, V]{
		changes: changes, value: value, rows: rows, open: func(t *Task) Reader[K, V] { return rows(t) },
	}
}

// Rows gives the table's store in a task; nil when the table is a view without one.
func (t Table[K, V]) Rows() func(*Task) *Rows[K, V] { return t.rows }

// Changes is the table as a stream of its updates.
func (t Table[K, V]) Changes() Stream[K, Change[V]] { return t.changes }

// Open gives the table's rows as they are in the task. Only an operator that is joined with the table (Op.Match) may
// read it: that is what puts both into the same task.
func (t Table[K, V]) Open(task *Task) Reader[K, V] { return t.open(task) }

// ValueCodec is the codec of the table's values; nil when none is known.
func (t Table[K, V]) ValueCodec() codec.Codec[V] { return t.value }

// port is where an operator's results come out.
type port struct {
	node *graph.Node
	kids []*inlet
}

// inlet is one input of an operator.
type inlet struct {
	build func(*Task) any // gives a Next of the port's types
}

// next composes everything that hangs on the port for one task.
func next[K, V any](p *port, t *Task) Next[K, V] {
	return t.inner.Memo(p, func() any {
		nexts := make([]Next[K, V], len(p.kids))
		for i, kid := range p.kids {
			nexts[i] = t.inner.Memo(kid, func() any { return kid.build(t) }).(Next[K, V])
		}
		return fan(nexts)
	}).(Next[K, V])
}

// fan gives a record to all of nexts, in order.
func fan[K, V any](nexts []Next[K, V]) Next[K, V] {
	switch len(nexts) {
	case 0:
		return func(*Record[K, V]) {}
	case 1:
		return nexts[0]
	case 2:
		a, b := nexts[0], nexts[1]
		return func(r *Record[K, V]) { a(r); b(r) }
	}
	return func(r *Record[K, V]) {
		for _, n := range nexts {
			n(r)
		}
	}
}
