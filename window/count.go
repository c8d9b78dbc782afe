// SPDX-License-Identifier: Apache-2.0

package window

import "fmt"

// Count windows hold a number of records of a key, in the order in which these arrive, whatever their times. Without
// an Advance they follow each other; with one that is less than Size they overlap, and there is one for the last Size
// records, or as many as have come, at every Advance records of the key.
//
//	Count{Size: 3}               records 1 2 3 │ 4 5 6 │ 7 …
//	Count{Size: 3, Advance: 1}   1 │ 1 2 │ 1 2 3 │ 2 3 4 │ 3 4 5 │ …
//	Count{Size: 4, Advance: 2}   1 2 │ 1 2 3 4 │ 3 4 5 6 │ …
//	Count{Size: 3, Advance: 2}   1 2 │ 2 3 4 │ 4 5 6 │ …
//
// A window is full, and closed, with the last record that it takes: no clock closes it and no record is late. As a span
// it goes from the earliest time in it to the latest one, which says where its records lie but not which window it is:
// two windows of a key may have one span, and one window has another with each record.
//
// Operators number the records of a key from 0 on, and name a window by its end: the number of the first record behind
// it, a multiple of the advance.
type Count struct {
	// Size is how many records are in a window.
	Size int

	// Advance is by how many records a window ends after the one before it, at most Size. Defaults to Size.
	Advance int

	// Emit says when panes are sent. Defaults to EachUpdate. A full window is sent at once, Final, with each of them.
	Emit Emit
}

var _ Kind = Count{}

// Validate says what is wrong with the fields.
func (w Count) Validate() error {
	return invalid(w, w.validSize(), w.validAdvance(), w.Emit.validate())
}

func (w Count) validSize() error {
	if w.Size < 1 {
		return fmt.Errorf("Size is %d: must be at least 1 record", w.Size)
	}
	return nil
}

func (w Count) validAdvance() error {
	switch {
	case w.Advance < 0:
		return fmt.Errorf("Advance is %d: must be at least 1 record, or 0 for Size", w.Advance)
	case w.Size > 0 && w.Advance > w.Size:
		return fmt.Errorf("Advance is %d, more than the Size of %d: records between two windows would be lost",
			w.Advance, w.Size)
	case w.Advance > 0 && w.Size/w.Advance > maxOverlap:
		return fmt.Errorf("Size is %d and Advance %d: a record would belong to %d windows, and %d is the limit",
			w.Size, w.Advance, w.Size/w.Advance, maxOverlap)
	}
	return nil
}

// Linger is 0: no clock closes a window.
func (w Count) Linger() int64 { return 0 }

// Emission is Emit.
func (w Count) Emission() Emit { return w.Emit }

// Overlapping tells whether a record is in several windows.
func (w Count) Overlapping() bool { return w.advance() < int64(w.Size) }

// Ends are the ends of the first and the last window that record number i is in. Those between lie Advance apart.
func (w Count) Ends(i int64) (first, last int64) {
	a := w.advance()
	return i - i%a + a, add(i, int64(w.Size)) / a * a
}

// Filling is the end of the window that is filled first by record number i or one after it, and the number of the first
// record in it. It is full with record number i if end is i+1.
func (w Count) Filling(i int64) (from, end int64) {
	end, _ = w.Ends(i)
	return max(end-int64(w.Size), 0), end
}

// Slice is the number of the first of the records that are in the same windows as number i and next to it.
func (w Count) Slice(i int64) int64 {
	a := w.advance()
	start := i - i%a
	if cut := start + a - int64(w.Size)%a; i >= cut { // where a window begins, which none does when a divides Size
		return cut
	}
	return start
}

func (w Count) advance() int64 {
	if w.Advance == 0 {
		return int64(w.Size)
	}
	return int64(w.Advance)
}
