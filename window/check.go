// SPDX-License-Identifier: Apache-2.0

package window

import "fmt"

// Check tells whether w keeps the laws of [Aligned], and of [Sliced] if it is that, around the instant t. It is meant
// for the tests of a program's own kind of window: call it with many instants, those at which windows begin and end
// among them.
func Check(w Aligned, t int64) error {
	if err := w.Validate(); err != nil {
		return err
	}
	spans := w.Spans(nil, t)
	for i, s := range spans {
		switch {
		case !s.Contains(t):
			return fmt.Errorf("Spans(%d) of %+v gives %v, which does not contain it", t, w, s)
		case s.Start < 0:
			return fmt.Errorf("Spans(%d) of %+v gives %v, which starts below 0", t, w, s)
		case i > 0 && (s.Start <= spans[i-1].Start || s.End < spans[i-1].End):
			return fmt.Errorf("Spans(%d) of %+v gives %v after %v", t, w, s, spans[i-1])
		}
		if err := checkEnds(w, s); err != nil {
			return err
		}
	}
	if sliced, ok := w.(Sliced); ok {
		return checkSlice(sliced, t, spans)
	}
	return nil
}

// checkEnds looks for s at its first and last instants, and in vain just outside.
func checkEnds(w Aligned, s Span) error {
	for _, t := range [...]int64{s.Start - 1, s.Start, s.End - 1, s.End} {
		if t < 0 || s.End == Forever && t >= s.End-1 {
			continue
		}
		found := false
		for _, o := range w.Spans(nil, t) {
			found = found || o == s
		}
		if found != s.Contains(t) {
			return fmt.Errorf("Spans(%d) of %+v: window %v: found %v, must be %v", t, w, s, found, s.Contains(t))
		}
	}
	return nil
}

// checkSlice looks for a window that has a part of the slice of t.
func checkSlice(w Sliced, t int64, spans []Span) error {
	slice := w.Slice(t)
	if !slice.Contains(t) {
		return fmt.Errorf("Slice(%d) of %+v gives %v, which does not contain it", t, w, slice)
	}
	for _, at := range [...]int64{slice.Start, slice.End - 1} {
		if o := w.Slice(at); o != slice {
			return fmt.Errorf("Slice(%d) of %+v gives %v, but Slice(%d), of an instant in it, %v", t, w, slice, at, o)
		}
		if n := len(w.Spans(nil, at)); n != len(spans) {
			return fmt.Errorf("%+v: slice %v is in %d windows at %d and in %d at %d", w, slice, len(spans), t, n, at)
		}
	}
	for _, s := range spans {
		if slice.Start < s.Start || slice.End > s.End {
			return fmt.Errorf("Slice(%d) of %+v gives %v, which is partly outside its window %v", t, w, slice, s)
		}
	}
	return nil
}
