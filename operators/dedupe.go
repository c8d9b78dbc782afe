// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Dedupe lets a record through unless one with the same key and the same id passed whose event time is at most within
// away, before or after: what a sender repeats comes once. id takes the id from the value, ids encodes it. What is kept
// out is counted as "duplicate"; records without a key or with a null value are dropped and counted.
//
//	Dedupe("calls", calls, codec.String, Call.ID, 10 * ms)
//	a x @20 → a x @20
//	a x @25 →                 the same within 10 ms
//	a y @25 → a y @25
//	b x @25 → b x @25         ids belong to their key
//	a x @12 →                 also when it lies before
//	a x @31 → a x @31         11 ms after the last one that passed
//
// What passed is remembered, in a store called name, until the operator's clock (the highest event time, less the
// Disorder of the source) is more than within beyond it. So records that come within the Disorder are always judged
// rightly; one that comes later is compared with what is still remembered, and passes when that is nothing.
func Dedupe[K comparable, V any, I comparable](name string, in stream.Stream[K, V], ids codec.Codec[I],
	id func(V) I, within time.Duration) stream.Stream[K, V] {
	o := stream.NewOp(in.Topology(), "dedupe", name)
	switch {
	case name == "":
		o.Mistake("it needs a name: what passed is remembered in a store called after it")
	case within < 0 || within%time.Millisecond != 0:
		o.Mistake("duplicates are looked for within %v; give a whole number of milliseconds, at least 0", within)
	case ids == nil:
		o.Mistake("it needs a codec for the ids: they are kept in a store")
	}
	return stream.Attach(o, in, in.ValueCodec(), func(t *stream.Task, out stream.Next[K, V]) stream.Next[K, V] {
		return openDedupe(t, o, name, in, codec.Pair(in.KeyCodec(), ids), id, within.Milliseconds(), out)
	})
}

const dropDuplicate = "duplicate"

// openDedupe is Dedupe in one task. passed has a row for each record that passed, under its key and id at its time.
func openDedupe[K comparable, V any, I comparable](t *stream.Task, o *stream.Op, name string, in stream.Stream[K, V],
	keys codec.Codec[codec.Two[K, I]], id func(V) I, within int64, out stream.Next[K, V]) stream.Next[K, V] {
	label, disorder := o.Label(), in.Disorder()
	passed := state.Window[codec.Two[K, I], struct{}]{
		Name: name, Key: keys, Value: codec.Unit, Retention: later(within, disorder+1),
	}.Open(t)
	clock := t.Clock(in.Idle(), func() {})
	var seen bool
	found := func(int64, *struct{}) bool { // made once, so that a record allocates nothing
		seen = true
		return false
	}
	return func(r *stream.Record[K, V]) {
		if r.NullKey || r.NullValue {
			t.Drop(label, nullReason(r.NullKey))
			return
		}
		clock.Advance(r.Time - disorder)
		passed.Expire(max(clock.Now()-within, 0))
		key := codec.Two[K, I]{First: r.Key, Second: id(r.Value)}
		seen = false
		passed.ScanKey(key, max(r.Time-within, 0), later(r.Time, within), found)
		switch {
		case t.Failed():
		case seen:
			t.Drop(label, dropDuplicate)
		default:
			passed.Put(key, r.Time, struct{}{})
			out(r)
		}
	}
}
