// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"time"
)

// maxOverlap is how many windows a record may belong to: a day that moves by seconds is well below, and one that
// moves by milliseconds is a mistake.
const maxOverlap = 1 << 20

// Hopping windows have the same length and begin at regular intervals. With an Advance shorter than Size they overlap
// and a record belongs to several.
//
//	Hopping{Size: 10ms, Advance: 5ms}    t=3 → [0,10)   t=7 → [0,10) [5,15)   t=10 → [5,15) [10,20)
//	Hopping{Size: 10ms, Advance: 4ms}    t=9 → [0,10) [4,14) [8,18)           t=10 → [4,14) [8,18)
//
// Windows that would begin before 1970 do not exist, except that with an Offset the last of them is cut off there, so
// that every record has a window.
type Hopping struct {
	// Size is the length of a window.
	Size time.Duration

	// Advance is the distance from the start of a window to that of the next, at most Size.
	Advance time.Duration

	// Offset moves the windows' starts, which otherwise are multiples of Advance since 1970. Defaults to 0.
	Offset time.Duration

	// Grace is how long, on the clock, a window still takes records after its end. Defaults to 0.
	Grace time.Duration

	// Emit says when panes are sent. Defaults to EachUpdate.
	Emit Emit
}

var _ Sliced = Hopping{}

// Validate says what is wrong with the fields.
func (w Hopping) Validate() error {
	return invalid(w, positive("Size", w.Size), w.validAdvance(), whole("Offset", w.Offset),
		notNegative("Grace", w.Grace), w.Emit.validate())
}

func (w Hopping) validAdvance() error {
	if err := positive("Advance", w.Advance); err != nil {
		return err
	}
	if w.Advance > w.Size {
		return fmt.Errorf("Advance is %v, longer than the Size of %v: records between two windows would be lost",
			w.Advance, w.Size)
	}
	if n := w.Size / w.Advance; n > maxOverlap {
		return fmt.Errorf("Size is %v and Advance %v: a record would belong to %d windows, and %d is the limit",
			w.Size, w.Advance, n, maxOverlap)
	}
	return nil
}

// Linger is Grace in milliseconds.
func (w Hopping) Linger() int64 { return ms(w.Grace) }

// Emission is Emit.
func (w Hopping) Emission() Emit { return w.Emit }

// Spans appends the windows that contain t, oldest first.
func (w Hopping) Spans(dst []Span, t int64) []Span {
	size, advance := ms(w.Size), ms(w.Advance)
	oldest, newest := w.starts(t, size, advance)
	for start := oldest; ; start += advance {
		dst = append(dst, Span{Start: instant(start), End: add(start, size)})
		if start == newest { // and not start > newest after the addition, which may overflow
			return dst
		}
	}
}

func (w Hopping) edges(t int64) (oldest, newest Span) {
	size := ms(w.Size)
	first, last := w.starts(t, size, ms(w.Advance))
	return Span{Start: instant(first), End: add(first, size)}, Span{Start: instant(last), End: add(last, size)}
}

// starts gives the starts of the first and the last window that contain t. The first is negative if it is the one
// that is cut off at 1970.
func (w Hopping) starts(t, size, advance int64) (oldest, newest int64) {
	newest = align(t, advance, ms(w.Offset))
	oldest = newest - (size-1-(t-newest))/advance*advance
	if oldest >= 0 {
		return oldest, newest
	}
	if oldest = mod(ms(w.Offset), advance); oldest > 0 && t < oldest-advance+size {
		oldest -= advance
	}
	return oldest, newest
}

// Slice is the stretch around t in which no window begins or ends. There is one to an Advance if that divides Size,
// and two otherwise: the starts lie Advance apart, and so do the ends. (Equal slices of the greatest common divisor
// were the other choice: for 60 minutes advancing by 7 they would be 60 to a window instead of 18.)
func (w Hopping) Slice(t int64) Span {
	size, advance := ms(w.Size), ms(w.Advance)
	start := align(t, advance, ms(w.Offset))
	end := add(start, advance)
	if cut := add(start, size%advance); cut > start && t >= cut {
		start = cut
	} else if cut > start {
		end = cut
	}
	return Span{Start: instant(start), End: end}
}
