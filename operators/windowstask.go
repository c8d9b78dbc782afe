// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"math"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// dropNoWindow is the reason for which records are dropped that lie in none of the windows.
const dropNoWindow = "no window"

// windowTask is AggregateWindows in one task: the clock, what happens when it moves, and the way out.
//
// Owner: the task's goroutine.
//
//  1. next is never later than the reading of the clock at which a window with data closes, or the next tick.
//  2. With OnClose and Every, each window that starts before the keeper's oldestOpen of the clock has been sent, Final.
//     Where to go on after a restart is committed with what was sent: aligned windows go by what their store has
//     expired, the others by the clock.
//  3. With PerCommit, what starts before sentTo and has changed when it was open has been sent.
type windowTask[K comparable, V, A any] struct {
	task     *stream.Task
	label    string
	name     string
	keys     codec.Codec[K]
	fold     Fold[V, A]
	emission window.Emit
	linger   int64
	disorder int64
	out      stream.Next[K, window.Pane[A]]
	late     stream.Next[K, V]

	clock    *stream.Clock
	restored int64           // the clock at the start, below any time when it had never been set
	backlog  *stream.Backlog // only with OnClose
	begun    bool
	next     int64 // the clock at which moved is called

	keep   keeper[K, V, A]
	review reviewer[K, A] // keep; only with PerCommit and Every
	copied func(A) A      // gives an accumulator that Merge and Add may change
	owned  func(K) K      // gives a key that does not alias the record
	ticks  *ticks[K, A]
	stamp  int64 // for rows that change now: a number of the commit or the tick that comes next
	sentTo int64

	rec       stream.Record[K, window.Pane[A]]
	sendAlone func()
}

// open completes g with its keeper, which opens its store.
func (g *windowTask[K, V, A]) open(keep func(*windowTask[K, V, A]) keeper[K, V, A]) {
	g.next, g.restored, g.stamp = math.MinInt64, math.MinInt64, 1
	if g.clock.Known() {
		g.restored = g.clock.Now()
	}
	g.copied = copier(g.fold.Codec, immutable, g.failed)
	g.owned = copier(g.keys, plain, g.failed)
	g.sendAlone = func() { g.out(&g.rec) }
	if g.emission == window.OnClose {
		g.backlog = g.task.Backlog(g.goOn)
	}
	if d := g.emission.Interval(); d > 0 {
		g.ticks = &ticks[K, A]{interval: d, keys: g.keys}
	}
	g.keep = keep(g)
	g.review, _ = g.keep.(reviewer[K, A])
	if g.emission == window.PerCommit {
		g.task.BeforeCommit(g.commit)
	}
}

// record takes one record.
func (g *windowTask[K, V, A]) record(r *stream.Record[K, V]) {
	if r.NullKey || r.NullValue {
		g.task.Drop(g.label, nullReason(r.NullKey))
		return
	}
	if g.backlog != nil {
		g.backlog.Finish()
	}
	g.clock.Advance(r.Time - g.disorder)
	if g.clock.Now() >= g.next && !g.moved() {
		return
	}
	if dropped := g.keep.add(r); dropped != "" {
		g.task.Drop(g.label, dropped)
		if dropped == dropLate {
			g.late(r)
		}
	}
}

// idled follows a step that the wall made the clock take.
func (g *windowTask[K, V, A]) idled() {
	if g.clock.Now() >= g.next {
		g.moved()
	}
}

// more says whether another pane may be sent of what closes.
func (g *windowTask[K, V, A]) more() bool { return g.backlog == nil || g.backlog.More() }

// owes says that what has closed is not all sent yet.
func (g *windowTask[K, V, A]) owes() bool { return g.backlog != nil && g.backlog.Owed() }

// goOn sends what has closed and was put off, here or by the task before this one. That one has expired what it sent.
func (g *windowTask[K, V, A]) goOn() {
	if !g.clock.Known() {
		return
	}
	if k, ok := g.keep.(interface{ resume() }); ok && !g.begun {
		k.resume()
	}
	g.moved()
}

// moved does what the clock has come to. What closes is sent before it is expired, and before anything is added, but
// for what is put off: nothing is added to that either.
func (g *windowTask[K, V, A]) moved() bool {
	now := g.clock.Now()
	if !g.begun {
		g.begin(now)
	}
	if g.emission == window.PerCommit { // closes at the commit
		g.next = math.MaxInt64
		return true
	}
	to := g.keep.oldestOpen(now)
	if g.backlog != nil {
		g.backlog.Begin()
	}
	if g.emission.FinalPane() && !g.keep.close(to) {
		return false
	}
	if g.owes() {
		return true
	}
	if g.ticks != nil && !g.tick(now, to) {
		return false
	}
	g.keep.expire(now)
	if g.next = g.keep.following(now); g.ticks != nil {
		g.next = min(g.next, g.ticks.following())
	}
	return true
}

// begin is moved's first part at the first time. The store could not be read while the task was built.
func (g *windowTask[K, V, A]) begin(now int64) {
	g.begun = true
	if g.ticks == nil {
		return
	}
	if g.restored == math.MinInt64 {
		g.stamp = g.ticks.begin(now)
		return
	}
	g.stamp = g.ticks.begin(g.restored)
	g.review.stamped(g.stamp, g.ticks.changes.add)
}

// commit sends what changed since the last one. Only now may what has closed be expired: it may have changed.
func (g *windowTask[K, V, A]) commit() {
	if !g.begun {
		return
	}
	now := g.clock.Now()
	if g.review.round(g.sentTo, math.MaxInt64) {
		g.sentTo = max(g.sentTo, g.keep.oldestOpen(now))
		g.keep.expire(now)
		g.stamp++
	}
}

// freeze is called before a record changes what windows that start at lowest or later are made of. With PerCommit a
// window that has closed since the last commit may not have been sent yet: it must not see the record.
func (g *windowTask[K, V, A]) freeze(lowest int64) bool {
	to := g.keep.oldestOpen(g.clock.Now())
	if lowest >= to || g.sentTo >= to {
		return true
	}
	from := g.sentTo
	g.sentTo = to
	return g.review.round(from, to)
}

// send sends a pane that the record in work changed. false: the record has failed, and nothing more is to be sent.
func (g *windowTask[K, V, A]) send(r *stream.Record[K, V], s window.Span, p *part[A]) bool {
	return g.give(r, window.Pane[A]{Span: s, Value: p.Value}, p.Time)
}

func (g *windowTask[K, V, A]) give(r *stream.Record[K, V], p window.Pane[A], at int64) bool {
	g.rec = stream.Record[K, window.Pane[A]]{Key: r.Key, Value: p, Time: at, Headers: r.Headers}
	g.out(&g.rec)
	return !g.task.Failed()
}

// pane sends a pane that comes of the clock or of a commit, and whose failure is nobody else's.
func (g *windowTask[K, V, A]) pane(k K, s window.Span, v A, at int64, final bool) bool {
	g.rec = stream.Record[K, window.Pane[A]]{
		Key: k, Value: window.Pane[A]{Span: s, Value: v, Final: final}, Time: at,
	}
	return g.task.Between(g.sendAlone)
}

// retracted is pane for a window that is no more.
func (g *windowTask[K, V, A]) retracted(k K, s window.Span, v A, at int64) bool {
	g.rec = stream.Record[K, window.Pane[A]]{
		Key: k, Value: window.Pane[A]{Span: s, Value: v, Retracted: true}, Time: at,
	}
	return g.task.Between(g.sendAlone)
}

// retract implements reviewer for windows that nothing takes the place of.
func (g *windowTask[K, V, A]) retract(K, window.Span) bool { return true }

// order implements reviewer for windows of which no two start together.
func (g *windowTask[K, V, A]) order(a, b window.Span) int { return cmp.Compare(a.Start, b.Start) }

func (g *windowTask[K, V, A]) failed(err error) { g.task.Fail(g.label, err) }

// later is a+b for b ≥ 0, and the end of time if that is earlier.
func later(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
