// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// JoinPanes gives f of the newest panes of a and b for each key and window that has one on both sides: windows are the
// same when their spans are. Every pane of either side gives a new one, with the later of both times and the headers of
// the record that caused it; what one record makes of both sides gives one, except at commits: there one side's panes
// come after the other's. Count windows, whose spans are no names, are not for it.
//
//	a:    k [0,10) 1 @3                      k [0,10) 2 @7
//	b:                    k [0,10) x @5                       k [0,10) x @5 Retracted
//	out:                  k [0,10) 1x @5     k [0,10) 2x @7   k [0,10) 2x @7 Retracted
//
// A retracted pane takes back what was sent with it, if anything was: as it was sent, so f must depend on its arguments
// alone. A result is Final when both panes are.
//
// # What closes
//
// The clock is the highest time of a pane of either side, less the larger Disorder of the sources. Once it has reached
// a window's end and grace, the window is forgotten, and panes that come for it are dropped and counted as late. Panes
// of one record are all joined before anything closes. Otherwise the times of panes lie before the clock that they come
// of, so grace is at least the one of the windows, and as much more as one side's panes may come after those of a later
// window of the other's: where they are sent when windows close, the longest pause of a side, and where at commits,
// what the clock moves between two.
//
// The panes of windows that are not closed are kept in a store called name, and the order in which they close in one
// named so with "-order". The codecs of the panes must be known; see PaneCodec and stream.Encode.
func JoinPanes[K comparable, A, B, R any](name string, a stream.Stream[K, window.Pane[A]],
	b stream.Stream[K, window.Pane[B]], grace time.Duration, f func(A, B) R) stream.Stream[K, window.Pane[R]] {
	rule := joinRule[A, B, R]{true, true, func(a A, _ bool, b B, _ bool) R { return f(a, b) }}
	return joinPanes("join panes", name, a, b, grace, rule, f == nil)
}

// LeftJoinPanes is JoinPanes that has a result for each window of a: f gets ok false and the zero B where b has none.
// What b retracts gives a new result without it. When a window closes whose pane of a is Final and b has none, its
// result is sent once more, Final, without headers: behind the results of the record that closed it, by close, then
// start, then the bytes of the key.
//
//	a:    k [0,10) 1 @3                       j [0,10) 2 @7 Final   k [20,30) 4 @25
//	b:                     k [0,10) x @5
//	out:  k [0,10) 1- @3   k [0,10) 1x @5     j [0,10) 2- @7        k [20,30) 4- @25, j [0,10) 2- @7 Final
func LeftJoinPanes[K comparable, A, B, R any](name string, a stream.Stream[K, window.Pane[A]],
	b stream.Stream[K, window.Pane[B]], grace time.Duration, f func(a A, b B, ok bool) R,
) stream.Stream[K, window.Pane[R]] {
	rule := joinRule[A, B, R]{true, false, func(a A, _ bool, b B, ok bool) R { return f(a, b, ok) }}
	return joinPanes("left join panes", name, a, b, grace, rule, f == nil)
}

// OuterJoinPanes is LeftJoinPanes that has a result for each window of either side: f is told which.
//
//	a:    k [0,10) 1 @3                      j [0,10) 2 @9 Final                        k [20,30) 4 @25
//	b:                   j [0,10) x @9 Final                       i [0,10) y @9 Final
//	out:  k [0,10) 1- @3 j [0,10) -x @9      j [0,10) 2x @9 Final  i [0,10) -y @9       k [20,30) 4- @25,
//	                                                                                    i [0,10) -y @9 Final
func OuterJoinPanes[K comparable, A, B, R any](name string, a stream.Stream[K, window.Pane[A]],
	b stream.Stream[K, window.Pane[B]], grace time.Duration, f func(a A, hasA bool, b B, hasB bool) R,
) stream.Stream[K, window.Pane[R]] {
	return joinPanes("outer join panes", name, a, b, grace, joinRule[A, B, R]{f: f}, f == nil)
}

func joinPanes[K comparable, A, B, R any](kind, name string, a stream.Stream[K, window.Pane[A]],
	b stream.Stream[K, window.Pane[B]], grace time.Duration, rule joinRule[A, B, R], nothing bool,
) stream.Stream[K, window.Pane[R]] {
	o := stream.NewOp(a.Topology(), kind, name)
	o.Match()
	switch {
	case name == "":
		o.Mistake("it needs a name: the panes are kept in a store called after it")
	case grace < 0 || grace%time.Millisecond != 0:
		o.Mistake("the grace is %v; give a whole number of milliseconds, at least 0", grace)
	case nothing:
		o.Mistake("there is no function that makes the results")
	case a.Topology() != nil && b.Topology() != nil && (a.ValueCodec() == nil || b.ValueCodec() == nil):
		o.Mistake("%w: they are kept in a store", errNoCodec)
	}
	both := stream.Joined(a, b)
	out := stream.Out(o, both, a.KeyCodec(), codec.Codec[window.Pane[R]](nil))
	open := stream.PerTask(o, func(t *stream.Task) *paneJoin[K, A, B, R] {
		keys := codec.Codec[paneKey[K]](paneKeyCodec[K]{a.KeyCodec()})
		values := codec.Codec[panePair[A, B]](panePairCodec[A, B]{a.ValueCodec(), b.ValueCodec()})
		j := &paneJoin[K, A, B, R]{
			joinRule: rule, grace: grace.Milliseconds(), disorder: both.Disorder(), out: out.Open(t),
			at: map[paneKey[K]]int{},
		}
		j.buffer = openBuffer(t, o, name, keys, values, Limits{}, func() { j.release(j.settled) })
		j.emit = j.closed
		j.ask = t.AfterRecord(j.settle)
		j.clock = t.Clock(both.Idle(), func() { j.ask() })
		j.restore()
		return j
	})
	stream.In(o, a, func(t *stream.Task) stream.Next[K, window.Pane[A]] {
		j, copied := open(t), copier(a.ValueCodec(), immutable, func(err error) { t.Fail(o.Label(), err) })
		return func(r *stream.Record[K, window.Pane[A]]) {
			accept(j, r, func(p *panePair[A, B]) *paneSide[A] { return &p.left }, copied)
		}
	})
	stream.In(o, b, func(t *stream.Task) stream.Next[K, window.Pane[B]] {
		j, copied := open(t), copier(b.ValueCodec(), immutable, func(err error) { t.Fail(o.Label(), err) })
		return func(r *stream.Record[K, window.Pane[B]]) {
			accept(j, r, func(p *panePair[A, B]) *paneSide[B] { return &p.right }, copied)
		}
	})
	if rule.needLeft && rule.needRight {
		return out.Stream
	}
	return stream.HeldBack(stream.HeldBack(out.Stream, both.Settles()), grace)
}
