// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"reflect"
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// ToStream gives a table's updates as a stream: the new value of each, and a null value for each delete. Of a versioned
// table it gives those that came out of order too, each with its own time.
func ToStream[K comparable, V any](table stream.Table[K, V]) stream.Stream[K, V] {
	in := table.Newest()
	o := stream.NewOp(in.Topology(), "to stream", "")
	return stream.Attach(o, in, table.ValueCodec(),
		func(_ *stream.Task, out stream.Next[K, V]) stream.Next[K, stream.Change[V]] {
			var rec stream.Record[K, V]
			return func(r *stream.Record[K, stream.Change[V]]) {
				retype(&rec, r)
				rec.Value, rec.NullValue = r.Value.New, !r.Value.HasNew
				out(&rec)
			}
		})
}

// PerCommit gives the newest value of each key that a table's updates have changed since the last commit, once per
// commit, in the order in which the keys first changed; a deleted key gives a null value, and one that came and went in
// between gives nothing. It is ToStream for readers who need no more than Config.CommitInterval lets them see anyway,
// and costs next to nothing per record.
//
// The table must have a store with one row per key: it comes from Aggregate, TableFrom or ToTable. Headers are not
// kept.
func PerCommit[K comparable, V any](table stream.Table[K, V]) stream.Stream[K, V] {
	in := table.Newest()
	o := stream.NewOp(in.Topology(), "per commit", "")
	out := stream.Out(o, in, in.KeyCodec(), table.ValueCodec())
	rows := table.Rows()
	if rows == nil {
		o.Mistake("the table has no store with one row per key: it is a view, or versioned")
		return out.Stream
	}
	stream.In(o, in, func(t *stream.Task) stream.Next[K, stream.Change[V]] {
		c := &perCommit[K, V]{task: t, store: rows(t).Store(), out: out.Open(t), deleted: map[K]int64{}}
		c.send = func() { c.out(&c.rec) }
		t.BeforeCommit(c.commit)
		return c.changed
	})
	return out.Stream
}

// perCommit is PerCommit in one task.
type perCommit[K comparable, V any] struct {
	task    *stream.Task
	store   *state.MapStore[K, stream.Timed[V]]
	out     stream.Next[K, V]
	rec     stream.Record[K, V]
	send    func()      // gives rec to out
	deleted map[K]int64 // when keys were deleted since the last commit: a row that is gone has no time
}

func (c *perCommit[K, V]) changed(r *stream.Record[K, stream.Change[V]]) {
	if !r.Value.HasNew {
		c.deleted[r.Key] = r.Time
	}
}

func (c *perCommit[K, V]) commit() {
	c.store.Changed(func(k K, row *stream.Timed[V], exists bool) bool {
		c.rec = stream.Record[K, V]{Key: k, Value: row.Value, Time: row.Time, NullValue: !exists}
		if !exists {
			c.rec.Time = c.deleted[k]
		}
		return c.task.Between(c.send)
	})
	clear(c.deleted)
}

// ToTable makes a table of a stream: the newest value of each key by arrival, kept in a store called name. A null
// value deletes, and is nothing where there is no row; records without a key are dropped and counted. values is the
// codec of the store.
func ToTable[K comparable, V any](name string, in stream.Stream[K, V], values codec.Codec[V]) stream.Table[K, V] {
	return stream.TableOf("to table", name, own(in, values), values)
}

// ToVersionedTable is ToTable by time instead of by arrival, with the rows as they were as far back as history: see
// stream.VersionedTableFrom.
func ToVersionedTable[K comparable, V any](name string, in stream.Stream[K, V], values codec.Codec[V],
	history time.Duration) stream.Table[K, V] {
	return stream.VersionedTableOf("to versioned table", name, own(in, values), values, history)
}

// own is a stream for who keeps its values: copies, if they may be accumulators that an aggregation above goes on
// changing in place.
func own[K, V any](in stream.Stream[K, V], values codec.Codec[V]) stream.Stream[K, V] {
	if values == nil || immutable(reflect.TypeFor[V]()) || stream.Fresh(in) {
		return in
	}
	o := stream.NewOp(in.Topology(), "copy", "")
	return stream.Attach(o, in, values, func(t *stream.Task, out stream.Next[K, V]) stream.Next[K, V] {
		copied := copier(values, immutable, func(err error) { t.Fail(o.Label(), err) })
		var rec stream.Record[K, V]
		return func(r *stream.Record[K, V]) {
			if retype(&rec, r); !r.NullValue {
				rec.Value = copied(r.Value)
			}
			if !t.Failed() {
				out(&rec)
			}
		}
	})
}
