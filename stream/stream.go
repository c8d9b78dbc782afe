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
	settles  time.Duration // panes do so after their time, at the latest
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

// Settles is how long after its time a pane of the stream may still be replaced, on the clock of its windows; 0 where
// the stream is not one of panes, or its kind of windows does not say.
func (s Stream[K, V]) Settles() time.Duration { return s.traits.settles }

// Encode is the same stream with a codec for its values, which operators that write them (KeyBy, Repartition, joins of
// streams) need.
func Encode[K, V any](s Stream[K, V], value codec.Codec[V]) Stream[K, V] {
	s.value = value
	return s
}

// port is where an operator's results come out.
type port struct {
	node *graph.Node
	kids []*inlet
	kept bool // of a table's changes: see Outlet.Kept
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

// Same says whether a and b are the same stream, such as the result of one operator given twice, and not only streams
// of the same records.
func Same[K, A, B any](a Stream[K, A], b Stream[K, B]) bool { return a.out != nil && a.out == b.out }
