// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// JoinGlobal gives f of each value and the row that a global table has, at that moment, for the key that key selects
// from the record: any key, in whatever way the stream is partitioned. Records for which key gives false are dropped
// and counted, those whose selected key has no row give nothing. Only the stream triggers. Key, time and headers are
// the record's; it may be one without a key, for which key gets the zero value.
//
//	table: EUR=1.1           EUR=1.2
//	in:           a EUR @3            b EUR @7      c USD @8
//	out:          a 1.1 @3            b 1.2 @7
func JoinGlobal[K, V any, G comparable, T, R any](in stream.Stream[K, V], table stream.GlobalTable[G, T],
	key func(k K, v V) (G, bool), f func(v V, row T) R) stream.Stream[K, R] {
	return joinGlobal("join global", in, table, key, true, func(v V, row T, _ bool) R { return f(v, row) })
}

// LeftJoinGlobal is JoinGlobal that keeps every record: where key gives false, or the selected key has no row, f gets
// ok false and the zero row.
//
//	table: EUR=1.1                                             USD=1
//	in:             a EUR @3         b USD @4       c none @5         b USD @7
//	out:            a (EUR,1.1) @3   b (USD,∅) @4   c (none,∅) @5     b (USD,1) @7
func LeftJoinGlobal[K, V any, G comparable, T, R any](in stream.Stream[K, V], table stream.GlobalTable[G, T],
	key func(k K, v V) (G, bool), f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	return joinGlobal("left join global", in, table, key, false, f)
}

func joinGlobal[K, V any, G comparable, T, R any](kind string, in stream.Stream[K, V], table stream.GlobalTable[G, T],
	key func(k K, v V) (G, bool), inner bool, f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), kind, "")
	if key == nil {
		o.Mistake("there is no function that selects the key")
	}
	return stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		rows, label := table.Open(t), o.Label()
		var rec stream.Record[K, R]
		return func(r *stream.Record[K, V]) {
			if r.NullValue {
				t.Drop(label, nullReason(false))
				return
			}
			var row T
			k, ok := key(r.Key, r.Value)
			switch {
			case ok:
				row, _, ok = rows.Get(k)
			case inner:
				t.Drop(label, "no key selected")
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
