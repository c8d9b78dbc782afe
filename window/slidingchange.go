// SPDX-License-Identifier: Apache-2.0

package window

import "slices"

// Change is what a record does to a pane of [Sliding] windows when each pane has a state of its own, for folds
// that cannot merge partial results.
//
// What a new pane has to begin with, the value of another pane has always just been: the one named by From.
type Change struct {
	Span Span
	Op   Op
	From int64 // the start of the pane to copy, with Copy and CopyAdd
}

// Op is the kind of a [Change].
type Op uint8

const (
	Add     Op = iota // the pane exists: add the record
	Create            // the pane is new: it holds the record alone
	CopyAdd           // the pane is new: copy pane From, then add the record
	Copy              // the pane is new and without the record: it holds what pane From held before this record
)

// String names the operation.
func (o Op) String() string {
	switch o {
	case Add:
		return "Add"
	case Create:
		return "Create"
	case CopyAdd:
		return "CopyAdd"
	case Copy:
		return "Copy"
	}
	return "Op?"
}

// History is where the record times lie that [Sliding.Changes] needs for a record at t.
func (w Sliding) History(t int64) Span {
	d := ms(w.Size)
	return between(t-2*d, add(t, d+1))
}

// OldestPane is the start of the oldest pane that [Sliding.Changes] can still name for records that are not late, and
// the earliest record time that it can need. What lies before it can be deleted.
func (w Sliding) OldestPane(clock int64) int64 { return back(clock, w.Linger()+3*ms(w.Size)) }

// Changes appends what a record at t does to the panes of its key, for the same panes and in the same order as
// [Sliding.Spans]. times are the times of the key's earlier records in History(t), distinct and ascending; t itself
// may be among them.
//
// Apply all changes, those of closed panes too, which are copied from later on, and emit those of open panes. A Copy
// comes last and takes the value that its From had before the other changes, so read it before applying them, and as
// a copy of its own where a fold adds in place.
func (w Sliding) Changes(dst []Change, t int64, times []int64) []Change {
	h := history{times: times, d: ms(w.Size), t: t}
	h.next, h.present = slices.BinarySearch(times, t)

	var few [16]Span
	from, _ := slices.BinarySearch(times, t-h.d)
	for i, s := range w.Spans(few[:0], t, times[from:]) {
		c := Change{Span: s}
		switch {
		case s.Start > t:
			c.Op, c.From = Copy, h.beforeAfter()
		case i == 0:
			c.Op, c.From = h.ending()
		case !h.any(s.Start, add(s.Start, h.d)):
			c.Op = Create
		}
		dst = append(dst, c)
	}
	return dst
}

// history answers questions about the records of a key before one at t.
type history struct {
	times   []int64
	d, t    int64
	next    int  // index of the first time ≥ t
	present bool // that time is t
}

// any tells whether there is a record from first to last, both included.
func (h *history) any(first, last int64) bool {
	i, _ := slices.BinarySearch(h.times, first)
	return i < len(h.times) && h.times[i] <= last
}

// ending is what happens to the pane that ends at t, or to [0, d] when t lies before d.
func (h *history) ending() (op Op, from int64) {
	start := h.t - h.d
	switch {
	case start <= 0:
		if h.any(0, h.d) {
			return Add, 0
		}
		return Create, 0
	case !h.any(start, h.t):
		return Create, 0
	case h.present || h.any(start-1, start-1):
		return Add, 0 // the pane is there, for an earlier record at t or as the one that begins after start-1
	}
	// Needed: the records in [start, t). q is the last of them. The pane that ends at q has them, and if it reaches
	// back to a record p before start, then the pane that begins after p has exactly them.
	from = instant(h.times[h.next-1] - h.d)
	if i, _ := slices.BinarySearch(h.times, start); i > 0 {
		from = max(from, h.times[i-1]+1)
	}
	return CopyAdd, from
}

// beforeAfter is the pane to copy for the one that begins after t.
func (h *history) beforeAfter() (from int64) {
	// Needed: the records in (t, t+1+d], and none is at t. q is the last of them. The pane that ends at q has them,
	// and if it reaches back to a record p before t, then the pane that begins after p has exactly them.
	last, _ := slices.BinarySearch(h.times, add(h.t, h.d+2))
	from = instant(h.times[last-1] - h.d)
	if h.next > 0 {
		from = max(from, h.times[h.next-1]+1)
	}
	return from
}
