// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Filter keeps the records whose value keep likes. Records with a null value are kept out: there is nothing to ask
// keep about.
func Filter[K, V any](in stream.Stream[K, V], keep func(V) bool) stream.Stream[K, V] {
	o := stream.NewOp(in.Topology(), "filter", "")
	return stream.Attach(o, in, in.ValueCodec(), func(_ *stream.Task, out stream.Next[K, V]) stream.Next[K, V] {
		return func(r *stream.Record[K, V]) {
			if !r.NullValue && keep(r.Value) {
				out(r)
			}
		}
	})
}
