// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Aggregate folds all values of a key, since ever, into one: a table, kept in a store called name. Each record gives an
// update, whose time is the highest time that went into the row, with the record's headers.
//
// Records without a key or with a null value are dropped and counted.
//
//	in:  a 3 @1   b 5 @2   a 4 @0        fold: Sum
//	out: a 3 @1   b 5 @2   a 7 @1
func Aggregate[K comparable, V, A any](name string, in stream.Stream[K, V], fold Fold[V, A]) stream.Table[K, A] {
	o := stream.NewOp(in.Topology(), "aggregate", name)
	if err := fold.check(); err != nil {
		o.Mistake("%w", err)
	}
	if name == "" {
		o.Mistake("it needs a name: its results are kept in a store called after it")
	}
	rows := stream.PerTask(o, func(t *stream.Task) *stream.Rows[K, A] {
		return stream.OpenRows(t, name, in.KeyCodec(), fold.Codec)
	})
	out := stream.Out(o, in, in.KeyCodec(), codec.Codec[stream.Change[A]](nil))
	stream.In(o, in, func(t *stream.Task) stream.Next[K, V] {
		agg := aggregation[K, V, A]{task: t, label: o.Label(), fold: fold, rows: rows(t), out: out.Open(t)}
		return agg.add
	})
	return stream.NewStoredTable(out.Stream, fold.Codec, rows)
}

// aggregation is Aggregate in one task.
type aggregation[K comparable, V, A any] struct {
	task  *stream.Task
	label string
	fold  Fold[V, A]
	rows  *stream.Rows[K, A]
	out   stream.Next[K, stream.Change[A]]
	rec   stream.Record[K, stream.Change[A]]
}

func (g *aggregation[K, V, A]) add(r *stream.Record[K, V]) {
	if r.NullKey || r.NullValue {
		g.task.Drop(g.label, nullReason(r.NullKey))
		return
	}
	row, had := g.rows.Store().Upsert(r.Key)
	c := &g.rec
	c.Value.HasOld = had
	if had {
		c.Value.Old = row.Value
		row.Value = g.fold.Add(row.Value, r.Value)
		row.Time = max(row.Time, r.Time)
	} else {
		var none A
		c.Value.Old = none
		row.Value = g.first(r)
		row.Time = r.Time
	}
	c.Key, c.Time, c.Headers = r.Key, row.Time, r.Headers
	c.Value.New, c.Value.HasNew = row.Value, true
	g.out(c)
}

// first is the accumulator of a key's first value. When a function of the fold panics, the row that was made for it
// goes.
func (g *aggregation[K, V, A]) first(r *stream.Record[K, V]) A {
	done := false
	defer func() {
		if !done {
			g.rows.Delete(r.Key)
		}
	}()
	acc := g.fold.Add(g.fold.init(), r.Value)
	done = true
	return acc
}

func nullReason(key bool) string {
	if key {
		return dropNullKey
	}
	return dropNullValue
}
