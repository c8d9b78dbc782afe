// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// GroupTable folds the rows of a table into groups: by gives the group of a row from its key and value, and false for
// one that is in none. When a row changes, its old value is removed from its old group, then its new one is added to
// its new group. If that is the same group, it gives one result; if not, two, the old group's first as far as they are
// in one partition. A group that has lost all its rows keeps what the fold has then, such as a count of 0. Updates of a
// versioned table that come out of order change nothing.
//
// The rows pass through a topic called after name, partitioned by groups, each with its old value; results are kept in
// a store called name. The fold needs Remove. The time of a result is the highest that went in, headers are those of
// the row's update.
//
//	table: x a1 @1   y a2 @2   x a5 @3   x b5 @4           y ∅ @5        by: the letter, fold: Sum of the number
//	gives: a 1 @1    a 3 @2    a 7 @3    a 2 @4   b 5 @4   a 0 @5
func GroupTable[K comparable, V any, G comparable, A any](name string, table stream.Table[K, V],
	groups codec.Codec[G], by func(K, V) (G, bool), fold Fold[V, A]) stream.Table[G, A] {
	moved := groupMoves(table, by)
	through := stream.Exchange("group table", derived(name, "groups"), 0, moved, groups,
		func(r *stream.Record[K, move[G, V]]) (G, bool) { return r.Value.group, true })
	o := stream.NewOp(through.Topology(), "group table", name)
	switch err := fold.check(); {
	case err != nil:
		o.Mistake("%w", err)
	case fold.Remove == nil:
		o.Mistake("rows leave their groups, so the fold needs a Remove function")
	case name == "":
		o.Mistake("it needs a name: its results are kept in a store called after it")
	case by == nil:
		o.Mistake("there is no function that gives the group of a row")
	case table.ValueCodec() == nil:
		o.Mistake("%w", errNoTableCodec)
	}
	rows := stream.PerTask(o, func(t *stream.Task) *stream.Rows[G, A] {
		return stream.OpenRows(t, name, groups, fold.Codec)
	})
	out := stream.Out(o, through, groups, codec.Codec[stream.Change[A]](nil))
	stream.In(o, through, func(t *stream.Task) stream.Next[G, move[G, V]] {
		g := grouping[G, V, A]{newAccumulators(t, o, fold, rows(t), out)}
		return g.update
	})
	return stream.NewStoredTable(out.Stream, fold.Codec, rows)
}

// move is what an update of a row does to one group.
type move[G comparable, V any] struct {
	group          G // not encoded: it is the key behind the topic
	old, new       V
	hasOld, hasNew bool
}

// groupMoves is the table's updates as moves, under the rows' keys.
func groupMoves[K comparable, V any, G comparable](table stream.Table[K, V],
	by func(K, V) (G, bool)) stream.Stream[K, move[G, V]] {
	in := table.Changes()
	o := stream.NewOp(in.Topology(), "group rows", "")
	type next = stream.Next[K, move[G, V]]
	return stream.Attach(o, in, codec.Codec[move[G, V]](moveCodec[G, V]{table.ValueCodec()}),
		func(t *stream.Task, out next) stream.Next[K, stream.Change[V]] {
			var rec stream.Record[K, move[G, V]]
			return func(r *stream.Record[K, stream.Change[V]]) {
				c := &r.Value
				if c.OutOfOrder {
					return
				}
				var from, to G
				var leaves, enters bool
				if c.HasOld {
					from, leaves = by(r.Key, c.Old)
				}
				if c.HasNew {
					to, enters = by(r.Key, c.New)
				}
				retype(&rec, r)
				if leaves {
					rec.Value = move[G, V]{group: from, old: c.Old, hasOld: true}
					if enters && from == to {
						rec.Value.new, rec.Value.hasNew, enters = c.New, true, false
					}
					if out(&rec); t.Failed() {
						return
					}
				}
				if enters {
					rec.Value = move[G, V]{group: to, new: c.New, hasNew: true}
					out(&rec)
				}
			}
		})
}

// grouping is GroupTable in one task, behind the topic.
type grouping[G comparable, V, A any] struct {
	accumulators[G, V, A]
}

func (g *grouping[G, V, A]) update(r *stream.Record[G, move[G, V]]) {
	var remove, add *V
	if m := &r.Value; m.hasOld {
		remove = &m.old
	}
	if m := &r.Value; m.hasNew {
		add = &m.new
	}
	g.accumulators.update(r.Key, remove, add, r.Time, r.Headers)
}

// moveCodec writes a byte of flags (1 old, 2 new), with both the length of the old value, then the values.
type moveCodec[G comparable, V any] struct{ value codec.Codec[V] }

const (
	moveOld = 1
	moveNew = 2
)

func (c moveCodec[G, V]) Append(dst []byte, m move[G, V]) (_ []byte, err error) {
	switch {
	case m.hasOld && m.hasNew:
		if dst, err = appendSized(append(dst, moveOld|moveNew), c.value, m.old); err != nil {
			return dst, err
		}
		return c.value.Append(dst, m.new)
	case m.hasOld:
		return c.value.Append(append(dst, moveOld), m.old)
	}
	return c.value.Append(append(dst, moveNew), m.new)
}

func (c moveCodec[G, V]) Decode(src []byte) (m move[G, V], err error) {
	if len(src) == 0 || src[0] == 0 || src[0] > moveOld|moveNew {
		return m, errors.New("it is no update of a grouped row")
	}
	m.hasOld, m.hasNew = src[0]&moveOld != 0, src[0]&moveNew != 0
	rest := src[1:]
	if m.hasOld && m.hasNew {
		if m.old, rest, err = takeSized(rest, c.value); err != nil {
			return m, err
		}
	} else if m.hasOld {
		m.old, err = c.value.Decode(rest)
		return m, err
	}
	m.new, err = c.value.Decode(rest)
	return m, err
}
