// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Failed is a value that a function could not do anything with.
type Failed[V any] struct {
	Value V
	Err   error
}

// Try gives f of each value in ok, and the values for which f returns an error in bad, with the error: bad records are
// a stream like any other. Records with a null value pass to ok.
func Try[K, V, R any](in stream.Stream[K, V], f func(V) (R, error)) (
	ok stream.Stream[K, R], bad stream.Stream[K, Failed[V]]) {
	o := stream.NewOp(in.Topology(), "try", "")
	good := stream.Out[K, R](o, in, in.KeyCodec(), nil)
	failed := stream.Out[K, Failed[V]](o, in, in.KeyCodec(), nil)
	stream.In(o, in, func(t *stream.Task) stream.Next[K, V] {
		good, failed := good.Open(t), failed.Open(t)
		var rec stream.Record[K, R]
		var lost stream.Record[K, Failed[V]]
		return func(r *stream.Record[K, V]) {
			retype(&rec, r)
			if r.NullValue {
				good(&rec)
				return
			}
			v, err := f(r.Value)
			if err != nil {
				retype(&lost, r)
				lost.Value = Failed[V]{Value: r.Value, Err: err}
				failed(&lost)
				return
			}
			rec.Value = v
			good(&rec)
		}
	})
	return good.Stream, failed.Stream
}
