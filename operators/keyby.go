// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// KeyBy partitions a stream anew, by the key that pick takes from each value. The records pass through a topic called
// after name, which is created with as many partitions as what the result is joined with, and purged behind its
// readers. Time, headers and null values are kept, and records that shared a partition stay in order under their new
// key.
//
// For a null value pick gets the zero value.
func KeyBy[K, V, K2 any](name string, in stream.Stream[K, V], key codec.Codec[K2],
	pick func(V) K2) stream.Stream[K2, V] {
	return stream.Exchange("key by", name, 0, in, key, func(r *stream.Record[K, V]) (K2, bool) {
		return pick(r.Value), true
	})
}

// Repartition sends a stream through a topic called after name with the given number of partitions; keys stay. It
// spreads work over more tasks, or fewer, than the topic above has partitions.
func Repartition[K, V any](name string, partitions int, in stream.Stream[K, V]) stream.Stream[K, V] {
	return stream.Exchange("repartition", name, int32(partitions), in, in.KeyCodec(),
		func(r *stream.Record[K, V]) (K, bool) { return r.Key, !r.NullKey })
}

// Broadcast sends each record of a stream to every partition of a topic called after name: what reads the result gets
// all records in each of its tasks, those of one partition of in in their order. partitions is their number; 0 takes
// that of what the result meets: by Merge, by an operator of your own with both as inputs, or as a table that is
// joined. It is the way to bring rules to all tasks; for data that is looked up see [JoinGlobal].
//
//	in, two partitions:   a x @3   b y @4
//	out, partition 0:     a x @3   b y @4
//	out, partition 1:     a x @3   b y @4
func Broadcast[K, V any](name string, in stream.Stream[K, V], partitions int) stream.Stream[K, V] {
	return stream.ExchangeToAll("broadcast", name, int32(partitions), in)
}
