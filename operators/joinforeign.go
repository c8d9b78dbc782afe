// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// JoinForeign joins each row of left with the row of right that it names: key gives that row's key, the foreign key,
// from key and value of the left row, and false for a row that names none. It is the table of f of both, under the left
// keys. An update of a left row, also of the row that it names, gives an update of the result; an update of a right row
// one for each left row that names it, in the order of the left keys' bytes as far as they are in one partition. A
// result is deleted with either of its rows, and when its left row names another that does not exist. Left rows without
// a foreign key are dropped and counted.
//
//	left:  x a1 @1          y a2 @4              x b3 @6   y ∅ @8       key: the letter
//	right:          a A @3            a AA @5
//	gives:          x a1A   y a2A @4  x a1AA @5  x ∅ @6    y ∅ @8
//	                     @3           y a2AA @5
//
// The two tables may have different numbers of partitions. A left row's subscription travels to the partition of its
// foreign key, through a topic called after name with "-subscriptions", and is kept there, in a store named so with
// "-subscribers"; the right row travels back through one with "-answers". What was joined last is kept in a store
// called name. An answer that is overtaken, because the left row has changed since it was asked for, is dropped: the
// answer to the newer question follows.
//
// A result that a left row triggered has the later of both rows' times, one that a right row triggered has the right
// record's; headers are the triggering record's. Updates of versioned tables that come out of order change nothing. f
// must depend on its arguments alone. The codecs of both tables must be known (stream.EncodeTable).
func JoinForeign[K comparable, V any, FK comparable, W, R any](name string, left stream.Table[K, V],
	right stream.Table[FK, W], key func(K, V) (FK, bool), f func(V, W) R) stream.Table[K, R] {
	j := foreignJoin[K, V, FK, W, R]{kind: "join foreign", name: name, left: left, right: right, key: key}
	if f != nil {
		j.f = func(v V, w W, _ bool) R { return f(v, w) }
	}
	return j.build()
}

// LeftJoinForeign is JoinForeign that has a result for each row of left: f gets ok false and the zero row where there
// is no foreign key, at once, or no such row.
//
//	left:  x a1 @1   y - @2           x b3 @6   x ∅ @7
//	right:                   a A @3
//	gives: x a1 @1   y - @2  x a1A @3 x b3 @6   x ∅ @7
func LeftJoinForeign[K comparable, V any, FK comparable, W, R any](name string, left stream.Table[K, V],
	right stream.Table[FK, W], key func(K, V) (FK, bool), f func(v V, w W, ok bool) R) stream.Table[K, R] {
	j := foreignJoin[K, V, FK, W, R]{
		kind: "left join foreign", name: name, left: left, right: right, key: key, f: f, keepsLeft: true,
	}
	return j.build()
}

// foreignJoin is what a foreign key join is made of.
//
//	left table ──▶ foreignLeft ═ subscriptions ═▶ foreignRight ═ answers ═▶ foreignResult ──▶ result
//	                    │                              ▲                         ▲
//	                    │ no other row is needed       └── right table           │
//	                    └────────────────────────────────────────────────────────┘
type foreignJoin[K comparable, V any, FK comparable, W, R any] struct {
	kind, name string
	left       stream.Table[K, V]
	right      stream.Table[FK, W]
	key        func(K, V) (FK, bool)
	f          func(V, W, bool) R
	keepsLeft  bool
}

func (j *foreignJoin[K, V, FK, W, R]) build() stream.Table[K, R] {
	a, b := j.left.Changes(), j.right.Changes()
	o := stream.NewOp(a.Topology(), j.kind, j.name)
	j.check(o)
	rows := stream.PerTask(o, func(t *stream.Task) *state.MapStore[K, joinedRow[V, W]] {
		return state.Map[K, joinedRow[V, W]]{
			Name: j.name, Key: a.KeyCodec(), Value: joinedRowCodec[V, W]{j.left.ValueCodec(), j.right.ValueCodec()},
		}.Open(t)
	})
	asks := stream.Out(o, a, a.KeyCodec(), codec.Codec[subscription[K, FK]](subscriptionCodec[K, FK]{a.KeyCodec()}))
	alone := stream.Out(o, a, a.KeyCodec(), codec.Codec[stream.Change[R]](nil))
	stream.In(o, a, func(t *stream.Task) stream.Next[K, stream.Change[V]] {
		l := &foreignLeft[K, V, FK, W, R]{
			foreignJoin: j, task: t, label: o.Label(), rows: rows(t), asks: asks.Open(t), out: alone.Open(t),
		}
		return l.changed
	})
	answers := j.buildRight(stream.Exchange(j.kind, derived(j.name, "subscriptions"), 0, asks.Stream, b.KeyCodec(),
		func(r *stream.Record[K, subscription[K, FK]]) (FK, bool) { return r.Value.foreign, true }))
	return j.buildResult(alone.Stream, answers, rows)
}

func (j *foreignJoin[K, V, FK, W, R]) check(o *stream.Op) {
	switch {
	case j.name == "":
		o.Mistake("it needs a name: its topics and stores are called after it")
	case j.key == nil:
		o.Mistake("there is no function that gives a row's foreign key")
	case j.f == nil:
		o.Mistake("there is no function that makes the results")
	case j.left.ValueCodec() == nil:
		o.Mistake("left: %w", errNoTableCodec)
	case j.right.ValueCodec() == nil:
		o.Mistake("right: %w", errNoTableCodec)
	}
}

// buildRight is the operator beside the right table. It gives the answers to the subscriptions.
func (j *foreignJoin[K, V, FK, W, R]) buildRight(
	asks stream.Stream[FK, subscription[K, FK]]) stream.Stream[FK, answer[K, W]] {
	keys, b := j.left.Changes().KeyCodec(), j.right.Changes()
	o := stream.NewOp(b.Topology(), j.kind, "")
	o.Match()
	links := linkCodec[FK, K]{b.KeyCodec(), keys}
	out := stream.Out(o, b, b.KeyCodec(), codec.Codec[answer[K, W]](answerCodec[K, W]{j.right.ValueCodec()}))
	shared := stream.PerTask(o, func(t *stream.Task) *foreignRight[K, FK, W] {
		r := &foreignRight[K, FK, W]{task: t, label: j.kind, links: links, rows: j.right.Open(t), out: out.Open(t)}
		r.subscribers = state.Map[link[FK, K], uint64]{
			Name: derived(j.name, "subscribers"), Key: links, Value: codec.Uint64,
		}.Open(t)
		r.fan = r.tell
		return r
	})
	stream.In(o, asks, func(t *stream.Task) stream.Next[FK, subscription[K, FK]] { return shared(t).subscribe })
	stream.In(o, b, func(t *stream.Task) stream.Next[FK, stream.Change[W]] { return shared(t).changed })
	return out.Stream
}

// buildResult is the operator that takes the answers, beside the left table.
func (j *foreignJoin[K, V, FK, W, R]) buildResult(alone stream.Stream[K, stream.Change[R]],
	answers stream.Stream[FK, answer[K, W]],
	rows func(*stream.Task) *state.MapStore[K, joinedRow[V, W]]) stream.Table[K, R] {
	keys := j.left.Changes().KeyCodec()
	back := stream.Exchange(j.kind, derived(j.name, "answers"), 0, answers, keys,
		func(r *stream.Record[FK, answer[K, W]]) (K, bool) { return r.Value.left, true })
	o := stream.NewOp(back.Topology(), j.kind, "")
	o.Match()
	out := stream.Out(o, j.left.Changes(), keys, codec.Codec[stream.Change[R]](nil))
	stream.In(o, alone, out.Open)
	stream.Reads(o, j.left)
	stream.In(o, back, func(t *stream.Task) stream.Next[K, answer[K, W]] {
		x := &foreignResult[K, V, FK, W, R]{foreignJoin: j, rows: rows(t), left: j.left.Open(t), out: out.Open(t)}
		return x.answered
	})
	return stream.NewTable(out.Stream, nil, func(t *stream.Task) stream.Reader[K, R] {
		return &foreignReader[K, V, FK, W, R]{j, rows(t)}
	})
}
