// SPDX-License-Identifier: Apache-2.0

package window_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/window"
)

func place(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func instantOf(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return at.UnixMilli()
}

func TestCalendarByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		unit         window.Unit
		place        string
		at, from, to string
	}{
		{window.Day, "UTC", "2026-03-01T12:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{window.Day, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, // 23 hours
		{window.Day, "Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, // 25 hours
		{window.Month, "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"},
		{window.Month, "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{window.Year, "America/New_York", "2026-01-01T04:59:59Z", "2025-01-01T05:00:00Z", "2026-01-01T05:00:00Z"},
		{window.Week, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-04-04T22:00:00Z"},
		// There was no midnight: the clocks were put forward then.
		{window.Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{window.Day, "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		// There were two: the clocks were put back at one.
		{window.Day, "America/Havana", "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{window.Day, "America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		// They were put back at a minute past midnight: the new day had begun, and goes on.
		{window.Day, "America/St_Johns", "2009-11-01T02:30:30Z", "2009-11-01T02:30:00Z", "2009-11-02T03:30:00Z"},
		{window.Day, "America/St_Johns", "2009-11-01T03:00:00Z", "2009-11-01T02:30:00Z", "2009-11-02T03:30:00Z"},
		// The 30th of December was left out.
		{window.Day, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{window.Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		// Nothing begins before 1970.
		{window.Day, "Asia/Tokyo", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T15:00:00Z"},
		{window.Month, "America/New_York", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T05:00:00Z"},
	} {
		w := window.Calendar{Unit: c.unit, In: place(t, c.place)}
		require.Equal(t, []window.Span{{Start: instantOf(t, c.from), End: instantOf(t, c.to)}},
			w.Spans(nil, instantOf(t, c.at)), "%v in %s at %s", c.unit, c.place, c.at)
	}
	iso := window.Calendar{Unit: window.Week, FirstDay: time.Monday}
	first := window.Span{Start: instantOf(t, "2025-12-29T00:00:00Z"), End: instantOf(t, "2026-01-05T00:00:00Z")}
	require.Equal(t, first, iso.Slice(instantOf(t, "2026-01-04T23:59:59Z")))
}

// The laws hold everywhere, at the borders of windows most of all; a window's first instant has its date, and the one
// before has not.
func TestCalendarKeepsTheLaws(t *testing.T) {
	t.Parallel()
	rounds := 4000
	if testing.Short() {
		rounds = 400
	}
	places := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
		"Pacific/Apia", "Pacific/Kwajalein", "Australia/Lord_Howe", "Asia/Tehran", "Africa/Casablanca", "Asia/Kathmandu",
		"Africa/Monrovia", "Asia/Amman",
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range rounds {
		w := window.Calendar{Unit: window.Unit(1 + r.IntN(4)), In: place(t, places[r.IntN(len(places))])}
		if w.Unit == window.Week {
			w.FirstDay = time.Weekday(r.IntN(7))
		}
		at := r.Int64N(instantOf(t, "2040-01-01T00:00:00Z"))
		if r.IntN(20) == 0 {
			at = window.Forever - 1 - r.Int64N(1e12)
		}
		require.NoError(t, window.Check(w, at), "%v %v", w.In, w.Unit)
		s := w.Slice(at)
		require.NoError(t, window.Check(w, s.Start))
		if s.End == window.Forever {
			continue
		}
		require.NoError(t, window.Check(w, s.End))
		require.LessOrEqual(t, s.Len(), w.Longest().Milliseconds())
		next := time.UnixMilli(s.End).In(w.In)
		switch say := fmt.Sprint(w.Unit, next); w.Unit {
		case window.Week:
			require.Equal(t, w.FirstDay, next.Weekday(), say)
		case window.Month:
			require.Equal(t, 1, next.Day(), say)
		case window.Year:
			require.Equal(t, 1, next.YearDay(), say)
		}
	}
}

func TestCalendarMistakes(t *testing.T) {
	t.Parallel()
	for want, w := range map[string]window.Calendar{
		"window.Calendar.Unit is Unit(0): must be":   {},
		"Unit is Unit(9)":                            {Unit: 9},
		"FirstDay is 7":                              {Unit: window.Week, FirstDay: 7},
		"FirstDay has a meaning with a Unit of Week": {Unit: window.Month, FirstDay: time.Monday},
		"Grace is -1h0m0s: must not be negative":     {Unit: window.Day, Grace: -time.Hour},
	} {
		require.ErrorContains(t, w.Validate(), want)
	}
	require.NoError(t, window.Calendar{Unit: window.Day}.Validate())
}
