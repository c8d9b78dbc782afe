// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// JoinTableGrace is JoinTable that gives the table's updates time to come: each record waits until the clock of the
// stream's side (the highest event time of its records, less their Disorder) has reached its time and grace, and is
// joined then with the row as of its time. So records come in the order of time, those of one time in the order of
// arrival, whatever their keys. A record for which the clock is that far already is joined at once, and makes no other
// come.
//
//	grace: 5ms
//	table: a=1 @1             a=2 @10
//	in:            a x @12              a y @11   a z @17          a w @12
//	out:                                          a (y,2) @11
//	                                              a (x,2) @12      a (w,2) @12
//
// The table must be versioned, with a history of at least grace. What waits is kept in a store called name, headers
// included, and survives restarts; values are written with the stream's codec. Records without a key or with a null
// value are dropped and counted; they move the clock but do not make others come.
func JoinTableGrace[K comparable, V, T, R any](name string, in stream.Stream[K, V], table stream.Table[K, T],
	grace time.Duration, f func(v V, row T) R) stream.Stream[K, R] {
	return joinTableGrace("join table", name, in, table, grace, true, func(v V, row T, _ bool) R { return f(v, row) })
}

// LeftJoinTableGrace is JoinTableGrace that keeps records whose key has no row as of their time: f gets ok false and
// the zero row for them. So it does for records that have no key; they come at once.
//
//	grace: 5ms
//	table:                     a=1 @10
//	in:     a x @8   a y @12             b z @17
//	out:                                 a (x,∅) @8
//	                                     a (y,1) @12
func LeftJoinTableGrace[K comparable, V, T, R any](name string, in stream.Stream[K, V], table stream.Table[K, T],
	grace time.Duration, f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	return joinTableGrace("left join table", name, in, table, grace, false, f)
}

func joinTableGrace[K comparable, V, T, R any](kind, name string, in stream.Stream[K, V], table stream.Table[K, T],
	grace time.Duration, inner bool, f func(v V, row T, ok bool) R) stream.Stream[K, R] {
	o := stream.NewOp(in.Topology(), kind, name) // the clock asks for a name
	o.Match()
	stream.Reads(o, table)
	history, versioned := table.Versioned()
	switch {
	case in.Topology() == nil:
	case in.ValueCodec() == nil:
		o.Mistake("%w: they wait in a store", errNoCodec)
	case grace < 0 || grace%time.Millisecond != 0:
		o.Mistake("grace is %v; give a whole number of milliseconds, at least 0", grace)
	case !versioned:
		o.Mistake("with grace the table is read as it was, so it must be versioned: make it with "+
			"stream.VersionedTableFrom or operators.ToVersionedTable and a history of at least %v", grace)
	case history < grace:
		o.Mistake("the table keeps a history of %v, less than the grace of %v: rows would be gone when they are read; "+
			"give it a longer one", history, grace)
	}
	joined := stream.Attach(o, in, nil, func(t *stream.Task, out stream.Next[K, R]) stream.Next[K, V] {
		g := &graceTask[K, V, T, R]{
			task: t, label: o.Label(), inner: inner, grace: grace.Milliseconds(), disorder: in.Disorder(),
			f: f, out: out, rows: table.OpenAsOf(t),
		}
		g.backlog = t.Backlog(func() { g.moved() })
		g.sendJoined = g.joinWaiting
		g.release = g.releaseRow
		g.clock = t.Clock(in.Idle(), func() { g.moved() })
		g.waiting = state.Window[uint64, waitingRecord[K, V]]{
			Name: name, Key: codec.Uint64, Value: waitingCodec[K, V]{in.KeyCodec(), in.ValueCodec()},
			Segment: 1, Retention: g.grace + g.disorder + 1,
		}.Open(t)
		return g.record
	})
	return stream.HeldBack(joined, grace)
}

// graceTask is a join with grace in one task.
//
// Owner: the task's goroutine.
//
//  1. What waits is in waiting, under its time and the number of its arrival: in the order in which it will come.
//  2. Nothing waits at a time before least, and nothing whose time and grace the clock had reached at the last release.
type graceTask[K comparable, V, T, R any] struct {
	task            *stream.Task
	label           string
	inner           bool
	grace, disorder int64
	f               func(v V, row T, ok bool) R
	out             stream.Next[K, R]
	rows            stream.AsOf[K, T]
	clock           *stream.Clock

	waiting    *state.WindowStore[uint64, waitingRecord[K, V]]
	begun      bool
	arrived    uint64 // the number of the next record to arrive
	least      int64
	to         int64 // at the release at work: what is before it comes
	backlog    *stream.Backlog
	sent       instalment
	release    func(at int64, number uint64, w *waitingRecord[K, V]) bool
	stopped    bool
	in         stream.Record[K, V] // what sendJoined joins, with these headers
	headers    []byte
	sendJoined func()
	rec        stream.Record[K, R]
}

// record takes one record of the stream.
func (g *graceTask[K, V, T, R]) record(r *stream.Record[K, V]) {
	g.backlog.Finish()
	g.clock.Advance(r.Time - g.disorder)
	switch {
	case r.NullValue || r.NullKey && g.inner:
		g.task.Drop(g.label, nullReason(!r.NullValue))
	case r.NullKey:
		g.join(r)
	case r.Time <= g.clock.Now()-g.grace: // it cannot have moved the clock
		g.join(r)
	case !g.moved():
	default: // what moved has put off is older, and comes first
		g.waiting.Put(g.arrived, r.Time, waitingRecord[K, V]{r.Key, r.Value, encodeHeaders(r.Headers)})
		g.arrived++
		g.least = min(g.least, r.Time)
	}
}

// moved joins what has waited long enough. false: the task has to stop.
func (g *graceTask[K, V, T, R]) moved() bool {
	if !g.begun {
		g.begin()
	}
	g.to = g.clock.Now() - g.grace + 1
	if g.least >= g.to {
		return true
	}
	from := g.least
	g.least = math.MaxInt64
	g.sent.begin(from)
	g.backlog.Begin()
	g.waiting.ScanSpan(from, math.MaxInt64, g.release)
	if g.stopped {
		return false
	}
	if !g.backlog.Owed() {
		g.waiting.Expire(g.to)
		return true
	}
	expireSent(&g.sent, g.least, g.waiting)
	return true
}

// begin finds what waits after a restart, and goes on counting where the last one stopped.
func (g *graceTask[K, V, T, R]) begin() {
	g.begun, g.least = true, math.MaxInt64
	g.waiting.ScanSpan(0, math.MaxInt64, func(at int64, number uint64, _ *waitingRecord[K, V]) bool {
		g.least = min(g.least, at)
		g.arrived = max(g.arrived, number+1)
		return true
	})
}

// releaseRow joins what waits at a time before to, and ends the scan at the first that has to wait on. A failure is
// nobody else's.
func (g *graceTask[K, V, T, R]) releaseRow(at int64, _ uint64, w *waitingRecord[K, V]) bool {
	if at >= g.to || !g.sent.more(at) && !g.backlog.More() {
		g.least = at
		return false
	}
	g.sent.add(at)
	g.in, g.headers = stream.Record[K, V]{Key: w.key, Value: w.value, Time: at}, w.headers
	g.stopped = !g.task.Between(g.sendJoined)
	return !g.stopped
}

func (g *graceTask[K, V, T, R]) joinWaiting() {
	var err error
	if g.in.Headers, err = decodeHeaders(g.headers); err != nil {
		g.task.Fail(g.label, err)
		return
	}
	g.join(&g.in)
}

// join joins r with the row as of its time.
func (g *graceTask[K, V, T, R]) join(r *stream.Record[K, V]) {
	var row T
	ok := false
	if !r.NullKey {
		row, _, ok = g.rows.GetAsOf(r.Key, r.Time)
	}
	if !ok && g.inner {
		return
	}
	retype(&g.rec, r)
	g.rec.Value = g.f(r.Value, row, ok)
	g.out(&g.rec)
}
