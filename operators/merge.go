// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// Merge gives the records of all its inputs. Each input's records stay in order; between inputs there is none beyond
// that of the task, which takes the oldest record first. The inputs' topics must have the same number of partitions.
func Merge[K, V any](first stream.Stream[K, V], more ...stream.Stream[K, V]) stream.Stream[K, V] {
	o := stream.NewOp(first.Topology(), "merge", "")
	traits := first
	for _, s := range more {
		traits = stream.Joined(traits, s)
	}
	out := stream.Out(o, traits, first.KeyCodec(), first.ValueCodec())
	o.Match()
	for _, s := range append([]stream.Stream[K, V]{first}, more...) {
		stream.In(o, s, out.Open)
	}
	return out.Stream
}
