// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// FilterTable is the table of the rows that keep likes. It is a view without a store: its rows are read in table. A row
// that keep does not like any more is deleted; one that it never liked leaves no trace. keep must depend on key and
// value alone: it is asked again about rows that it has seen.
//
//	table: a 1 @1   a 5 @2   a 6 @3   a 2 @4   a ∅ @5        keep: above 4
//	gives:          a 5 @2   a 6 @3   a ∅ @4
func FilterTable[K comparable, V any](table stream.Table[K, V], keep func(K, V) bool) stream.Table[K, V] {
	var err error
	if keep == nil {
		err = errors.New("there is no function that says which rows to keep")
	}
	return view("filter table", table, table.ValueCodec(), err, func(k K, v V) (V, bool) { return v, keep(k, v) })
}

// MapTable is the table of f of each row. It is a view without a store: its rows are made anew each time they are read.
// f must depend on key and value alone. As with FilterTable, a view of a versioned table is versioned.
//
// The codec of the results is not known. Where they are written, name it with stream.EncodeTable; Materialize keeps
// them.
//
//	table: a 1 @1   a 5 @2   a ∅ @3   b ∅ @4        f: twice
//	gives: a 2 @1   a 10 @2  a ∅ @3
func MapTable[K comparable, V, R any](table stream.Table[K, V], f func(K, V) R) stream.Table[K, R] {
	var err error
	if f == nil {
		err = errors.New("there is no function that makes the new rows")
	}
	return view("map table", table, nil, err, func(k K, v V) (R, bool) { return f(k, v), true })
}

// view is a table whose rows are f of those of another one, if f wants them.
func view[K comparable, V, R any](kind string, table stream.Table[K, V], value codec.Codec[R], err error,
	f func(K, V) (R, bool)) stream.Table[K, R] {
	in := table.Changes()
	o := stream.NewOp(in.Topology(), kind, "")
	if err != nil {
		o.Mistake("%w", err)
	}
	type (
		before = stream.Change[V]
		after  = stream.Change[R]
	)
	changes := stream.Attach(o, in, codec.Codec[after](nil),
		func(_ *stream.Task, out stream.Next[K, after]) stream.Next[K, before] {
			var rec stream.Record[K, after]
			return func(r *stream.Record[K, before]) {
				retype(&rec, r)
				c := &rec.Value
				c.OutOfOrder = r.Value.OutOfOrder
				if r.Value.HasOld {
					c.Old, c.HasOld = wanted(r.Key, r.Value.Old, f)
				}
				if r.Value.HasNew {
					c.New, c.HasNew = wanted(r.Key, r.Value.New, f)
				}
				if c.HasOld || c.HasNew {
					out(&rec)
				}
			}
		})
	if history, ok := table.Versioned(); ok {
		return stream.NewVersionedTable(changes, value, history, func(t *stream.Task) stream.AsOf[K, R] {
			past := table.OpenAsOf(t)
			return &pastView[K, V, R]{viewReader[K, V, R]{past, f}, past}
		})
	}
	return stream.NewTable(changes, value, func(t *stream.Task) stream.Reader[K, R] {
		return &viewReader[K, V, R]{table.Open(t), f}
	})
}

// wanted is f without a value where there is to be none.
func wanted[K comparable, V, R any](k K, v V, f func(K, V) (R, bool)) (r R, ok bool) {
	if got, ok := f(k, v); ok {
		return got, true
	}
	return r, false
}

type viewReader[K comparable, V, R any] struct {
	rows stream.Reader[K, V]
	f    func(K, V) (R, bool)
}

// Get implements stream.Reader.
func (v *viewReader[K, V, R]) Get(k K) (r R, at int64, ok bool) {
	row, at, ok := v.rows.Get(k)
	if ok {
		r, ok = wanted(k, row, v.f)
	}
	return r, at, ok
}

// pastView is viewReader of a versioned table.
type pastView[K comparable, V, R any] struct {
	viewReader[K, V, R]
	past stream.AsOf[K, V]
}

// GetAsOf implements stream.AsOf.
func (v *pastView[K, V, R]) GetAsOf(k K, at int64) (r R, since int64, ok bool) {
	row, since, ok := v.past.GetAsOf(k, at)
	if ok {
		r, ok = wanted(k, row, v.f)
	}
	return r, since, ok
}

// Materialize keeps the rows of a table in a store of its own, called name: for a view whose rows cost much to make,
// and for what must have a store, as PerCommit must. values encodes them. Of a versioned table it keeps the newest
// rows; out-of-order updates change nothing.
//
//	table: a 1 @1   a ∅ @2
//	gives: a 1 @1   a ∅ @2
func Materialize[K comparable, V any](name string, table stream.Table[K, V],
	values codec.Codec[V]) stream.Table[K, V] {
	in := table.Changes()
	o := stream.NewOp(in.Topology(), "materialize", name)
	switch {
	case name == "":
		o.Mistake("it needs a name: its rows are kept in a store called after it")
	case values == nil:
		o.Mistake("the codec of the values is missing: they are kept in a store")
	}
	type change = stream.Change[V]
	rows := stream.PerTask(o, func(t *stream.Task) *stream.Rows[K, V] {
		return stream.OpenRows(t, name, in.KeyCodec(), values)
	})
	changes := stream.Attach(o, in, codec.Codec[change](nil),
		func(t *stream.Task, out stream.Next[K, change]) stream.Next[K, change] {
			rows := rows(t)
			return func(r *stream.Record[K, change]) {
				if r.Value.OutOfOrder {
					return
				}
				if r.Value.HasNew {
					rows.Put(r.Key, r.Value.New, r.Time)
				} else {
					rows.Delete(r.Key)
				}
				out(r)
			}
		})
	return stream.NewStoredTable(changes, values, rows)
}
