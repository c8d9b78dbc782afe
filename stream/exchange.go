// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/stream/codec"
)

// Exchange sends a stream through a repartition topic, so that it comes out partitioned by a new key. name becomes
// part of the topic's name. partitions is their number; 0 takes that of what the result is joined with, else that of
// the widest topic above. rekey gives the new key of a record, and false for the null key. Value, time and headers
// are kept, and records of one old partition that have one new key stay in order.
//
// It is the only way to change a stream's key; operators.KeyBy and operators.Repartition are made of it.
func Exchange[K, V, K2 any](kind, name string, partitions int32, s Stream[K, V], key codec.Codec[K2],
	rekey func(r *Record[K, V]) (K2, bool)) Stream[K2, V] {
	return exchange(kind, name, partitions, s, key, func(w *writer[K2, V]) Next[K, V] {
		var rec Record[K2, V]
		return func(r *Record[K, V]) {
			k, ok := rekey(r)
			rec = Record[K2, V]{
				Key: k, Value: r.Value, Time: r.Time, Headers: r.Headers, NullKey: !ok, NullValue: r.NullValue,
			}
			w.write(&rec)
		}
	})
}

// ExchangeToAll is Exchange that keeps keys and sends each record to every partition: every task of what reads the
// result gets all of them, those of one old partition in order. It is what operators.Broadcast is made of.
func ExchangeToAll[K, V any](kind, name string, partitions int32, s Stream[K, V]) Stream[K, V] {
	return exchange(kind, name, partitions, s, s.key, func(w *writer[K, V]) Next[K, V] { return w.writeToAll })
}

// exchange is a repartition topic, into which build writes.
func exchange[K, V, K2 any](kind, name string, partitions int32, s Stream[K, V], key codec.Codec[K2],
	build func(w *writer[K2, V]) Next[K, V]) Stream[K2, V] {
	n := &graph.Node{Role: graph.Exchange, Kind: kind, Name: name, Partitions: partitions, KeyCodec: typeOf(key)}
	o := newOp(s.t, n)
	through := Topic[K2, V]{Name: n.TopicName(o.t.Name()), Key: key, Value: s.value, NullValues: true}
	out := read(o, through)
	out.traits = s.traits
	switch {
	case name == "":
		o.Mistake("it needs a name: the records pass through a topic called after it")
	case key == nil:
		o.Mistake("the codec of the keys is missing")
	case s.value == nil:
		o.Mistake("the codec of the values is not known, because an operator above made values of a new type; " +
			"name it with stream.Encode before")
	case partitions < 0:
		o.Mistake("%d partitions; give a positive number, or 0 to adopt the count of what the stream is joined with",
			partitions)
	}
	In(o, s, func(t *Task) Next[K, V] {
		return build(newWriter(t, through, o.Label(), nil))
	})
	return out
}
