// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Branch splits a stream in two: the records whose value in likes, and the others. Records with a null value are
// among the others.
//
//	large, small := operators.Branch(payments, Payment.IsLarge)
func Branch[K, V any](s stream.Stream[K, V], in func(V) bool) (yes, no stream.Stream[K, V]) {
	out := Split(s, in)
	return out[0], out[1]
}

// Split sends each record to the stream of the first case that likes its value, and to the last of the streams, one
// more than there are cases, when none does. Records with a null value go to the last.
func Split[K, V any](s stream.Stream[K, V], cases ...func(V) bool) []stream.Stream[K, V] {
	o := stream.NewOp(s.Topology(), "branch", "")
	outs := make([]stream.Outlet[K, V], len(cases)+1)
	streams := make([]stream.Stream[K, V], len(outs))
	for i := range outs {
		outs[i] = stream.Out(o, s, s.KeyCodec(), s.ValueCodec())
		streams[i] = outs[i].Stream
	}
	stream.In(o, s, func(t *stream.Task) stream.Next[K, V] {
		next := make([]stream.Next[K, V], len(outs))
		for i := range outs {
			next[i] = outs[i].Open(t)
		}
		return func(r *stream.Record[K, V]) {
			if !r.NullValue {
				for i, in := range cases {
					if in(r.Value) {
						next[i](r)
						return
					}
				}
			}
			next[len(cases)](r)
		}
	})
	return streams
}
