// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Map gives f of each value; key, time and headers stay. A record with a null value, which only a topic with NullValues
// lets in, passes with it: f is not called.
//
// The codec of the results is not known. Where they are written between operators, name it with stream.Encode.
func Map[K, V, R any](in stream.Stream[K, V], f func(V) R) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), "map", "")
	return stream.Attach(o, in, nil, func(_ *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		var rec stream.Record[K, R]
		return func(r *stream.Record[K, V]) {
			retype(&rec, r)
			if !r.NullValue {
				rec.Value = f(r.Value)
			}
			out(&rec)
		}
	})
}

// MapRecord gives f of each record: f may set value, time and headers of the result, which begins with r's key, time
// and headers. The key stays whatever f does: only KeyBy changes it. A negative time is an error of the record.
func MapRecord[K, V, R any](in stream.Stream[K, V],
	f func(r *stream.Record[K, V], out *stream.Record[K, R])) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), "map record", "")
	return stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		var rec stream.Record[K, R]
		return func(r *stream.Record[K, V]) {
			retype(&rec, r)
			f(r, &rec)
			rec.Key, rec.NullKey = r.Key, r.NullKey
			if rec.Time < 0 {
				t.Fail(o.Label(), errNegativeTime(rec.Time))
				return
			}
			out(&rec)
		}
	})
}

// retype makes out the record r without its value.
func retype[K, V, R any](out *stream.Record[K, R], r *stream.Record[K, V]) {
	var none R
	out.Key, out.Value, out.Time, out.Headers = r.Key, none, r.Time, r.Headers
	out.NullKey, out.NullValue = r.NullKey, r.NullValue
}
