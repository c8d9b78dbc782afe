// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"slices"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/stream"
)

// In sends records to a topic that the topology reads.
type In[K, V any] struct {
	d     *Driver
	topic stream.Topic[K, V]
}

// Input gives the way into a topic. One that the topology does not read fails the test.
func Input[K, V any](d *Driver, topic stream.Topic[K, V]) *In[K, V] {
	d.tb.Helper()
	if d.reads(graph.Source, topic.Name) || d.reads(graph.Global, topic.Name) {
		return &In[K, V]{d, topic}
	}
	d.tb.Fatalf("topology %s does not read topic %q", d.plan.App, topic.Name)
	return nil
}

// Send sends one record at an event time in milliseconds, which is also its Kafka timestamp. Its partition is that of
// its key.
func (in *In[K, V]) Send(key K, value V, at int64) {
	in.d.tb.Helper()
	in.SendRecord(&stream.Record[K, V]{Key: key, Value: value, Time: at})
}

// Delete sends a null value.
func (in *In[K, V]) Delete(key K, at int64) {
	in.d.tb.Helper()
	in.SendRecord(&stream.Record[K, V]{Key: key, Time: at, NullValue: true})
}

// SendRecord sends a record with headers or nulls. One without a key goes to partition 0.
func (in *In[K, V]) SendRecord(r *stream.Record[K, V]) {
	in.d.tb.Helper()
	e, err := encode(in.topic, r)
	if err != nil {
		in.d.tb.Fatal(err)
	}
	var p int32
	if n := in.d.cluster.counts[in.topic.Name]; !r.NullKey {
		if p = kafka.PartitionFor(e.key, n); in.topic.Partition != nil {
			p = in.topic.Partition(r.Key, n)
		}
	}
	in.send(p, e)
}

// SendTo sends a record to a chosen partition.
func (in *In[K, V]) SendTo(partition int32, r *stream.Record[K, V]) {
	in.d.tb.Helper()
	e, err := encode(in.topic, r)
	if err != nil {
		in.d.tb.Fatal(err)
	}
	in.send(partition, e)
}

// SendBytes sends what no codec would write.
func (in *In[K, V]) SendBytes(key, value []byte, at int64) {
	in.d.tb.Helper()
	in.send(0, entry{key: cloneBytes(key), value: cloneBytes(value), time: at})
}

func (in *In[K, V]) send(partition int32, e entry) {
	in.d.tb.Helper()
	if n := in.d.cluster.counts[in.topic.Name]; partition < 0 || partition >= n {
		in.d.tb.Fatalf("topic %s: partition %d of %d", in.topic.Name, partition, n)
	}
	part := kafka.Partition{Topic: in.topic.Name, Index: partition}
	if in.d.share(part, e) {
		return
	}
	in.d.cluster.log(part).append(e)
	if in.d.unsaid++; in.d.unsaid >= in.d.opts.CommitEvery {
		in.d.settle()
	}
}

func encode[K, V any](topic stream.Topic[K, V], r *stream.Record[K, V]) (e entry, err error) {
	e.time, e.headers = r.Time, stream.CloneHeaders(r.Headers)
	if !r.NullKey {
		if e.key, err = topic.Key.Append([]byte{}, r.Key); err != nil {
			return e, err
		}
	}
	if !r.NullValue {
		e.value, err = topic.Value.Append([]byte{}, r.Value)
	}
	return e, err
}

// Out reads a topic that the topology writes.
type Out[K, V any] struct {
	d     *Driver
	topic stream.Topic[K, V]
	next  map[int32]int
}

// Output gives the way to read a topic, from its beginning: one that the topology writes, a repartition topic, the dead
// letters, or an input. A topic that the topology names only at run time (stream.ToEach) exists from then on; others
// that it does not write fail the test.
func Output[K, V any](d *Driver, topic stream.Topic[K, V]) *Out[K, V] {
	d.tb.Helper()
	if d.cluster.counts[topic.Name] == 0 {
		chosen := func(n *graph.Node) bool { return n.Role == graph.Sink && n.Topic == "" }
		if !slices.ContainsFunc(d.plan.Graph.Nodes, chosen) {
			d.tb.Fatalf("topology %s does not write topic %q", d.plan.App, topic.Name)
		}
		d.cluster.create(topic.Name, d.opts.Partitions)
	}
	return &Out[K, V]{d: d, topic: topic, next: map[int32]int{}}
}

// Record is a record that was read, with the partition in which it was.
type Record[K, V any] struct {
	stream.Record[K, V]
	Partition int32
}

// Read commits, and gives the records that have come since the last Read: partition by partition, each in order.
func (out *Out[K, V]) Read() []Record[K, V] {
	out.d.tb.Helper()
	out.d.due()
	return out.Committed()
}

// Committed is Read without a commit: what a reader at read-committed sees now.
func (out *Out[K, V]) Committed() []Record[K, V] {
	out.d.tb.Helper()
	var got []Record[K, V]
	for p := range out.d.cluster.counts[out.topic.Name] {
		log := out.d.cluster.log(kafka.Partition{Topic: out.topic.Name, Index: p})
		for ; out.next[p] < len(log.entries); out.next[p]++ {
			r, err := decode(out.topic, log.entries[out.next[p]])
			if err != nil {
				out.d.tb.Fatalf("topic %s, partition %d, offset %d: %v", out.topic.Name, p, out.next[p], err)
			}
			got = append(got, Record[K, V]{Record: r, Partition: p})
		}
	}
	return got
}

func decode[K, V any](topic stream.Topic[K, V], e entry) (r stream.Record[K, V], err error) {
	r.Time, r.NullKey, r.NullValue = e.time, e.key == nil, e.value == nil
	r.Headers = stream.CloneHeaders(e.headers)
	if !r.NullKey {
		if r.Key, err = topic.Key.Decode(e.key); err != nil {
			return r, err
		}
	}
	if !r.NullValue {
		r.Value, err = topic.Value.Decode(e.value)
	}
	return r, err
}
