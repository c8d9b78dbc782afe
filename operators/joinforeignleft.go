// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// dropNoForeignKey is the reason for which rows are dropped that name no row of the right table.
const dropNoForeignKey = "no foreign key"

// joinedRow is what the left side of a foreign key join knows of a left row.
//
//  1. version is that of the left row as it is now: the only one whose answers count.
//  2. With sent, the result that was sent last is f of value, right and matched, at time at.
type joinedRow[V, W any] struct {
	version uint64
	sent    bool
	value   V
	right   W
	matched bool  // there is a right row
	rightAt int64 // its time
	at      int64
}

// subscription is a left row's question for a right row, or with leave, that it has no more. It travels under the left
// key, and from the topic on under the foreign one.
type subscription[K, FK any] struct {
	foreign FK // not encoded: it is the key behind the topic
	left    K
	version uint64
	leave   bool
	always  bool // it wants an answer now, even if there is no such row
}

// change is the change from the row's last result to the next one, which becomes its last.
func (j *foreignJoin[K, V, FK, W, R]) change(c *stream.Change[R], row *joinedRow[V, W], next *joinedRow[V, W]) {
	*c = stream.Change[R]{HasOld: row.sent, HasNew: next.sent}
	if row.sent {
		c.Old = j.f(row.value, row.right, row.matched)
	}
	if next.sent {
		c.New = j.f(next.value, next.right, next.matched)
	}
}

// foreignLeft is the left side in one task: it turns updates of left rows into subscriptions.
type foreignLeft[K comparable, V any, FK comparable, W, R any] struct {
	*foreignJoin[K, V, FK, W, R]
	task  *stream.Task
	label string
	rows  *state.MapStore[K, joinedRow[V, W]]
	asks  stream.Next[K, subscription[K, FK]]
	out   stream.Next[K, stream.Change[R]]
	ask   stream.Record[K, subscription[K, FK]]
	rec   stream.Record[K, stream.Change[R]]
	enc   []byte // scratch
}

func (l *foreignLeft[K, V, FK, W, R]) changed(r *stream.Record[K, stream.Change[V]]) {
	c := &r.Value
	if c.OutOfOrder {
		return
	}
	var from, to FK
	var leaves, enters bool
	if c.HasOld {
		from, leaves = l.key(r.Key, c.Old)
	}
	if c.HasNew {
		to, enters = l.key(r.Key, c.New)
	}
	if leaves && !(enters && from == to) {
		if !l.send(r, subscription[K, FK]{foreign: from, left: r.Key, leave: true}) {
			return
		}
	}
	switch {
	case enters:
		l.enter(r, to)
	case c.HasNew && l.keepsLeft:
		l.settle(r, true)
	default:
		if c.HasNew {
			l.task.Drop(l.label, dropNoForeignKey)
		}
		l.settle(r, false)
	}
}

// enter asks for the right row. The result stays what it is until the answer comes.
func (l *foreignLeft[K, V, FK, W, R]) enter(r *stream.Record[K, stream.Change[V]], to FK) {
	version, ok := l.version(r)
	if !ok {
		return
	}
	row, _ := l.rows.Upsert(r.Key)
	row.version = version
	l.send(r, subscription[K, FK]{foreign: to, left: r.Key, version: version, always: row.sent || l.keepsLeft})
}

// settle sends the result of a left row that needs no right one: f of it alone, or none.
func (l *foreignLeft[K, V, FK, W, R]) settle(r *stream.Record[K, stream.Change[V]], stays bool) {
	row, _ := l.rows.Get(r.Key)
	next := joinedRow[V, W]{sent: stays, value: r.Value.New, at: r.Time}
	if stays {
		var ok bool
		if next.version, ok = l.version(r); !ok {
			return
		}
		l.rows.Put(r.Key, next)
	} else {
		l.rows.Delete(r.Key)
	}
	if !row.sent && !stays {
		return
	}
	l.change(&l.rec.Value, &row, &next)
	l.rec.Key, l.rec.Time, l.rec.Headers = r.Key, r.Time, r.Headers
	if !stays {
		l.rec.Time = max(r.Time, row.rightAt)
	}
	l.out(&l.rec)
}

func (l *foreignLeft[K, V, FK, W, R]) send(r *stream.Record[K, stream.Change[V]], s subscription[K, FK]) bool {
	l.ask = stream.Record[K, subscription[K, FK]]{Key: r.Key, Value: s, Time: r.Time, Headers: r.Headers}
	l.asks(&l.ask)
	return !l.task.Failed()
}

// version tells the new row of r from others that its key has, had and will have: a hash of its value and time. Two
// that are alike by chance name the same right row, for they are the same row.
func (l *foreignLeft[K, V, FK, W, R]) version(r *stream.Record[K, stream.Change[V]]) (v uint64, ok bool) {
	enc, err := l.left.ValueCodec().Append(l.enc[:0], r.Value.New)
	if err != nil {
		l.task.Fail(l.label, err)
		return 0, false
	}
	l.enc = binary.BigEndian.AppendUint64(enc, uint64(r.Time))
	return fnv1a(l.enc), true
}

// fnv1a is the 64-bit hash of that name. It is written into topics and stores: it must not change.
func fnv1a(b []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, c := range b {
		h = (h ^ uint64(c)) * prime
	}
	return h
}

// foreignResult makes results of answers, in one task.
type foreignResult[K comparable, V any, FK comparable, W, R any] struct {
	*foreignJoin[K, V, FK, W, R]
	rows *state.MapStore[K, joinedRow[V, W]]
	left stream.Reader[K, V]
	out  stream.Next[K, stream.Change[R]]
	rec  stream.Record[K, stream.Change[R]]
}

func (x *foreignResult[K, V, FK, W, R]) answered(r *stream.Record[K, answer[K, W]]) {
	a := &r.Value
	row, ok := x.rows.Get(r.Key)
	if !ok || row.version != a.version {
		return // overtaken
	}
	value, _, ok := x.left.Get(r.Key)
	if !ok {
		return
	}
	next := joinedRow[V, W]{
		version: row.version, sent: a.matched || x.keepsLeft, value: value,
		right: a.right, matched: a.matched, rightAt: a.rightAt, at: r.Time,
	}
	if !row.sent && !next.sent {
		return
	}
	if !next.sent {
		next = joinedRow[V, W]{version: row.version}
	}
	x.change(&x.rec.Value, &row, &next)
	x.rows.Put(r.Key, next)
	x.rec.Key, x.rec.Time, x.rec.Headers = r.Key, r.Time, r.Headers
	x.out(&x.rec)
}

// foreignReader is the rows of the result.
type foreignReader[K comparable, V any, FK comparable, W, R any] struct {
	*foreignJoin[K, V, FK, W, R]
	rows *state.MapStore[K, joinedRow[V, W]]
}

// Get implements stream.Reader.
func (x *foreignReader[K, V, FK, W, R]) Get(k K) (result R, at int64, ok bool) {
	row, _ := x.rows.Get(k)
	if !row.sent {
		return result, 0, false
	}
	return x.f(row.value, row.right, row.matched), row.at, true
}
