// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Peek calls f with each record and passes it on unchanged. f must not keep r. It sees a record as often as it is
// processed: again after an abort or a crash, whatever the guarantee, since only topics and stores are transactional.
func Peek[K, V any](in stream.Stream[K, V], f func(r *stream.Record[K, V])) stream.Stream[K, V] {
	o := stream.NewOp(in.Topology(), "peek", "")
	return stream.Attach(o, in, in.ValueCodec(), func(_ *stream.Task, out stream.Next[K, V]) stream.Next[K, V] {
		return func(r *stream.Record[K, V]) {
			f(r)
			out(r)
		}
	})
}
