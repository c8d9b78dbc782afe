// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// Join gives f of each pair of records of a, the left stream, and b, the right one, that have one key and lie near each
// other in time: b's from w.Before before to w.After after a's, both ends in. Each pair comes once, at once when its
// second record does; a record's pairs come by the time of the other records, of one time in the order in which these
// came. A result has the later time of the two and the headers of the record that triggered it.
//
//	Within{Before: 5ms, After: 5ms}
//	a:   k x @10                       k y @12                 k z @20
//	b:             k 1 @14                        k 2 @5
//	out:           k (x,1) @14         k (y,1) @14  k (x,2) @10
//
// # The clock
//
// The join has one clock for both sides: the highest event time that it saw, less the larger Disorder of the sources. A
// record is closed once the clock is past all that it could match, and w.Grace beyond: past its time + After + Grace
// for a left record, its time + Before + Grace for a right one. Records that come closed are joined with what is still
// kept: a record is kept until one of its own side comes that is later by more than Before + After + Grace and the
// Disorder, and so at least as long as a record of the other side that is not closed itself can match it.
//
// Records without a key or with a null value are dropped and counted. They move the clock.
//
// # What is kept
//
// The records of both sides are kept in stores called name-left and name-right, and their values are written with the
// streams' codecs: name them with stream.Encode where they are not known. A stream that is joined with itself is kept
// once, in a store called name, and gives what two stores would give: each record meets itself too, if 0 lies within w.
//
// Records of one key and one millisecond are written together.
func Join[K comparable, A, B, R any](name string, a stream.Stream[K, A], b stream.Stream[K, B], w window.Within,
	f func(a A, b B) R) stream.Stream[K, R] {
	return join("join", name, a, b, w, wants{}, func(a A, _ bool, b B, _ bool) R { return f(a, b) })
}

// LeftJoin is Join that gives left records without a match too: f gets ok false and the zero B for them.
//
// An unmatched record comes once it is closed, whatever its place in the order of arrival, with its own time and no
// headers. Those that close together come before the results of the record that moved the clock, by time, of one time
// right before left, then by the bytes of the key, then in the order of arrival. A record that comes closed, or without
// a key, comes at once when nothing matches it, with its headers; one without a key does not make others come that its
// time has closed: they come with the next record that has one.
//
//	Within{After: 5ms}
//	a:   k x @10   k y @11
//	b:                       k 1 @16                   k 2 @17
//	out:                     k (x,∅) @10, k (y,1) @16
//
// A record that was sent as unmatched can still be joined with one of the other side that comes later but is not
// closed. Enough Grace is what prevents seeing both.
func LeftJoin[K comparable, A, B, R any](name string, a stream.Stream[K, A], b stream.Stream[K, B], w window.Within,
	f func(a A, b B, ok bool) R) stream.Stream[K, R] {
	return join("left join", name, a, b, w, wants{left: true},
		func(a A, _ bool, b B, hasB bool) R { return f(a, b, hasB) })
}

// OuterJoin is LeftJoin that gives right records without a match too: f gets the zero A, or B, and hasA, or hasB, false
// for the side that is missing.
//
//	Within{Before: 5ms, After: 5ms}
//	a:   k x @10                                    k y @30
//	b:             j 1 @10   k 2 @20
//	out:                     j (∅,1) @10, k (x,∅) @10   k (∅,2) @20
func OuterJoin[K comparable, A, B, R any](name string, a stream.Stream[K, A], b stream.Stream[K, B], w window.Within,
	f func(a A, hasA bool, b B, hasB bool) R) stream.Stream[K, R] {
	return join("outer join", name, a, b, w, wants{left: true, right: true}, f)
}

// wants says of which side unmatched records are wanted.
type wants struct{ left, right bool }

// waits is how long one of them waits for a match on the clock.
func (a wants) waits(w window.Within) (d time.Duration) {
	if a.left {
		d = max(d, w.After+w.Grace)
	}
	if a.right {
		d = max(d, w.Before+w.Grace)
	}
	return d
}

func join[K comparable, A, B, R any](kind, name string, a stream.Stream[K, A], b stream.Stream[K, B], w window.Within,
	alone wants, f func(a A, hasA bool, b B, hasB bool) R) stream.Stream[K, R] {
	o := stream.NewOp(a.Topology(), kind, name) // the clock asks for a name
	o.Match()
	if err := w.Validate(); err != nil {
		o.Mistake("%w", err)
	}
	if a.Topology() != nil && b.Topology() != nil && (a.ValueCodec() == nil || b.ValueCodec() == nil) {
		o.Mistake("%w: they are kept in a store", errNoCodec)
	}
	both := stream.Joined(a, b)
	out := stream.Out(o, both, a.KeyCodec(), codec.Codec[R](nil))
	open := stream.PerTask(o, func(t *stream.Task) *joinTask[K, A, B, R] {
		j := &joinTask[K, A, B, R]{within: w, junction: junction[K, R]{
			task: t, label: o.Label(), disorder: both.Disorder(), out: out.Open(t),
		}}
		j.clock = t.Clock(both.Idle(), func() { j.moved() })
		j.backlog = t.Backlog(j.goOn)
		j.open(name, a, b, alone, f)
		return j
	})
	joined := stream.HeldBack(out.Stream, alone.waits(w))
	if stream.Same(a, b) {
		right := identity[A, B]()
		stream.In(o, a, func(t *stream.Task) stream.Next[K, A] { return open(t).itself(right) })
		return joined
	}
	stream.In(o, a, func(t *stream.Task) stream.Next[K, A] { return open(t).left.record })
	stream.In(o, b, func(t *stream.Task) stream.Next[K, B] { return open(t).right.record })
	return joined
}

// identity turns an A into a B that is the same type.
func identity[A, B any]() func(A) B {
	f, _ := any(func(v A) A { return v }).(func(A) B)
	return f
}
