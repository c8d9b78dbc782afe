// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// JoinTables is the table of f of the two rows of each key that has one on both sides. Every update of either side
// gives an update of the result; a row that one side loses is deleted, if it was there. It is a view without a store:
// its rows are made anew each time they are read, so f must depend on its arguments alone.
//
// The time of a result is the later one of its two rows, where one is deleted that of the delete; headers are those of
// the record that caused it. When the two sides come of one table, an update of that gives one update of the result,
// with both sides new: never a result of one side's new row and the other's old one. Of versioned tables the newest
// rows are joined; out-of-order updates change nothing.
//
// The codec of the results is not known: stream.EncodeTable names it.
//
//	left:  a 1 @1                    a 2 @4            a ∅ @6
//	right:          a x @3                    a y @2             a ∅ @7
//	gives:          a 1x @3   a 2x @4         a 2y @4   a ∅ @6
func JoinTables[K comparable, L, R, T any](left stream.Table[K, L], right stream.Table[K, R],
	f func(L, R) T) stream.Table[K, T] {
	return joinTables("join tables", left, right, true, true, f == nil,
		func(l L, _ bool, r R, _ bool) T { return f(l, r) })
}

// LeftJoinTables is JoinTables that has a row for each one of left: f gets ok false and the zero row for a key that
// right does not have. The time is then that of the left row, or when it is the right row's delete that gives the
// result, not earlier than that.
//
//	left:  a 1 @1            a ∅ @4
//	right:          a x @3            a ∅ @7
//	gives: a 1- @1  a 1x @3  a ∅ @4
func LeftJoinTables[K comparable, L, R, T any](left stream.Table[K, L], right stream.Table[K, R],
	f func(l L, r R, ok bool) T) stream.Table[K, T] {
	return joinTables("left join tables", left, right, true, false, f == nil,
		func(l L, _ bool, r R, ok bool) T { return f(l, r, ok) })
}

// OuterJoinTables is JoinTables that has a row for each key that any side has: f is told which.
//
//	left:  a 1 @1             a ∅ @4
//	right:          a x @3             a ∅ @7
//	gives: a 1- @1  a 1x @3   a -x @4  a ∅ @7
func OuterJoinTables[K comparable, L, R, T any](left stream.Table[K, L], right stream.Table[K, R],
	f func(l L, hasLeft bool, r R, hasRight bool) T) stream.Table[K, T] {
	return joinTables("outer join tables", left, right, false, false, f == nil, f)
}

func joinTables[K comparable, L, R, T any](kind string, left stream.Table[K, L], right stream.Table[K, R],
	needLeft, needRight, nothing bool, f func(L, bool, R, bool) T) stream.Table[K, T] {
	a, b := left.Changes(), right.Changes()
	o := stream.NewOp(a.Topology(), kind, "")
	o.Match()
	if nothing {
		o.Mistake("there is no function that makes the results")
	}
	out := stream.Out(o, stream.Joined(a, b), a.KeyCodec(), codec.Codec[stream.Change[T]](nil))
	rule := joinRule[L, R, T]{needLeft, needRight, f}
	meet := stream.Meet(a, b)
	join := stream.PerTask(o, func(t *stream.Task) *tableJoin[K, L, R, T] {
		j := &tableJoin[K, L, R, T]{joinRule: rule, task: t, left: left.Open(t), right: right.Open(t), out: out.Open(t)}
		if meet {
			j.meeting = &meeting[K, L, R]{at: map[K]int{}, ask: t.AfterRecord(j.settle)}
		}
		return j
	})
	stream.In(o, a, func(t *stream.Task) stream.Next[K, stream.Change[L]] {
		if meet {
			return join(t).holdLeft
		}
		return join(t).leftChanged
	})
	stream.In(o, b, func(t *stream.Task) stream.Next[K, stream.Change[R]] {
		if meet {
			return join(t).holdRight
		}
		return join(t).rightChanged
	})
	return stream.NewTable(out.Stream, nil, func(t *stream.Task) stream.Reader[K, T] {
		return &joinReader[K, L, R, T]{rule, left.Open(t), right.Open(t)}
	})
}

// joinRule says which rows a join has.
type joinRule[L, R, T any] struct {
	needLeft, needRight bool
	f                   func(L, bool, R, bool) T
}

func (j *joinRule[L, R, T]) row(l L, hasLeft bool, r R, hasRight bool) (t T, ok bool) {
	if !hasLeft && (j.needLeft || !hasRight) || !hasRight && j.needRight {
		return t, false
	}
	return j.f(l, hasLeft, r, hasRight), true
}

// joinReader is the rows of a join.
type joinReader[K comparable, L, R, T any] struct {
	joinRule[L, R, T]
	left  stream.Reader[K, L]
	right stream.Reader[K, R]
}

// Get implements stream.Reader.
func (j *joinReader[K, L, R, T]) Get(k K) (t T, at int64, ok bool) {
	l, leftAt, hasLeft := rowOf(j.left, k)
	if !hasLeft && j.needLeft {
		return t, 0, false
	}
	r, rightAt, hasRight := rowOf(j.right, k)
	if t, ok = j.row(l, hasLeft, r, hasRight); !ok {
		return t, 0, false
	}
	return t, max(leftAt, rightAt), true
}

// rowOf is the row of k; one that is not there has time 0, which no other time is before.
func rowOf[K comparable, V any](rows stream.Reader[K, V], k K) (v V, at int64, ok bool) {
	if v, at, ok = rows.Get(k); !ok {
		at = 0
	}
	return v, at, ok
}

// tableJoin is a join of two tables in one task.
type tableJoin[K comparable, L, R, T any] struct {
	joinRule[L, R, T]
	task  *stream.Task
	left  stream.Reader[K, L]
	right stream.Reader[K, R]
	out   stream.Next[K, stream.Change[T]]
	rec   stream.Record[K, stream.Change[T]]
	*meeting[K, L, R]
}

func (j *tableJoin[K, L, R, T]) leftChanged(r *stream.Record[K, stream.Change[L]]) {
	if r.Value.OutOfOrder {
		return
	}
	right, at, ok := rowOf(j.right, r.Key)
	c := &j.rec.Value
	c.Old, c.HasOld = j.row(r.Value.Old, r.Value.HasOld, right, ok)
	c.New, c.HasNew = j.row(r.Value.New, r.Value.HasNew, right, ok)
	j.send(r.Key, max(r.Time, at), r.Headers)
}

func (j *tableJoin[K, L, R, T]) rightChanged(r *stream.Record[K, stream.Change[R]]) {
	if r.Value.OutOfOrder {
		return
	}
	left, at, ok := rowOf(j.left, r.Key)
	c := &j.rec.Value
	c.Old, c.HasOld = j.row(left, ok, r.Value.Old, r.Value.HasOld)
	c.New, c.HasNew = j.row(left, ok, r.Value.New, r.Value.HasNew)
	j.send(r.Key, max(r.Time, at), r.Headers)
}

// send sends the change in rec, unless there was no row and is none.
func (j *tableJoin[K, L, R, T]) send(k K, at int64, headers []stream.Header) {
	if !j.rec.Value.HasOld && !j.rec.Value.HasNew {
		return
	}
	j.rec.Key, j.rec.Time, j.rec.Headers = k, at, headers
	j.out(&j.rec)
}
