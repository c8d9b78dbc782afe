// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// FilterMap is Map that may give nothing: f says whether its result is one, as the second result of a map look-up or
// a type assertion does. Key, time and headers stay. Records with a null value are kept out, as Filter does: there is
// nothing to ask f about.
//
//	alerts := operators.FilterMap(payments, func(p Payment) (Alert, bool) {
//		return Alert{Card: p.Card}, p.Amount > limit
//	})
//
// The codec of the results is not known. Where they are written between operators, name it with stream.Encode.
func FilterMap[K, V, R any](in stream.Stream[K, V], f func(V) (R, bool)) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), "filter map", "")
	return stream.Attach(o, in, nil, func(_ *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		var rec stream.Record[K, R]
		return func(r *stream.Record[K, V]) {
			if r.NullValue {
				return
			}
			v, ok := f(r.Value)
			if !ok {
				return
			}
			retype(&rec, r)
			rec.Value = v
			out(&rec)
		}
	})
}
