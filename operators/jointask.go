// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// joinTask is a join of streams in one task. ADR 0012 says what is kept, and why.
//
// Owner: the task's goroutine.
//
//  1. Nothing that waits closes before the clock reads next.
//  2. Once settled, what waits is open. Records without a key settle none.
//  3. A record is held only while the backlog is owed.
//  4. One side of a self-join keeps a record: both have the same rows.
type joinTask[K comparable, A, B, R any] struct {
	junction[K, R]
	within window.Within
	left   flow[K, A, B, R]
	right  flow[K, B, A, R]
	both   func(*stream.Record[K, A]) // of a self-join: joins a record as the left one, then the right one

	begun   bool
	settled int64 // the clock as of the last settle
}

// junction is what both sides of a join share: the clock and the way out.
type junction[K comparable, R any] struct {
	task     *stream.Task
	label    string
	disorder int64
	clock    *stream.Clock
	next     int64
	settle   func() bool // does what the clock has come to, or puts it off
	backlog  *stream.Backlog
	out      stream.Next[K, R]
	rec      stream.Record[K, R]
}

// open opens the stores.
func (j *joinTask[K, A, B, R]) open(name string, a stream.Stream[K, A], b stream.Stream[K, B], alone wants,
	f func(a A, hasA bool, b B, hasB bool) R) {
	w, self := j.within, stream.Same(a, b)
	j.next, j.settle = math.MinInt64, j.moved
	failed := func(err error) { j.task.Fail(j.label, err) }
	left := &half[K, A]{bit: 1, keptFor: w.KeptLeft() + j.disorder, copied: copier(a.ValueCodec(), plain, failed)}
	right := &half[K, B]{bit: 2, keptFor: w.KeptRight() + j.disorder, copied: copier(b.ValueCodec(), plain, failed)}
	if self {
		left.keptFor = max(left.keptFor, right.keptFor)
		right.keptFor = left.keptFor
		left.open(j.task, name, a.KeyCodec(), a.ValueCodec())
		right.rows, _ = any(left.rows).(*state.WindowStore[K, copies[B]])
	} else {
		left.open(j.task, name+"-left", a.KeyCodec(), a.ValueCodec())
		right.open(j.task, name+"-right", a.KeyCodec(), b.ValueCodec())
	}
	if alone.left {
		left.openWaiting(j.task, name+"-left-waits", a.KeyCodec(), w.LeftClosesAt(0))
	}
	if alone.right {
		right.openWaiting(j.task, name+"-right-waits", a.KeyCodec(), w.RightClosesAt(0))
	}
	j.left = flow[K, A, B, R]{
		junction: &j.junction, me: left, other: right, reach: w.Rights, closesAt: w.LeftClosesAt, keeps: true, pair: f,
	}
	j.right = flow[K, B, A, R]{
		junction: &j.junction, me: right, other: left, reach: w.Lefts, closesAt: w.RightClosesAt, keeps: !self,
		pair: func(b B, hasB bool, a A, hasA bool) R { return f(a, hasA, b, hasB) },
	}
	j.left.prepare()
	j.right.prepare()
}

// itself is the way into a self-join: a record is the left one, then the right one, which meets it.
func (j *joinTask[K, A, B, R]) itself(convert func(A) B) stream.Next[K, A] {
	var rec stream.Record[K, B]
	again := func(r *stream.Record[K, A]) {
		retype(&rec, r)
		rec.Value = convert(r.Value)
		j.right.record(&rec)
	}
	j.both = func(r *stream.Record[K, A]) {
		if j.left.accept(r); !j.task.Failed() {
			again(r)
		}
	}
	return func(r *stream.Record[K, A]) {
		if j.left.record(r); j.task.Failed() || j.backlog.Owed() || r.NullValue || r.NullKey && j.right.me.waiting == nil {
			return // what is dropped is counted once
		}
		again(r)
	}
}

// moved does what the clock has come to: what closes is sent before the record that moved it is joined and makes
// anything expire.
func (j *joinTask[K, A, B, R]) moved() bool {
	now := j.clock.Now()
	if j.begun && now == j.settled {
		return true
	}
	if now >= j.next && !j.close(now) {
		return false
	}
	if j.backlog.Owed() {
		return true
	}
	j.begun, j.settled = true, now
	return true
}

// close sends what has closed: always the earlier of the two sides' first, of one time the right one. It may put off
// some of it; what has been sent is expired all the same, so that it is not deleted row by row.
func (j *joinTask[K, A, B, R]) close(now int64) bool {
	l, r := j.left.me, j.right.me
	toLeft, toRight := j.within.OldestLeft(now), j.within.OldestRight(now)
	for j.backlog.Begin(); ; {
		a, b := l.first(toLeft), r.first(toRight)
		if a == math.MaxInt64 && b == math.MaxInt64 {
			break
		}
		if !j.backlog.More() {
			l.finish(min(a, toLeft))
			r.finish(min(b, toRight))
			return true
		}
		if a < b && !j.left.unmatched() || a >= b && !j.right.unmatched() {
			return false
		}
	}
	j.next = math.MaxInt64
	if l.finish(toLeft) {
		j.next = j.within.LeftClosesAt(l.least)
	}
	if r.finish(toRight) {
		j.next = min(j.next, j.within.RightClosesAt(r.least))
	}
	return true
}
