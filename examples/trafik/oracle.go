// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// books are all results: what the oracle says they are, or what has come out.
type books struct {
	speeds    map[string]map[int64]Speed   // by segment and the window's end
	late      map[string]map[string]Report // by segment and reading
	incidents map[string]map[int64]Drop    // by segment and the window's end
	jams      map[string]Jam               // the newest, by head
	trips     map[string]Trip              // the newest, by route
}

func newBooks() *books {
	return &books{
		speeds: map[string]map[int64]Speed{}, late: map[string]map[string]Report{}, incidents: map[string]map[int64]Drop{},
		jams: map[string]Jam{}, trips: map[string]Trip{},
	}
}

// enter enters one value of a segment.
func enter[I comparable, V any](book map[string]map[I]V, segment string, id I, v V) {
	if book[segment] == nil {
		book[segment] = map[I]V{}
	}
	book[segment][id] = v
}

// oracle is what becomes of all reports, from all of them at once; newest is the newest of their times.
func oracle(c *City, arrivals iter.Seq[Arrival]) (b *books, newest time.Time) {
	b = newBooks()
	seen := map[string]bool{}
	flows := map[string]map[int64]Flow{}
	for a := range arrivals {
		if newest.Before(a.At) {
			newest = a.At
		}
		id := a.Segment + "/" + a.Reading()
		switch {
		case seen[id]:
		case a.Label == Stuck:
			enter(b.late, a.Segment, a.Reading(), a.Report)
		default:
			for end := a.At.Truncate(MeanEvery).Add(MeanEvery); !end.Add(-MeanOver).After(a.At); end = end.Add(MeanEvery) {
				enter(flows, a.Segment, end.UnixMilli(), flows[a.Segment][end.UnixMilli()].Add(a.Report))
			}
		}
		seen[id] = true
	}
	for _, segment := range c.Segments {
		b.segment(segment, flows[segment], c.Usuals(segment))
	}
	return b, newest
}

// segment is what flows make of a segment.
func (b *books) segment(segment string, flows map[int64]Flow, usuals []Usual) {
	told := time.Time{}
	for _, end := range slices.Sorted(maps.Keys(flows)) {
		until, f := time.UnixMilli(end).UTC(), flows[end]
		if f.Vehicles == 0 {
			continue
		}
		now := Speed{Until: until, Vehicles: f.Vehicles, KmH: float64(f.KmH) / float64(f.Vehicles)}
		last := until.Add(-time.Millisecond)
		for _, u := range usuals {
			if !u.From.After(last) {
				now.Usual = u.At(last)
			}
		}
		enter(b.speeds, segment, end, now)
		before, ok := b.speeds[segment][until.Add(-MeanOver).UnixMilli()]
		fast := ok && now.Usual > 0 && before.KmH >= DropFrom*now.Usual
		if fast && now.KmH < DropTo*now.Usual && (told.IsZero() || until.Sub(told) > TellAgain) {
			told = until
			enter(b.incidents, segment, end, Drop{now, before})
		}
	}
}

// standing is what follows from the newest speeds: the jams and the times of routes.
func (b *books) standing(c *City) (all map[string]Jam, times map[string]Trip) {
	now := map[string]State{}
	for segment, of := range b.speeds {
		now[segment] = State{c.Roads[segment], of[slices.Max(slices.Collect(maps.Keys(of)))]}
	}
	jammed := func(segment string) bool {
		s, ok := now[segment]
		return ok && IsJammed(segment, s)
	}
	all, times = map[string]Jam{}, map[string]Trip{}
	for segment, s := range now {
		if !jammed(segment) {
			continue
		}
		head := segment
		for i := 1; i < LongestJam && jammed(c.Roads[head].Next); i++ {
			head = c.Roads[head].Next
		}
		j := all[head]
		all[head] = Jam{j.Segments + 1, j.Metres + s.Road.Metres}
	}
	for _, leg := range c.Legs {
		if s, ok := now[leg.Segment]; ok {
			times[leg.Route] = times[leg.Route].Add(leg.Ride(s))
		}
	}
	return all, times
}

const (
	maxDifferences = 10
	// settled is how long before the newest report a window has ended that is closed in every partition: each segment
	// has a report within that, also when one of its detectors is silent.
	settled = 30 * time.Minute
)

// differences says what is not as it must be. Windows that may or may not be closed at the end may be there or not, but
// what is there must be right, and jams and travel times must be those of the newest speeds that are there.
func differences(c *City, want *books, newest time.Time, got *books) error {
	limit := newest.Add(-settled).UnixMilli()
	always := func(string) bool { return true }
	must := func(at int64) bool { return at < limit }
	found := compare("speed", want.speeds, got.speeds, must)
	found = append(found, compare("late report", want.late, got.late, always)...)
	found = append(found, compare("incident", want.incidents, got.incidents, must)...)
	all, times := got.standing(c)
	for head, j := range got.jams {
		if j.Segments == 0 && j.Metres == 0 {
			continue
		}
		if all[head] != j {
			found = append(found, fmt.Errorf("jam at %s: it is %+v, and ought to be %+v", head, j, all[head]))
		}
		delete(all, head)
	}
	for head, j := range all {
		found = append(found, fmt.Errorf("jam at %s: it ought to be %+v, and is not there", head, j))
	}
	if !maps.Equal(times, got.trips) {
		found = append(found, fmt.Errorf("travel times are %+v, and ought to be %+v", got.trips, times))
	}
	return errors.Join(found[:min(len(found), maxDifferences)]...)
}

// compare compares values of segments. must says whether one has to be there.
func compare[I, V comparable](what string, want, got map[string]map[I]V, must func(I) bool) (found []error) {
	for segment, of := range got {
		for id, v := range of {
			if w, ok := want[segment][id]; !ok || w != v {
				found = append(found, fmt.Errorf("%s of %s: it is %+v, and ought to be %+v (%v)", what, segment, v, w, ok))
			}
		}
	}
	for segment, of := range want {
		for id, w := range of {
			if _, ok := got[segment][id]; !ok && must(id) {
				found = append(found, fmt.Errorf("%s of %s: it is missing, and ought to be %+v", what, segment, w))
			}
		}
	}
	return found
}
