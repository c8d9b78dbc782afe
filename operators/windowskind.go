// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// Bounded is a kind of window that knows how long its windows are at most. Without it the changelog of an aggregation
// over windows of a program's own is compacted, but nothing of it is ever deleted.
type Bounded interface {
	// Longest is a length that no window exceeds.
	Longest() time.Duration
}

// keeper is how the panes of one kind of windows are kept. All calls come from the task's goroutine. Where a method
// returns false the task has to stop.
type keeper[K comparable, V, A any] interface {
	// add takes r into its windows that are open, and sends the panes that each update asks for. It gives the reason
	// for which r was dropped instead, or "".
	add(r *stream.Record[K, V]) (dropped string)

	// oldestOpen is the bound between the closed windows, which start before it, and the open ones.
	oldestOpen(clock int64) int64

	// close sends the Final panes of the windows that start before to and were not closed before. What it puts off it
	// finds in the store when it is called again, also after a restart.
	close(to int64) bool

	// following is a reading of the clock until which nothing closes that has data, and nothing can be expired.
	following(clock int64) int64

	// expire frees what is not needed any more at this reading of the clock.
	expire(clock int64)
}

// reviewer is a keeper that can tell what has changed: at a commit, for PerCommit, or at a tick, for Every.
type reviewer[K comparable, A any] interface {
	// round sends the panes of windows with from ≤ start < to that changed since the last commit.
	round(from, to int64) bool

	// changed gives the panes with from ≤ start < to that changed when the rows of k at the given starts did.
	changed(k K, starts []int64, from, to int64, yield func(window.Span, part[A]))

	// stamped gives the rows that last changed under the given stamp.
	stamped(stamp int64, yield func(k K, start int64))

	// retract sends, before a pane, those that it takes the place of and that were sent in an earlier round.
	retract(k K, s window.Span) bool

	// order is that in which the windows of a tick are sent.
	order(a, b window.Span) int
}

// keeperOf chooses how windows of kind w are kept.
func keeperOf[K comparable, V, A any](w window.Kind, merges bool) (func(*windowTask[K, V, A]) keeper[K, V, A], error) {
	if w == nil {
		return nil, errors.New("it has no windows; give it a value such as window.Tumbling{Size: time.Minute}")
	}
	if err := w.Validate(); err != nil {
		return nil, err
	}
	switch w := w.(type) {
	case window.Sliding:
		if merges {
			return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newSlidingMoments(g, w) }, nil
		}
		return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newSlidingPanes(g, w) }, nil
	case window.Session:
		if !merges {
			return nil, errors.New("sessions grow together, so the fold needs a Merge function")
		}
		return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newSessions(g, w) }, nil
	case window.Count:
		if w.Overlapping() {
			return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newCountedOverlaps(g, w, merges) }, nil
		}
		return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newCountedWindows(g, w) }, nil
	case window.Aligned:
		if sliced, ok := w.(window.Sliced); ok && merges && overlapping(w) {
			return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newSlicedWindows(g, sliced) }, nil
		}
		return func(g *windowTask[K, V, A]) keeper[K, V, A] { return newOwnWindows(g, w) }, nil
	}
	return nil, fmt.Errorf("it cannot aggregate over a %T: take window.Tumbling, Hopping, Sliding, Session, "+
		"Calendar, Unlimited or Count (the value, not a pointer), or a kind of your own that implements window.Aligned", w)
}

// overlapping is false when a record is in one window only.
func overlapping(w window.Aligned) bool {
	switch w := w.(type) {
	case window.Tumbling, window.Unlimited, window.Calendar:
		return false
	case window.Hopping:
		return w.Advance < w.Size
	}
	return true
}

// layoutOf is how the rows of aligned windows lie in the store: the length of a segment, and for how long a row is
// kept, in milliseconds. Zeros leave it to the store.
//
// The rows of one start lie together, which is how windows close. Slices whose panes are sent as they change are read
// by key instead, over the length of a window.
func layoutOf(w window.Aligned, shared bool, emission window.Emit) (segment, retention int64) {
	var size, advance time.Duration
	switch w := w.(type) {
	case window.Tumbling:
		size, advance = w.Size, w.Size
	case window.Hopping:
		size, advance = w.Size, w.Advance
	case Bounded:
		return 0, later(w.Longest().Milliseconds(), w.(window.Kind).Linger())
	default:
		return 0, 0
	}
	segment = advance.Milliseconds()
	if shared && !emission.FinalPane() {
		segment = size.Milliseconds()
	}
	return segment, later(size.Milliseconds(), w.Linger())
}

// settles is how far the clock is beyond the time of a pane, at most, when its window closes, unless it leaps.
func settles(w window.Kind) time.Duration {
	var ms int64
	switch w := w.(type) {
	case window.Sliding:
		ms = later(w.Size.Milliseconds(), later(w.Linger(), 1))
	case window.Session:
		ms = later(w.Linger(), 1)
	case window.Aligned:
		_, ms = layoutOf(w, false, w.Emission())
	}
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
}
