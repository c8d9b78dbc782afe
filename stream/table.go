// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// TableFrom reads a topic as a table: the last record of a key, in the order of arrival, is its row, and a null value
// deletes it, or is nothing when there is none. Records without a key are dropped and counted. The table is kept in a
// store named after the topic.
func TableFrom[K comparable, V any](t *Topology, topic Topic[K, V]) Table[K, V] {
	topic.NullValues = true
	in := from(t, topic, "table from")
	return tableOf(NewOp(in.t, "table", topic.Name), topic.Name, in, topic.Value)
}

// TableOf keeps the newest value of each key of in, by arrival, in a store called name: what TableFrom and
// operators.ToTable are made of. A null value deletes, and is nothing where there is no row; records without a key are
// dropped and counted.
func TableOf[K comparable, V any](kind, name string, in Stream[K, V], value codec.Codec[V]) Table[K, V] {
	o := NewOp(in.t, kind, name)
	switch {
	case name == "":
		o.Mistake("it needs a name: its rows are kept in a store called after it")
	case value == nil:
		o.Mistake("the codec of the values is missing: they are kept in a store")
	}
	return tableOf(o, name, in, value)
}

func tableOf[K comparable, V any](o *Op, name string, in Stream[K, V], value codec.Codec[V]) Table[K, V] {
	rows := PerTask(o, func(t *Task) *Rows[K, V] { return OpenRows(t, name, in.key, value) })
	out := Out(o, in, in.key, codec.Codec[Change[V]](nil))
	In(o, in, func(t *Task) Next[K, V] {
		k := tableKeeper[K, V]{task: t, label: o.Label(), rows: rows(t), out: out.Open(t)}
		return k.update
	})
	return NewStoredTable(out.Stream, value, rows)
}

// tableKeeper is TableOf in one task.
type tableKeeper[K comparable, V any] struct {
	task  *Task
	label string
	rows  *Rows[K, V]
	out   Next[K, Change[V]]
	rec   Record[K, Change[V]]
}

func (k *tableKeeper[K, V]) update(r *Record[K, V]) {
	if r.NullKey {
		k.task.Drop(k.label, "null key")
		return
	}
	c := &k.rec
	c.Value.Old, _, c.Value.HasOld = k.rows.Get(r.Key)
	c.Value.New, c.Value.HasNew = r.Value, !r.NullValue
	switch {
	case !r.NullValue:
		k.rows.Put(r.Key, r.Value, r.Time)
	case c.Value.HasOld:
		k.rows.Delete(r.Key)
	default: // a delete of what is not there changes nothing
		return
	}
	c.Key, c.Time, c.Headers = r.Key, r.Time, r.Headers
	k.out(c)
}

// Timed is a value with the event time of its last update, in milliseconds.
type Timed[V any] struct {
	Value V
	Time  int64
}

// Rows is a store of rows with their times: what a table is kept in.
type Rows[K comparable, V any] struct {
	store *state.MapStore[K, Timed[V]]
}

// OpenRows opens the store of a table in a task, under the given name.
func OpenRows[K comparable, V any](t *Task, name string, key codec.Codec[K], value codec.Codec[V]) *Rows[K, V] {
	return &Rows[K, V]{store: state.Map[K, Timed[V]]{Name: name, Key: key, Value: TimedCodec(value)}.Open(t)}
}

// Get implements Reader.
func (r *Rows[K, V]) Get(k K) (v V, at int64, ok bool) {
	t, ok := r.store.Get(k)
	return t.Value, t.Time, ok
}

// Put sets the row of k.
func (r *Rows[K, V]) Put(k K, v V, at int64) { r.store.Put(k, Timed[V]{v, at}) }

// Delete removes the row of k.
func (r *Rows[K, V]) Delete(k K) { r.store.Delete(k) }

// Store is the store itself.
func (r *Rows[K, V]) Store() *state.MapStore[K, Timed[V]] { return r.store }

// timeWidth is the length of the time before a value.
const timeWidth = 8

type timedCodec[V any] struct{ value codec.Codec[V] }

// TimedCodec puts eight bytes before what value writes: the time, big-endian.
func TimedCodec[V any](value codec.Codec[V]) codec.Codec[Timed[V]] { return timedCodec[V]{value} }

func (c timedCodec[V]) Append(dst []byte, v Timed[V]) ([]byte, error) {
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(v.Time)), v.Value)
}

func (c timedCodec[V]) Decode(src []byte) (v Timed[V], err error) {
	if len(src) < timeWidth {
		return v, fmt.Errorf("a row of %d bytes has no time before its value", len(src))
	}
	v.Time = int64(binary.BigEndian.Uint64(src))
	v.Value, err = c.value.Decode(src[timeWidth:])
	return v, err
}
