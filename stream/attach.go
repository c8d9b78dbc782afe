// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"math"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/stream/codec"
)

// Op is an operator under construction. Everything in package operators is made of NewOp, In, Out, PerTask and the
// short form Attach; so is an operator of your own.
type Op struct {
	t    *Topology
	node *graph.Node
}

// NewOp begins an operator of the given kind, which is its name in plans and messages. name is what the user called
// it, or "" when nothing of it is durable.
func NewOp(t *Topology, kind, name string) *Op {
	return newOp(t, &graph.Node{Role: graph.Operator, Kind: kind, Name: name})
}

// newOp puts n into t, which is nil when it comes from a zero Stream.
func newOp(t *Topology, n *graph.Node) *Op {
	if t == nil {
		t = astray(n.Kind, "its input is the zero Stream; begin with stream.From or an operator's result")
	}
	return &Op{t: t, node: t.add(n)}
}

// Label is the operator's kind and name, for messages: `aggregate "totals"`.
func (o *Op) Label() string { return o.node.Label() }

// Name is the operator's name with the prefix of its scope.
func (o *Op) Name() string { return o.node.Name }

// Mistake reports an error in the user's program; Build returns it with the file and line of the operator's call.
func (o *Op) Mistake(format string, args ...any) {
	o.t.graph.Mistake(o.node, format, args...)
}

// Match says that the operator brings its inputs together by key, so they must be partitioned alike. Build and Run
// check that.
func (o *Op) Match() { o.node.Matched = true }

// In makes s an input of o. build is called once per task, when the task is put together, and gives the function that
// gets every record of s. It opens stores and outlets there, never per record.
func In[K, V any](o *Op, s Stream[K, V], build func(t *Task) Next[K, V]) {
	if s.out == nil {
		o.Mistake("an input is the zero Stream; begin with stream.From or an operator's result")
		return
	}
	if s.t.shared != o.t.shared {
		o.Mistake("an input belongs to topology %q, not to %q; a stream crosses from one to another "+
			"through a topic only", s.t.Name(), o.t.Name())
		return
	}
	if s.out.node.ID > o.node.ID {
		o.Mistake("the input from %s is made after the operator: make inputs first, and go back through a topic only",
			s.out.node.Label())
		return
	}
	if o.t.built {
		return // add has said so; a plan that may be running must not change
	}
	o.node.In = append(o.node.In, s.out.node)
	s.out.kids = append(s.out.kids, &inlet{build: func(t *Task) any { return inlay(o, t, build) }})
}

// inlay builds one input of o in a task. What goes wrong is o's mistake, and does not hide what is wrong elsewhere.
func inlay[K, V any](o *Op, t *Task, build func(t *Task) Next[K, V]) (next Next[K, V]) {
	defer t.enter(o)()
	defer func() {
		switch p := recover(); {
		case t.planner != nil && t.planner.graph.Faulty(o.node): // a consequence
		case p != nil:
			t.Mistake("the build function panicked at %s: %v", task.NewPanicError(p).Where, p)
		case next == nil:
			t.Mistake("the build function gave no function")
		}
		if next == nil {
			next = func(*Record[K, V]) {}
		}
	}()
	return build(t)
}

// Reads makes table something that o looks up, without being triggered by it.
func Reads[K comparable, V any](o *Op, table Table[K, V]) {
	In(o, table.changes, func(t *Task) Next[K, Change[V]] {
		table.open(t)
		return func(*Record[K, Change[V]]) {}
	})
}

// Outlet is one of an operator's outputs.
type Outlet[K, V any] struct {
	// Stream is what users of the operator get.
	Stream Stream[K, V]
}

// Out adds an output to o, with keys and values encoded by the given codecs; value may be nil when no codec is known.
// from is the input that the output's times come from: it hands on disorder and idleness.
func Out[K, V, A, B any](o *Op, from Stream[A, B], key codec.Codec[K], value codec.Codec[V]) Outlet[K, V] {
	return Outlet[K, V]{Stream: Stream[K, V]{
		t: o.t, out: &port{node: o.node}, traits: from.traits, key: key, value: value,
	}}
}

// Open gives the way out in one task. It is called while the task is put together.
func (o Outlet[K, V]) Open(t *Task) Next[K, V] { return next[K, V](o.Stream.out, t) }

// Kept says whether anybody may look at more of an outlet's table changes than their New, or keep that longer than the
// call lasts: whether they are read with Table.Changes. An operator that changes its rows in place then sends copies.
// It is asked when a task is put together.
func (o Outlet[K, V]) Kept() bool { return o.Stream.out.kept }

// PerTask gives a function that gives each task its own T, made at the first call: what several inputs of one
// operator share.
func PerTask[T any](o *Op, make func(t *Task) T) func(t *Task) T {
	key := new(byte)
	return func(t *Task) T {
		return t.inner.Memo(key, func() any {
			defer t.enter(o)()
			return make(t)
		}).(T)
	}
}

// Attach is the short form for an operator with one input and one output that keeps the key. value is the codec of
// the results, nil when none is known; in.ValueCodec() when the type stays.
//
//	func Sample[K, V any](in stream.Stream[K, V], n int) stream.Stream[K, V] {
//		o := stream.NewOp(in.Topology(), "sample", "")
//		return stream.Attach(o, in, in.ValueCodec(), func(t *stream.Task, out stream.Next[K, V]) stream.Next[K, V] {
//			i := 0
//			return func(r *stream.Record[K, V]) {
//				if i++; i%n == 0 {
//					out(r)
//				}
//			}
//		})
//	}
func Attach[K, V, R any](o *Op, in Stream[K, V], value codec.Codec[R],
	build func(t *Task, out Next[K, R]) Next[K, V]) Stream[K, R] {
	out := Out(o, in, in.key, value)
	In(o, in, func(t *Task) Next[K, V] { return build(t, out.Open(t)) })
	return out.Stream
}

// Meet says whether one record can cause records in both a and b, because they have a source in common: a topic, or the
// way out of an exchange.
func Meet[K, V, A, B any](a Stream[K, V], b Stream[A, B]) bool {
	return a.out != nil && b.out != nil && graph.Meet(a.out.node, b.out.node)
}

// Fresh says whether the values of s are made for each record: no operator above it in its task keeps any that they
// could be.
func Fresh[K, V any](s Stream[K, V]) bool { return s.out != nil && !graph.Keeps(s.out.node) }

// Joined is s with the traits that follow when other flows into the same operator: the larger disorder and time to
// settle, and idle only when both are.
func Joined[K, V, A, B any](s Stream[K, V], other Stream[A, B]) Stream[K, V] {
	s.traits.disorder = max(s.traits.disorder, other.traits.disorder)
	if s.traits.idle == 0 || other.traits.idle == 0 {
		s.traits.idle = 0
	}
	s.traits.idle = max(s.traits.idle, other.traits.idle)
	s.traits.settles = max(s.traits.settles, other.traits.settles)
	return s
}

// HeldBack is s of an operator that holds records back for as long as by on its clock, as windows do that send their
// panes when they close: clocks further down that follow the wall stay behind it by as much more.
func HeldBack[K, V any](s Stream[K, V], by time.Duration) Stream[K, V] {
	if s.traits.idle > 0 {
		s.traits.idle += min(by, math.MaxInt64-s.traits.idle)
	}
	return s
}

// Settling is s with panes that may be replaced for as long as within after their times.
func Settling[K, V any](s Stream[K, V], within time.Duration) Stream[K, V] {
	s.traits.settles = within
	return s
}

// wrapKey is the memo key under which a task's public face is kept.
type wrapKey struct{}

func wrap(t *task.Task) *Task {
	return t.Memo(wrapKey{}, func() any { return &Task{inner: t} }).(*Task)
}
