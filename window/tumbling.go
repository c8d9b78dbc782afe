// SPDX-License-Identifier: Apache-2.0

package window

import "time"

// Tumbling windows follow each other without a gap: a record belongs to exactly one.
//
//	Tumbling{Size: 10ms}              t=0 → [0,10)   t=9 → [0,10)   t=10 → [10,20)
//	Tumbling{Size: 10ms, Offset: 3ms} t=0 → [0,3)    t=3 → [3,13)   t=12 → [3,13)
type Tumbling struct {
	// Size is the length of a window.
	Size time.Duration

	// Offset moves the windows' starts, which otherwise are multiples of Size since 1970 in UTC: with a Size of a day
	// and an Offset of -2h the windows are days at two hours east. What would begin before 1970 begins at 1970.
	// Defaults to 0.
	Offset time.Duration

	// Grace is how long, on the clock, a window still takes records after its end. Defaults to 0.
	Grace time.Duration

	// Emit says when panes are sent. Defaults to EachUpdate.
	Emit Emit
}

var _ Sliced = Tumbling{}

// Validate says what is wrong with the fields.
func (w Tumbling) Validate() error {
	return invalid(w, positive("Size", w.Size), whole("Offset", w.Offset), notNegative("Grace", w.Grace),
		w.Emit.validate())
}

// Linger is Grace in milliseconds.
func (w Tumbling) Linger() int64 { return ms(w.Grace) }

// Emission is Emit.
func (w Tumbling) Emission() Emit { return w.Emit }

// Spans appends the one window that contains t.
func (w Tumbling) Spans(dst []Span, t int64) []Span { return append(dst, w.Slice(t)) }

// Slice is the window that contains t.
func (w Tumbling) Slice(t int64) Span {
	size := ms(w.Size)
	start := align(t, size, ms(w.Offset))
	return Span{Start: instant(start), End: add(start, size)}
}

func (w Tumbling) edges(t int64) (oldest, newest Span) {
	s := w.Slice(t)
	return s, s
}

// align is the greatest start ≤ t among offset + k·step, for t ≥ 0. It is greater than -step.
func align(t, step, offset int64) int64 {
	offset = mod(offset, step)
	return t - mod(t-offset, step)
}

// mod is the remainder of the division that rounds down: never negative.
func mod(a, b int64) int64 {
	r := a % b
	if r < 0 {
		r += b
	}
	return r
}
