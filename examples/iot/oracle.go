// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/irmak-go/irmak/window"
)

// slot is one device in one output: minutes, hours, late readings, and alarms of presence and of limits, which come
// in an order of their own each.
type slot struct{ output, device string }

// said is what was said in a slot: a pane, an alarm or a late reading, in a form that can be compared.
type said struct {
	At     int64
	Pane   pane
	Alarm  Alarm
	Number int64
}

// answer is what has to be said once the clock has reached due.
type answer struct {
	said
	due int64
}

// oracle is what the topology must make of all readings, in the order of their arrival, seen at once: per slot the
// answers in order. How far the clock of a device's partition came at the end is not known; it is at least what the
// device's own readings say, and at most what all of them say.
type oracle struct {
	answers map[slot][]answer
	own     map[slot]int64 // the least that the slot's clock has reached
	all     int64          // the most
}

func newOracle(in []Sent) *oracle {
	o := &oracle{answers: map[slot][]answer{}, own: map[slot]int64{}}
	byDevice := map[string][]Sent{}
	for _, r := range in {
		byDevice[r.Device] = append(byDevice[r.Device], r)
		o.all = max(o.all, r.At-MaxDisorder.Milliseconds())
	}
	for device, history := range byDevice {
		o.device(device, history)
	}
	return o
}

// device gives the answers about one device.
func (o *oracle) device(device string, history []Sent) {
	newest, numbers := int64(0), map[int64]bool{}
	var counted []Sent
	for _, r := range history {
		newest = max(newest, r.At)
		switch late := startOf(r.At, time.Minute)+time.Minute.Milliseconds() <= newest-MaxDisorder.Milliseconds(); {
		case numbers[r.Number]:
		case late:
			o.add(slot{"late", device}, answer{said: said{At: r.At, Number: r.Number}})
		default:
			counted = append(counted, r)
		}
		numbers[r.Number] = true
	}
	reached := newest - MaxDisorder.Milliseconds()
	for _, output := range []string{"late", "minutes", "presence", "limits"} {
		o.own[slot{output, device}] = reached
	}
	minutes := o.rollups(slot{"minutes", device}, time.Minute, counted)
	o.limits(device, minutes)
	o.hours(device, minutes, reached)
	slices.SortStableFunc(counted, func(a, b Sent) int { return cmp.Compare(a.At, b.At) })
	o.presence(device, counted)
}

func (o *oracle) add(s slot, a answer) { o.answers[s] = append(o.answers[s], a) }

func startOf(at int64, size time.Duration) int64 { return at - at%size.Milliseconds() }

// rollups gives the windows of a device, each due when it ends.
func (o *oracle) rollups(s slot, size time.Duration, counted []Sent) []answer {
	panes := map[int64]*answer{}
	for _, r := range counted {
		start := startOf(r.At, size)
		a := panes[start]
		if a == nil {
			span := window.Span{Start: start, End: start + size.Milliseconds()}
			a = &answer{said: said{Pane: pane{Span: span, Final: true}}, due: span.End}
			panes[start] = a
		}
		a.At, a.Pane.Value = max(a.At, r.At), a.Pane.Value.Add(r.Reading)
	}
	for _, start := range slices.Sorted(maps.Keys(panes)) {
		o.add(s, *panes[start])
	}
	return o.answers[s]
}

// hours are made of the minutes that are closed. Their clock is behind that of the minutes by the disorder once more.
func (o *oracle) hours(device string, minutes []answer, reached int64) {
	s := slot{"hours", device}
	for _, m := range minutes {
		start := startOf(m.Pane.Span.Start, time.Hour)
		if m.due <= reached {
			o.own[s] = max(o.own[s], m.At-MaxDisorder.Milliseconds())
		}
		if n := len(o.answers[s]); n == 0 || o.answers[s][n-1].Pane.Span.Start != start {
			span := window.Span{Start: start, End: start + time.Hour.Milliseconds()}
			o.add(s, answer{said: said{Pane: pane{Span: span, Final: true}}, due: span.End})
		}
		hour := &o.answers[s][len(o.answers[s])-1]
		hour.At, hour.Pane.Value = max(hour.At, m.At), hour.Pane.Value.Merge(m.Pane.Value)
	}
}

// limits tells where a minute's level is another than that of the minute before.
func (o *oracle) limits(device string, minutes []answer) {
	was, last := Normal, int64(0)
	for _, m := range minutes {
		if m.At-last > Forget.Milliseconds() {
			was = Normal
		}
		value := m.Pane.Value
		if kind := Kinds[value.Type].Level(value.Mean()); kind != was {
			o.add(slot{"limits", device}, answer{due: m.due,
				said: said{At: m.At, Alarm: Alarm{Kind: kind, Type: value.Type, Mean: value.Mean()}}})
			was = kind
		}
		last = m.At
	}
}

// presence tells where there is more than the patience between two readings in the order of time.
func (o *oracle) presence(device string, counted []Sent) {
	tell := func(at int64, a Alarm) {
		o.add(slot{"presence", device}, answer{said: said{At: at, Alarm: a}, due: at})
	}
	for i, r := range counted {
		patience := Kinds[r.Type].Patience()
		gap := int64(0)
		if i > 0 {
			gap = r.At - counted[i-1].At
		}
		switch {
		case i == 0 || gap > Forget.Milliseconds():
			tell(r.At, Alarm{Kind: Joined, Type: r.Type})
		case gap > patience:
			tell(r.At, Alarm{Kind: Back, Type: r.Type, Gone: gap})
		}
		if i == len(counted)-1 || counted[i+1].At-r.At > patience {
			tell(r.At+patience, Alarm{Kind: Offline, Type: r.Type, Gone: patience})
		}
	}
}

// output is the slot of an alarm.
func (a Alarm) output() string {
	switch a.Kind {
	case TooLow, TooHigh, Normal:
		return "limits"
	}
	return "presence"
}

const maxDifferences = 10

// check gives the first differences between the answers and what was said: all that is surely due must be there, in
// order, and nothing that cannot be due yet.
func (o *oracle) check(got map[slot][]said) error {
	var errs []error
	differ := func(format string, args ...any) {
		if len(errs) < maxDifferences {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for s, want := range o.answers {
		for i, a := range want {
			switch {
			case i >= len(got[s]) && a.due <= o.own[s]:
				differ("%v: number %d is missing: %+v", s, i, a.said)
			case i < len(got[s]) && a.due > o.all:
				differ("%v: number %d comes before its time: %+v", s, i, a.said)
			case i < len(got[s]) && got[s][i] != a.said:
				differ("%v: number %d is %+v, it must be %+v", s, i, got[s][i], a.said)
			}
		}
	}
	for s, all := range got {
		if extra := len(all) - len(o.answers[s]); extra > 0 {
			differ("%v: %d more than there must be: %+v", s, extra, all[len(all)-1])
		}
	}
	return errors.Join(errs...)
}
