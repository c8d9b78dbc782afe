// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"reflect"

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
	return aggregate("aggregate", name, in, fold)
}

func aggregate[K comparable, V, A any](
	kind, name string, in stream.Stream[K, V], fold Fold[V, A],
) stream.Table[K, A] {
	o := stream.NewOp(in.Topology(), kind, name)
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
		agg := aggregation[K, V, A]{newAccumulators(t, o, fold, rows(t), out)}
		return agg.add
	})
	return stream.NewStoredTable(out.Stream, fold.Codec, rows)
}

// aggregation is Aggregate in one task.
type aggregation[K comparable, V, A any] struct {
	accumulators[K, V, A]
}

func (g *aggregation[K, V, A]) add(r *stream.Record[K, V]) {
	if r.NullKey || r.NullValue {
		g.task.Drop(g.label, nullReason(r.NullKey))
		return
	}
	g.update(r.Key, nil, &r.Value, r.Time, r.Headers)
}

// accumulators are the rows of an aggregation in one task.
type accumulators[K comparable, V, A any] struct {
	task   *stream.Task
	label  string
	fold   Fold[V, A]
	rows   *stream.Rows[K, A]
	copied func(A) A // gives an accumulator that the fold may change in place; nil where it may change all
	out    stream.Next[K, stream.Change[A]]
	rec    stream.Record[K, stream.Change[A]]
}

func newAccumulators[K comparable, V, A any](t *stream.Task, o *stream.Op, fold Fold[V, A], rows *stream.Rows[K, A],
	out stream.Outlet[K, stream.Change[A]]) accumulators[K, V, A] {
	g := accumulators[K, V, A]{task: t, label: o.Label(), fold: fold, rows: rows, out: out.Open(t)}
	if out.Kept() && !immutable(reflect.TypeFor[A]()) {
		g.copied = copier(fold.Codec, immutable, func(err error) { t.Fail(g.label, err) })
	}
	return g
}

// update takes remove out of the row of k and adds add to it, where they are not nil. The row of a first value is made;
// from one that does not exist nothing is removed.
func (g *accumulators[K, V, A]) update(k K, remove, add *V, at int64, headers []stream.Header) {
	if add == nil && !g.rows.Store().Has(k) {
		return
	}
	row, had := g.rows.Store().Upsert(k)
	c := &g.rec.Value
	c.Old, c.HasOld = row.Value, had
	if had {
		acc := row.Value
		if g.copied != nil {
			if acc = g.copied(acc); g.task.Failed() {
				return
			}
		}
		if remove != nil {
			acc = g.fold.Remove(acc, *remove)
		}
		if add != nil {
			acc = g.fold.Add(acc, *add)
		}
		row.Value, row.Time = acc, max(row.Time, at)
	} else {
		row.Value, row.Time = g.first(k, *add), at
	}
	c.New, c.HasNew = row.Value, true
	g.rec.Key, g.rec.Time, g.rec.Headers = k, row.Time, headers
	g.out(&g.rec)
}

// first is the accumulator of a key's first value. When a function of the fold panics, the row that was made for it
// goes.
func (g *accumulators[K, V, A]) first(k K, v V) A {
	done := false
	defer func() {
		if !done {
			g.rows.Delete(k)
		}
	}()
	acc := g.fold.Add(g.fold.init(), v)
	done = true
	return acc
}

func nullReason(key bool) string {
	if key {
		return dropNullKey
	}
	return dropNullValue
}
