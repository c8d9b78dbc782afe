// SPDX-License-Identifier: Apache-2.0

// Package window holds the values and the arithmetic of windows: which ones a record belongs to, when they close,
// what may be forgotten. It keeps no state, starts nothing and imports the standard library only.
//
// # Windows are values
//
//	window.Tumbling{Size: time.Minute}                                  // [0:00, 1:00) [1:00, 2:00) …
//	window.Hopping{Size: time.Hour, Advance: time.Minute}               // an hour, a new one every minute
//	window.Sliding{Size: 10 * time.Minute, Grace: 30 * time.Second}     // ten minutes before and after every record
//	window.Session{Gap: 5 * time.Minute, Emit: window.OnClose}          // as long as records are at most Gap apart
//	window.Calendar{Unit: window.Month, In: berlin}                     // months, however long, with summer time
//	window.Unlimited{}                                                  // one window, never closed
//	window.Count{Size: 100, Advance: 10}                                // the last hundred records, at every tenth
//	window.Within{Before: time.Minute, After: time.Minute}              // the pairs of a stream-stream join
//
// Times are event time: int64 milliseconds since 1970, UTC, from 0 to [Forever]-1. A [Span] is half-open. An
// aggregation's result is a [Pane], a span with a value.
//
// # The clock closes windows
//
// An operator's clock is the highest event time that it saw; it never goes back. Every kind has a linger
// ([Kind].Linger, its Grace and for sessions the Gap): a window is closed once clock ≥ End + linger, which is
// [Span.Closed]. What came too late for one window may be in time for another: [Open] keeps those.
//
// # Writing an operator on it
//
// There are four kinds of windows, by what decides about them:
//
//   - [Aligned], by time alone: Tumbling, Hopping, Calendar, Unlimited and whatever a user writes. Which windows a
//     record belongs to follows from its time.
//   - [Sliding], by the times of a key's records. Which panes exist follows from the sorted times around a record.
//   - [Session], by the key's sessions so far.
//   - [Count], by how many records of the key have come: neither times nor clock matter.
//
// An aggregation over aligned windows:
//
//	late := w.Linger()
//	on record (key, t):
//		spans = window.Open(w.Spans(spans[:0], t), clock, late)
//		if len(spans) == 0 { late: to the Late output, done }
//		for _, s := range spans { add the record to the state of (s.Start, key); emit it, if w.Emission() says so }
//	when the clock moves from c0 to c1:
//		from, to := window.Closing(w, c0, c1)
//		every stored window with from ≤ start < to, by start, then key: emit it if OnClose, delete it
//
// A fold that can merge partial results shares slices among overlapping windows, if the kind is [Sliced]: the record
// is added to the one state of (w.Slice(t).Start, key), and the panes are combined from the slices by a [Combiner],
// which needs about two merges a pane however many slices there are:
//
//	on record:
//		add the record to slice w.Slice(t)
//		read the key's slices with spans[0].Start ≤ start < spans[len(spans)-1].End
//		combiner.Panes(spans, starts, values, emit)
//	when the clock moves:
//		the windows to emit are window.Containing(nil, w, starts of the slices, from, to)
//		slices that start before window.OldestOpen(w, c1) can be deleted
//
// Sliding windows of a fold that merges store one state per key and record time and go the same way, with
// [Sliding.Late] and [Sliding.Spans] for a record and [Sliding.Panes] for what the clock closes. Those of a fold that
// does not merge store a state per pane and apply [Sliding.Changes].
//
// To know cheaply whether a clock move closes anything, keep the earliest [Span.ClosesAt] of what is stored and look
// at nothing else before the clock gets there.
package window
