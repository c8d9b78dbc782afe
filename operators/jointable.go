// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// JoinTable gives f of each value and the row that the table has for its key at that moment; records whose key has no
// row give nothing. Only the stream triggers: an update of the table changes what later records find. Key, time and
// headers are the record's.
//
// A versioned table is read as of the record's time instead: the row that held then, as far as updates have come.
//
// Stream and table must be partitioned alike. The task takes the older of a record and a table update first.
//
//	table: a=1 @1           a=2 @5
//	in:             a x @3           a y @7      b z @8   a w @4
//	out:            (x,1) @3         (y,2) @7             (w,2) @4; versioned: (w,1) @4
func JoinTable[K comparable, V, T, R any](in stream.Stream[K, V], table stream.Table[K, T],
	f func(v V, row T) R) stream.Stream[K, R] {
	return joinTable("join table", in, table, true, func(v V, row T, _ bool) R { return f(v, row) })
}

// LeftJoinTable is JoinTable that keeps records whose key has no row, or that have no key: f gets ok false and the zero
// row for them.
//
//	table:            a=1 @2
//	in:    a x @1               a y @3
//	out:   (x,∅) @1             (y,1) @3
func LeftJoinTable[K comparable, V, T, R any](in stream.Stream[K, V], table stream.Table[K, T],
	f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	return joinTable("left join table", in, table, false, f)
}

func joinTable[K comparable, V, T, R any](kind string, in stream.Stream[K, V], table stream.Table[K, T], inner bool,
	f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), kind, "")
	o.Match()
	stream.Reads(o, table)
	return stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		read, label := openRows(t, table), o.Label()
		var rec stream.Record[K, R]
		return func(r *stream.Record[K, V]) {
			if r.NullValue || r.NullKey && inner {
				t.Drop(label, nullReason(!r.NullValue))
				return
			}
			var row T
			ok := false
			if !r.NullKey {
				row, ok = read(r.Key, r.Time)
			}
			if !ok && inner {
				return
			}
			retype(&rec, r)
			rec.Value = f(r.Value, row, ok)
			out(&rec)
		}
	})
}

// openRows gives the way to read the row of a key that goes with a record of time at.
func openRows[K comparable, T any](t *stream.Task, table stream.Table[K, T]) func(k K, at int64) (T, bool) {
	if past := table.OpenAsOf(t); past != nil {
		return func(k K, at int64) (row T, ok bool) {
			row, _, ok = past.GetAsOf(k, at)
			return row, ok
		}
	}
	rows := table.Open(t)
	return func(k K, _ int64) (row T, ok bool) {
		row, _, ok = rows.Get(k)
		return row, ok
	}
}
