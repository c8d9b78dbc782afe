// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// Group is what the inputs of a cogroup have in common: its accumulator. See [Fold] for what its functions promise.
type Group[A any] struct {
	// Init gives the accumulator of nothing. Defaults to the zero value.
	Init func() A
	// Merge combines the accumulators of an earlier and a later part. Session windows need it; hopping and sliding ones
	// share their slices with it.
	Merge func(earlier, later A) A
	// Codec encodes accumulators in stores. It has no default.
	Codec codec.Codec[A]
}

// Grouped is one input of a cogroup: see [With].
type Grouped[K comparable, A any] struct {
	values stream.Stream[K, addition[A]]
}

// addition takes one value into an accumulator. It holds while the record that it came with is in work.
type addition[A any] func(acc A) A

// With makes a stream an input of a [Cogroup], whose values are taken into the accumulator by add.
func With[K comparable, V, A any](in stream.Stream[K, V], add func(acc A, v V) A) Grouped[K, A] {
	o := stream.NewOp(in.Topology(), "with", "")
	if add == nil {
		o.Mistake("it has no function that takes a value into the accumulator")
	}
	return Grouped[K, A]{stream.Attach(o, in, codec.Codec[addition[A]](nil),
		func(_ *stream.Task, out stream.Next[K, addition[A]]) stream.Next[K, V] {
			var value V
			rec := stream.Record[K, addition[A]]{}
			apply := addition[A](func(acc A) A { return add(acc, value) })
			return func(r *stream.Record[K, V]) {
				retype(&rec, r)
				value, rec.Value = r.Value, apply
				out(&rec)
			}
		})}
}

// Cogroup folds the values of a key in several streams, which may be of different types, into one: a table, kept in a
// store called name. Each record of any input gives an update. See [Aggregate], which it is like in all else.
//
//	visits := Cogroup("visits", Group[Visit]{Codec: …}, With(clicks, Visit.AddClick), With(orders, Visit.AddOrder))
//
//	clicks:  a /home @1              a /cart @3
//	orders:             a 30€ @2
//	out:     a {1, 0} @1  a {1, 30} @2  a {2, 30} @3
//
// The inputs are partitioned alike, which Build and Run check.
func Cogroup[K comparable, A any](
	name string, group Group[A], first Grouped[K, A], more ...Grouped[K, A],
) stream.Table[K, A] {
	return aggregate("cogroup", name, together(first, more), group.fold())
}

// CogroupedWindows is what CogroupWindows gives.
type CogroupedWindows[K comparable, A any] struct {
	// Out has the panes, each under the key of the records in it.
	Out stream.Stream[K, window.Pane[A]]
	// Late has, for each record that came too late for all of its windows, the accumulator that it alone would have
	// made, with its time and headers.
	Late stream.Stream[K, A]
}

// CogroupWindows is Cogroup for each window of time: see [AggregateWindows], which it is like in all else.
//
// All inputs share one clock: what is late for the group is late, whichever input it came from. The reference judges
// each input by its own records.
func CogroupWindows[K comparable, A any](
	name string, w window.Kind, group Group[A], first Grouped[K, A], more ...Grouped[K, A],
) CogroupedWindows[K, A] {
	fold := group.fold()
	res := aggregateWindows("cogroup windows", name, together(first, more), w, fold)
	if res.Out.Topology() == nil {
		return CogroupedWindows[K, A]{}
	}
	late := stream.Encode(Map(res.Late, func(add addition[A]) A { return add(fold.init()) }), group.Codec)
	return CogroupedWindows[K, A]{Out: res.Out, Late: late}
}

func (g Group[A]) fold() Fold[addition[A], A] {
	return Fold[addition[A], A]{
		Init: g.Init, Merge: g.Merge, Codec: g.Codec, Add: func(acc A, add addition[A]) A { return add(acc) },
	}
}

func together[K comparable, A any](first Grouped[K, A], more []Grouped[K, A]) stream.Stream[K, addition[A]] {
	rest := make([]stream.Stream[K, addition[A]], len(more))
	for i, g := range more {
		rest[i] = g.values
	}
	return Merge(first.values, rest...)
}
