// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// dropLate is the reason for which updates are dropped that are older than a versioned table's history.
const dropLate = "late"

// VersionedTableFrom is TableFrom by time instead of by arrival: each record is the row of its key from its event time
// on, until that of the next one, whichever came first. The newest version stays for good; older ones can be read, by
// JoinTable and by an operator of your own (Table.OpenAsOf), and still be written, as far back as history, counted from
// the latest event time in the task's partition. Updates that are older are dropped and counted.
//
// The topic must not be compacted within the history (min.compaction.lag.ms): that would take old versions away, which
// the start warns of. Its records should be in the order of their
// times: a task takes the older of two records first, so one that holds from a future time on waits until the other
// inputs come there, and those behind it in the partition with it.
//
// A null value deletes from its time on, a record of the same time replaces. Updates that come out of order are marked
// as such (Change.OutOfOrder): ToStream gives them, aggregations and joins of tables pass them over.
//
//	history: 10ms
//	in:  a x @5    a z @12   a y @9    a ∅ @11   a w @1
//	row: x [5,∞)   z [12,∞)  y [9,12)  y [9,11)  (late)
func VersionedTableFrom[K comparable, V any](t *Topology, topic Topic[K, V], history time.Duration) Table[K, V] {
	topic.NullValues = true
	in := from(t, topic, "table from")
	if in.out != nil {
		in.out.node.History = history.Milliseconds()
	}
	return versionedTableOf(NewOp(in.t, "versioned table", topic.Name), topic.Name, in, topic.Value, history)
}

// VersionedTableOf is TableOf by time: what VersionedTableFrom and operators.ToVersionedTable are made of.
func VersionedTableOf[K comparable, V any](kind, name string, in Stream[K, V], value codec.Codec[V],
	history time.Duration) Table[K, V] {
	o := NewOp(in.t, kind, name)
	checkTable(o, name, value)
	return versionedTableOf(o, name, in, value, history)
}

func versionedTableOf[K comparable, V any](o *Op, name string, in Stream[K, V], value codec.Codec[V],
	history time.Duration) Table[K, V] {
	if history < 0 || history%time.Millisecond != 0 {
		o.Mistake("history is %v; give a whole number of milliseconds, at least 0", history)
	}
	open := PerTask(o, func(t *Task) versions[K, V] {
		return versions[K, V]{store: state.Versioned[K, V]{
			Name: name, Key: in.key, Value: value, History: history.Milliseconds(),
		}.Open(t)}
	})
	out := Out(o, in, in.key, codec.Codec[Change[V]](nil))
	In(o, in, func(t *Task) Next[K, V] {
		k := versionKeeper[K, V]{task: t, label: o.Label(), store: open(t).store, out: out.Open(t)}
		return k.update
	})
	return NewVersionedTable(out.Stream, value, history, func(t *Task) AsOf[K, V] { return open(t) })
}

// AsOf reads the rows of a versioned table inside a task.
type AsOf[K comparable, V any] interface {
	Reader[K, V] // of the newest version

	// GetAsOf gives the row of k that held at time at, in milliseconds, and since when. What is older than the table's
	// history is absent, except for the newest version, which holds from its time on however long ago that was.
	GetAsOf(k K, at int64) (v V, since int64, ok bool)
}

// NewVersionedTable is NewTable for rows that can be read as they were, as far back as history. open is called once for
// each reader and task: PerTask makes it give the same.
func NewVersionedTable[K comparable, V any](changes Stream[K, Change[V]], value codec.Codec[V], history time.Duration,
	open func(*Task) AsOf[K, V]) Table[K, V] {
	return Table[K, V]{
		changes: changes, value: value, history: history, asOf: open,
		open: func(t *Task) Reader[K, V] { return open(t) },
	}
}

// Versioned says whether the table keeps its past, and how much of it.
func (t Table[K, V]) Versioned() (history time.Duration, ok bool) { return t.history, t.asOf != nil }

// OpenAsOf is Open for a versioned table; nil when the table is not.
func (t Table[K, V]) OpenAsOf(task *Task) AsOf[K, V] {
	if t.asOf == nil {
		return nil
	}
	return t.asOf(task)
}

// versions implements AsOf.
type versions[K comparable, V any] struct{ store *state.VersionedStore[K, V] }

func (r versions[K, V]) Get(k K) (v V, at int64, ok bool) { return r.store.Get(k) }

func (r versions[K, V]) GetAsOf(k K, at int64) (v V, since int64, ok bool) {
	v, since, _, ok = r.store.GetAsOf(k, at)
	return v, since, ok
}

// versionKeeper is VersionedTableOf in one task.
type versionKeeper[K comparable, V any] struct {
	task  *Task
	label string
	store *state.VersionedStore[K, V]
	out   Next[K, Change[V]]
	rec   Record[K, Change[V]]
}

func (k *versionKeeper[K, V]) update(r *Record[K, V]) {
	if r.NullKey {
		k.task.Drop(k.label, "null key")
		return
	}
	c := &k.rec
	c.Value.Old, _, _, c.Value.HasOld = k.store.GetAsOf(r.Key, r.Time)
	c.Value.New, c.Value.HasNew = r.Value, !r.NullValue
	var until int64
	var applied bool
	if r.NullValue { // also where nothing is: an older update that comes later holds until here
		until, applied = k.store.Delete(r.Key, r.Time)
	} else {
		until, applied = k.store.Put(r.Key, r.Value, r.Time)
	}
	c.Value.OutOfOrder = until != state.Forever
	switch {
	case !applied:
		k.task.Drop(k.label, dropLate)
	case c.Value.HasNew || c.Value.HasOld:
		c.Key, c.Time, c.Headers = r.Key, r.Time, r.Headers
		k.out(c)
	}
}
