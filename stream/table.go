// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"time"

	"github.com/irmak-go/irmak/stream/codec"
)

// Table is the newest value per key: a changelog of rows and a view of them. Keys are partitioned as in a stream.
type Table[K comparable, V any] struct {
	changes Stream[K, Change[V]]
	value   codec.Codec[V]
	open    func(*Task) Reader[K, V]
	rows    func(*Task) *Rows[K, V] // nil for a view without a store
	history time.Duration
	asOf    func(*Task) AsOf[K, V] // nil when the table is not versioned
}

// Reader reads a table's rows inside a task.
type Reader[K comparable, V any] interface {
	// Get gives the row of k and the event time of its last update, in milliseconds.
	Get(k K) (v V, at int64, ok bool)
}

// EncodeTable is the same table with a codec for its values, which operators that write them (GroupTable, JoinForeign,
// Suppress) need. MapTable and the joins of tables give tables without one.
func EncodeTable[K comparable, V any](t Table[K, V], value codec.Codec[V]) Table[K, V] {
	t.value = value
	return t
}

// NewTable makes a table of its changes and of the way to read its rows, which open gives once per task. It is what
// operators that keep a table end with.
func NewTable[K comparable, V any](changes Stream[K, Change[V]], value codec.Codec[V],
	open func(*Task) Reader[K, V]) Table[K, V] {
	return Table[K, V]{changes: changes, value: value, open: open}
}

// NewStoredTable is NewTable for rows that are in a store of the operator's own, which PerTask gives.
func NewStoredTable[K comparable, V any](changes Stream[K, Change[V]], value codec.Codec[V],
	rows func(*Task) *Rows[K, V]) Table[K, V] {
	return Table[K, V]{
		changes: changes, value: value, rows: rows, open: func(t *Task) Reader[K, V] { return rows(t) },
	}
}

// Rows gives the table's store in a task; nil when the table is a view without one, or versioned.
func (t Table[K, V]) Rows() func(*Task) *Rows[K, V] { return t.rows }

// Changes is the table as a stream of its updates.
func (t Table[K, V]) Changes() Stream[K, Change[V]] {
	if t.changes.out != nil {
		t.changes.out.kept = true
	}
	return t.changes
}

// Newest is Changes for who looks at nothing but their New, and only while it is called: an aggregation whose fold
// changes accumulators in place then need not copy them.
func (t Table[K, V]) Newest() Stream[K, Change[V]] { return t.changes }

// Open gives the table's rows as they are in the task. Only an operator that is joined with the table (Op.Match) may
// read it: that is what puts both into the same task.
func (t Table[K, V]) Open(task *Task) Reader[K, V] { return t.open(task) }

// ValueCodec is the codec of the table's values; nil when none is known.
func (t Table[K, V]) ValueCodec() codec.Codec[V] { return t.value }

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
	checkTable(o, name, value)
	return tableOf(o, name, in, value)
}

func checkTable[V any](o *Op, name string, value codec.Codec[V]) {
	switch {
	case name == "":
		o.Mistake("it needs a name: its rows are kept in a store called after it")
	case value == nil:
		o.Mistake("the codec of the values is missing: they are kept in a store")
	}
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
