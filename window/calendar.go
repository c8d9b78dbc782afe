// SPDX-License-Identifier: Apache-2.0

package window

import (
	"errors"
	"fmt"
	"time"
)

// Unit is the length of the windows of [Calendar].
type Unit uint8

// The units of a calendar.
const (
	Day Unit = iota + 1
	Week
	Month
	Year
)

// String names the unit.
func (u Unit) String() string {
	switch u {
	case Day:
		return "Day"
	case Week:
		return "Week"
	case Month:
		return "Month"
	case Year:
		return "Year"
	}
	return fmt.Sprintf("Unit(%d)", uint8(u))
}

// Calendar windows are the days, weeks, months or years of a place. They begin when the first of their days does:
// at midnight there; where the clocks are put forward at midnight, right then; and at the first of two midnights where
// they are put back. So a day has 23 to 25 hours where there is summer time, and none is missing or counted twice.
//
//	Calendar{Unit: Day, In: Berlin}, clocks are put forward on the 29th of March 2026
//	t=2026-03-28T23:30Z → [2026-03-28T23:00Z, 2026-03-29T22:00Z)    23 hours
//	t=2026-03-29T22:00Z → [2026-03-29T22:00Z, 2026-03-30T22:00Z)
//	Calendar{Unit: Month}
//	t=2026-02-10T00:00Z → [2026-02-01T00:00Z, 2026-03-01T00:00Z)
//
// Windows follow the time zone database that the program was built or is run with: when a country changes its clocks,
// later windows begin at other instants in a program that knows.
type Calendar struct {
	// Unit is Day, Week, Month or Year.
	Unit Unit

	// In is the place. Defaults to UTC.
	In *time.Location

	// FirstDay is the day on which a Week begins. Defaults to Sunday, the zero Weekday; those of ISO 8601 begin on
	// time.Monday.
	FirstDay time.Weekday

	// Grace is how long, on the clock, a window still takes records after its end. Defaults to 0.
	Grace time.Duration

	// Emit says when panes are sent. Defaults to EachUpdate.
	Emit Emit
}

var _ Sliced = Calendar{}

// Validate says what is wrong with the fields.
func (w Calendar) Validate() error {
	var unit, first error
	if w.Unit < Day || w.Unit > Year {
		unit = fmt.Errorf("Unit is %v: must be window.Day, Week, Month or Year", w.Unit)
	}
	switch {
	case w.FirstDay < time.Sunday || w.FirstDay > time.Saturday:
		first = fmt.Errorf("FirstDay is %d: must be a day of the week", w.FirstDay)
	case w.FirstDay != time.Sunday && w.Unit != Week:
		first = errors.New("FirstDay has a meaning with a Unit of Week only")
	}
	return invalid(w, unit, first, notNegative("Grace", w.Grace), w.Emit.validate())
}

// Linger is Grace in milliseconds.
func (w Calendar) Linger() int64 { return ms(w.Grace) }

// Emission is Emit.
func (w Calendar) Emission() Emit { return w.Emit }

// Longest is a length that no window exceeds. Places have moved across the date line, so it is a day longer than what
// one expects.
func (w Calendar) Longest() time.Duration {
	const day = 24 * time.Hour
	switch w.Unit {
	case Day:
		return 3 * day
	case Week:
		return 9 * day
	case Month:
		return 33 * day
	default:
		return 368 * day
	}
}

// Spans appends the one window that contains t.
func (w Calendar) Spans(dst []Span, t int64) []Span { return append(dst, w.Slice(t)) }

// Slice is the window that contains t.
func (w Calendar) Slice(t int64) Span {
	in := w.place()
	y, m, d := time.UnixMilli(t).In(in).Date()
	switch w.Unit {
	case Week:
		d -= int(7+time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday()-w.FirstDay) % 7
	case Month:
		d = 1
	case Year:
		m, d = time.January, 1
	}
	// Where the clocks are put back over midnight a day is entered twice. It began at the first time, and so did what
	// follows it.
	from := firstInstant(y, m, d, in)
	for from > t {
		y, m, d = w.step(y, m, d, -1)
		from = firstInstant(y, m, d, in)
	}
	for {
		y, m, d = w.step(y, m, d, 1)
		to := firstInstant(y, m, d, in)
		if t < to || to == Forever {
			return Span{Start: instant(from), End: to}
		}
		from = to
	}
}

func (w Calendar) edges(t int64) (oldest, newest Span) {
	s := w.Slice(t)
	return s, s
}

func (w Calendar) place() *time.Location {
	if w.In == nil {
		return time.UTC
	}
	return w.In
}

// step is the date n units later.
func (w Calendar) step(y int, m time.Month, d, n int) (int, time.Month, int) {
	switch w.Unit {
	case Day:
		d += n
	case Week:
		d += 7 * n
	case Month:
		m += time.Month(n)
	default:
		y += n
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Date()
}

// firstInstant is the first instant, in milliseconds, of a date in a place, or of the next one there if the place has
// skipped it. Dates ascend as their first instants do.
func firstInstant(y int, m time.Month, d int, in *time.Location) int64 {
	about := time.Date(y, m, d, 0, 0, 0, 0, in)
	from, to := about.ZoneBounds()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() // as if it were in UTC

	// There it is midnight once for each offset at which it is; the widest offset comes first.
	best, found := int64(0), false
	for _, near := range [...]time.Time{from.Add(-1), about, to} {
		if near.IsZero() { // no bound
			continue
		}
		_, offset := near.In(in).Zone()
		at := time.Unix(midnight-int64(offset), 0)
		if _, there := at.In(in).Zone(); there == offset && (!found || at.Unix() < best) {
			best, found = at.Unix(), true
		}
	}
	if !found {
		// The clocks were put forward over midnight: the date begins there.
		if best = from.Unix(); about.Day() != d {
			best = to.Unix()
		}
	}
	if best >= Forever/1000 {
		return Forever
	}
	return best * 1000
}
