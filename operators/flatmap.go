// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"iter"

	"github.com/irmak-go/irmak/stream"
)

// FlatMap gives the values of the sequence that f makes of each value, in order, each with the record's key, time and
// headers. A nil sequence is an empty one. Records with a null value give nothing.
func FlatMap[K, V, R any](in stream.Stream[K, V], f func(V) iter.Seq[R]) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), "flat map", "")
	return stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		var rec stream.Record[K, R]
		// One yield for the whole task: made per record it would be allocated per record.
		yield := func(v R) bool {
			rec.Value = v
			out(&rec)
			return !t.Failed()
		}
		return func(r *stream.Record[K, V]) {
			if r.NullValue {
				return
			}
			retype(&rec, r)
			if seq := f(r.Value); seq != nil {
				seq(yield)
			}
		}
	})
}
