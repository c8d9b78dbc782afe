// SPDX-License-Identifier: Apache-2.0

package window

import "sort"

// Kind is what all kinds of windows have in common. What takes a Kind handles an [Aligned], a [Sliding], a
// [Session] or a [Count] and refuses anything else.
type Kind interface {
	// Validate says what is wrong with the fields, all of it in one error. Nothing else may be called when it fails.
	Validate() error

	// Linger is how many milliseconds the clock must be past a window's End before that window is closed.
	Linger() int64

	// Emission says when panes are sent.
	Emission() Emit
}

// Aligned is a kind of window that follows from time alone, as minutes and months do. A program may bring its own,
// for instance calendar days in a time zone.
//
//  1. Spans(t) contain t, ascend by Start, and none starts below 0. They depend on t only.
//  2. Of two windows, the one that starts later does not end earlier, and no two start together.
//  3. A window is in Spans(t) for every t that it contains.
type Aligned interface {
	Kind

	// Spans appends the windows that contain t, which is at least 0, to dst and returns the extended slice. A record
	// whose time lies in no window is ignored.
	Spans(dst []Span, t int64) []Span
}

// Sliced is an aligned kind whose overlapping windows can share partial results.
//
//  1. Slice(t) contains t; the slices are disjoint and depend on t only.
//  2. Each slice lies wholly inside or wholly outside each window.
type Sliced interface {
	Aligned

	// Slice is the stretch of time around t, at least 0, in which all records belong to the same windows.
	Slice(t int64) Span
}

// Open cuts the windows that are closed at this reading of the clock off the front of spans, which ascend as
// [Aligned] and [Sliding] give them. When nothing is left, the record was late for all of them.
func Open(spans []Span, clock, linger int64) []Span {
	// Usually the first one is open already.
	for len(spans) > 0 && spans[0].Closed(clock, linger) {
		spans = spans[1:]
	}
	return spans
}

// OldestOpen is a bound between the closed and the open windows of w at this reading of the clock: exactly those that
// start before it are closed. Stored windows and slices that start before it are no longer needed.
func OldestOpen(w Aligned, clock int64) int64 {
	// A window is open if it ends after x, so it contains x or starts later.
	x := back(clock, w.Linger())
	if x == 0 {
		return 0
	}
	if s, _, ok := Edges(w, x); ok {
		return s.Start
	}
	return x
}

// Edges gives the oldest and the newest window of w that contain t; ok is false when none does. For the kinds of this
// package it costs the same however many there are.
func Edges(w Aligned, t int64) (oldest, newest Span, ok bool) {
	if e, known := w.(interface{ edges(t int64) (Span, Span) }); known {
		oldest, newest = e.edges(t)
		return oldest, newest, oldest.Contains(t)
	}
	spans := w.Spans(nil, t)
	if len(spans) == 0 {
		return oldest, newest, false
	}
	return spans[0], spans[len(spans)-1], true
}

// Closing tells which windows of w close when the clock moves from c0 to c1, however far: exactly those with
// from ≤ Start < to. A clock that was never set is negative.
func Closing(w Aligned, c0, c1 int64) (from, to int64) {
	from = OldestOpen(w, c0)
	return from, max(from, OldestOpen(w, c1))
}

// Containing appends to dst the windows of w with from ≤ Start < to that contain one of the instants times, which
// ascend. Each comes once, by ascending start. With the starts of slices as times, these are the windows that have
// data.
func Containing(dst []Span, w Aligned, times []int64, from, to int64) []Span {
	next := from // the least start that was not appended yet
	for _, t := range times {
		// The windows of t come behind dst, then those that are wanted move up.
		n := len(dst)
		dst = w.Spans(dst, t)
		found := dst[n:]
		lo := sort.Search(len(found), func(i int) bool { return found[i].Start >= next })
		hi := lo + sort.Search(len(found)-lo, func(i int) bool { return found[lo+i].Start >= to })
		dst = dst[:n+copy(found, found[lo:hi])]
		if len(dst) > n {
			next = dst[len(dst)-1].Start + 1
		}
	}
	return dst
}
