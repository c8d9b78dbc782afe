// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// AggregateUntil folds the values of a key, in the order of their arrival, until one of them makes until true: then it
// gives what they add up to, Final, and the key begins anew with its next record. until is asked after each record that
// has been taken in, and must not change what it is given. An order from its first item to its last, with a sum:
//
//	until: the value is 0
//	a 1 @5  →
//	b 2 @7  →
//	a 4 @3  →
//	a 0 @6  → a [3,7) 5 @6 Final
//	a 8 @9  →
//
// No clock closes what has begun, and no record is late. A pane goes from the earliest time in it to the latest, which
// is its own time; it has the headers of the record that ended it. The span is no name for it: two panes of a key may
// have the same. Records without a key or with a null value are dropped and counted. A record for which fold or until
// fails is not taken in.
//
// What has begun is kept in a store called name, one row for each key, and deleted when it ends: a key for which until
// is never true is kept for ever. Ends that come of time are those of [AggregateWindows]; those of a number of records
// [window.Count]; what needs several rows, or timers, is for [Process]. [AggregateTriggered] has more answers than two.
func AggregateUntil[K comparable, V, A any](name string, in stream.Stream[K, V], fold Fold[V, A],
	until func(acc A, r *stream.Record[K, V]) bool) stream.Stream[K, window.Pane[A]] {
	var trigger func(acc A, r *stream.Record[K, V]) Verdict
	if until != nil {
		trigger = func(acc A, r *stream.Record[K, V]) Verdict {
			if until(acc, r) {
				return Finish
			}
			return Wait
		}
	}
	return aggregateTriggered("aggregate until", name, in, fold, trigger)
}

// Verdict is what a trigger of [AggregateTriggered] says about what a key's values add up to.
type Verdict uint8

const (
	// Wait sends nothing, and goes on.
	Wait Verdict = iota
	// Show sends a pane, and goes on.
	Show
	// Finish sends a pane, Final, and deletes what was folded: the key begins anew with its next record.
	Finish
	// Forget deletes what was folded and sends nothing.
	Forget
)

// AggregateTriggered is [AggregateUntil] with a trigger that may also have a pane sent of what goes on, or have it
// forgotten. With a sum:
//
//	trigger: Show above 10, Finish above 100, Forget at a value of 0
//	a 8 @1   →
//	a 8 @2   → a [1,3) 16 @2
//	a 99 @3  → a [1,4) 115 @3 Final
//	a 8 @4   →
//	a 0 @5   →
//	a 12 @6  → a [6,7) 12 @6
func AggregateTriggered[K comparable, V, A any](name string, in stream.Stream[K, V], fold Fold[V, A],
	trigger func(acc A, r *stream.Record[K, V]) Verdict) stream.Stream[K, window.Pane[A]] {
	return aggregateTriggered("aggregate triggered", name, in, fold, trigger)
}

func aggregateTriggered[K comparable, V, A any](kind, name string, in stream.Stream[K, V], fold Fold[V, A],
	trigger func(acc A, r *stream.Record[K, V]) Verdict) stream.Stream[K, window.Pane[A]] {
	o := stream.NewOp(in.Topology(), kind, name)
	if err := fold.check(); err != nil {
		o.Mistake("%w", err)
	}
	switch {
	case name == "":
		o.Mistake("it needs a name: what has begun is kept in a store called after it")
	case trigger == nil:
		o.Mistake("there is no function that says when it is done")
	}
	rows := state.Map[K, spell[A]]{Name: name, Key: in.KeyCodec(), Value: spellCodec[A]{partCodec[A]{value: fold.Codec}}}
	return stream.Attach(o, in, PaneCodec(fold.Codec),
		func(t *stream.Task, out stream.Next[K, window.Pane[A]]) stream.Next[K, V] {
			g := &triggered[K, V, A]{
				task: t, label: o.Label(), fold: fold, trigger: trigger, store: rows.Open(t), out: out,
			}
			return g.record
		})
}

// triggered is AggregateTriggered in one task.
type triggered[K comparable, V, A any] struct {
	task    *stream.Task
	label   string
	fold    Fold[V, A]
	trigger func(acc A, r *stream.Record[K, V]) Verdict
	store   *state.MapStore[K, spell[A]]
	out     stream.Next[K, window.Pane[A]]
	rec     stream.Record[K, window.Pane[A]]
}

// record changes the row when nothing of the user's can fail any more, and before anything is sent.
func (g *triggered[K, V, A]) record(r *stream.Record[K, V]) {
	if r.NullKey || r.NullValue {
		g.task.Drop(g.label, nullReason(r.NullKey))
		return
	}
	row, had := g.store.Get(r.Key)
	row = row.with(g.fold.plus(row.Value, had, r.Value), r.Time)
	verdict := g.trigger(row.Value, r)
	switch verdict {
	case Wait, Show:
		g.store.Put(r.Key, row)
	case Finish, Forget:
		g.store.Delete(r.Key)
	default:
		g.task.Fail(g.label, fmt.Errorf("the trigger says %d; it must be Wait, Show, Finish or Forget", verdict))
		return
	}
	if verdict == Show || verdict == Finish {
		g.rec = stream.Record[K, window.Pane[A]]{Key: r.Key, Time: row.Time, Headers: r.Headers, Value: window.Pane[A]{
			Span: row.span(), Value: row.Value, Final: verdict == Finish,
		}}
		g.out(&g.rec)
	}
}
