// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// Windowed is what AggregateWindows gives.
type Windowed[K comparable, V, A any] struct {
	// Out has the panes, each under the key of the records in it.
	Out stream.Stream[K, window.Pane[A]]
	// Late has the records that came too late for all of their windows, as they came.
	Late stream.Stream[K, V]
}

// AggregateWindows folds the values of a key that lie in one window of time into one: a pane for each key and window
// that has any. w is a [window.Tumbling], [window.Hopping], [window.Sliding], [window.Session], [window.Calendar],
// [window.Unlimited] or [window.Count], or a kind of your own that implements [window.Aligned]. With a sum:
//
//	Tumbling{Size: 10ms}                        Hopping{Size: 10ms, Advance: 5ms}
//	a 1 @3  → a [0,10) 1 @3                     a 1 @3  → a [0,10) 1 @3
//	a 2 @7  → a [0,10) 3 @7                     a 2 @12 → a [5,15) 2 @12, a [10,20) 2 @12
//	a 4 @12 → a [10,20) 4 @12                   a 4 @7  → a [5,15) 6 @12
//	a 8 @9  → Late
//
//	Sliding{Size: 10ms}                         Session{Gap: 10ms, Grace: 10ms}
//	a 1 @15 → a [5,16) 1 @15                    a 1 @5  → a [5,6) 1 @5
//	a 2 @20 → a [10,21) 3 @20, a [16,27) 2 @20  a 2 @15 → a [5,6) 1 @5 Retracted, a [5,16) 3 @15
//	a 4 @32 → a [22,33) 4 @32                   a 4 @26 → a [26,27) 4 @26
//
// # Lateness
//
// The operator's clock is the highest event time that it saw, less the Disorder of the source. A window takes records
// until the clock has reached its end and its Grace; that is judged for each window of a record: above, [0,10) is
// closed for the hopping record at 7, and [5,15) is not. What is late for all of them goes to Late and is counted. For
// sliding windows these are the pane that ends at the record and those that are there around it, for a session the one
// that it would join.
//
// Records without a key or with a null value are dropped and counted and do not move the clock. So are records that no
// window contains, such as those before [window.Unlimited].From, but they do move it.
//
// # When panes come
//
//	EachUpdate   one for every window that a record changes, by start of the window, with the record's headers
//	PerCommit    at each commit the last one of each key and window that changed since the last; keys come in the
//	             order in which they first changed
//	OnClose      one for each key and window, Final, once it is closed; of those closed together by start, then key
//	             (sessions: end, start, key)
//	Every(d)     each time the clock reaches a multiple of d, one for each key and window that changed since the last
//	             time and is still open, by start, then key (sessions: end, start, key); and the Final one when it is
//	             closed
//
// Every window that has data gives its Final pane, however far the clock leaps; keys are ordered by their bytes. A
// pane's time is the highest time of a record that went in. Panes that did not come of one record alone have no
// headers, and their failure further down is not that of the record that moved the clock.
//
//	Tumbling{Size: 10ms, Emit: OnClose}                         Tumbling{Size: 100ms, Emit: Every(10 * ms)}
//	b 1 @3  →                                                   a 1 @3   →
//	a 2 @7  →                                                   a 2 @7   →
//	a 4 @12 → a [0,10) 2 @7 Final, b [0,10) 1 @3 Final          a 4 @12  → a [0,100) 3 @7
//	a 8 @35 → a [10,20) 4 @12 Final                             a 8 @31  → a [0,100) 7 @12
//	                                                            a 16 @101 → a [0,100) 15 @31 Final
//
// The fold of sessions needs Merge. A session that takes the place of others is the fold's Init, if it has one, merged
// with these in the order of time, and then the record. It comes after them, Retracted, with what they held: EachUpdate
// those that the record replaces, unless there is only one and it is the record's own instant; PerCommit and Every
// those that were sent before, as they were sent, unless the new one has the same span.
//
//	Session{Gap: 10ms, Emit: Every(20 * ms)}
//	a 1 @15 →
//	a 2 @21 → a [15,16) 1 @15
//	a 4 @30 →
//	a 8 @40 → a [15,16) 1 @15 Retracted, a [15,31) 7 @30
//
// # Windows of a number of records
//
// [window.Count] windows take the records of a key as they arrive, whatever their times: none is late, and no clock
// closes a window. It is full, and Final, with its last record, is sent at once, whatever the emission, with that
// record's headers, and is gone. Of what is not full one window is shown, the one that is filled next: EachUpdate with
// each record, PerCommit and Every if the key has come further since its last full one, OnClose never.
//
//	Count{Size: 3, Emit: OnClose}           Count{Size: 3, Advance: 2}
//	a 1 @5  →                               a 1 @5  → a [5,6) 1 @5
//	a 2 @9  →                               a 2 @9  → a [5,10) 3 @9 Final
//	b 8 @20 →                               a 4 @2  → a [2,10) 6 @9
//	a 4 @2  → a [2,10) 7 @9 Final           a 8 @30 → a [2,31) 14 @30 Final
//	a 16 @30 →
//
// The span is that of the times in the window, and no name for it: nothing is retracted when it grows, and what goes by
// key and span, such as [SuppressUntilClose], is not for these panes.
//
// # What is kept
//
// The state is kept in a store called name. A fold that has Merge shares parts between overlapping windows: a record is
// added once, however many windows it is in. Without Merge each window has an accumulator of its own, to which records
// are added in the order of arrival. For accumulators that lead to memory of their own (slices, maps, pointers) merging
// copies them, through the fold's Codec. What is closed is expired, and so is its changelog, for kinds that know how
// long a window is: those of package window, and your own if they are [Bounded]. Of count windows each key keeps its
// last records, Size at most, for as long as no more come; those that overlap have a second store, name-parts.
//
// What lies in the store follows from the kind of window, its size and whether the fold has Merge. When a program
// changes one of these it must give the operator a new name.
func AggregateWindows[K comparable, V, A any](name string, in stream.Stream[K, V], w window.Kind,
	fold Fold[V, A]) Windowed[K, V, A] {
	return aggregateWindows("aggregate windows", name, in, w, fold)
}

func aggregateWindows[K comparable, V, A any](
	kind, name string, in stream.Stream[K, V], w window.Kind, fold Fold[V, A],
) Windowed[K, V, A] {
	if in.Topology() == nil {
		return Windowed[K, V, A]{}
	}
	o := stream.NewOp(in.Topology(), kind, name)
	if name == "" {
		o.Mistake("it needs a name: its windows are kept in a store called after it")
	}
	if err := fold.check(); err != nil {
		o.Mistake("%w", err)
	}
	out := stream.Out(o, in, in.KeyCodec(), PaneCodec(fold.Codec))
	late := stream.Out(o, in, in.KeyCodec(), in.ValueCodec())
	keep, err := keeperOf[K, V, A](w, fold.Merge != nil)
	if err != nil {
		o.Mistake("%w", err)
	}
	stream.In(o, in, func(t *stream.Task) stream.Next[K, V] {
		g := &windowTask[K, V, A]{
			task: t, label: o.Label(), name: name, keys: in.KeyCodec(), fold: fold,
			emission: w.Emission(), linger: w.Linger(), disorder: in.Disorder(),
			out: out.Open(t), late: late.Open(t),
		}
		g.clock = t.Clock(in.Idle(), g.idled)
		g.open(keep)
		return g.record
	})
	if err != nil {
		return Windowed[K, V, A]{Out: out.Stream, Late: late.Stream}
	}
	panes := stream.Settling(out.Stream, settles(w))
	if w.Emission().FinalPane() {
		panes = stream.HeldBack(panes, panes.Settles())
	}
	return Windowed[K, V, A]{Out: panes, Late: late.Stream}
}
