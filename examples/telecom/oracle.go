// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/irmak-go/irmak/window"
)

// books are all results: what the oracle says they are, or what has come out.
type books struct {
	charged  map[string]Charge            // by call
	nextDay  map[string]Charge            // by call
	nextBill map[string]Charge            // by call
	days     map[string]map[int64]Usage   // by subscriber and the day's start
	months   map[string]map[int64]Usage   // by subscriber and the month's start
	boxes    map[string][]SIMBox          // by subscriber
	alarms   map[Fault]map[string][]Alarm // by fault and cell
	last     time.Time                    // event time of the last arrival
}

func newBooks() *books {
	return &books{
		charged: map[string]Charge{}, nextDay: map[string]Charge{}, nextBill: map[string]Charge{},
		days: map[string]map[int64]Usage{}, months: map[string]map[int64]Usage{}, boxes: map[string][]SIMBox{},
		alarms: map[Fault]map[string][]Alarm{Overload: {}, Weak: {}},
	}
}

// oracle is what becomes of all that has arrived, from all of it at once.
func oracle(seed uint64, arrivals iter.Seq[Arrival]) *books {
	b := newBooks()
	byCaller, byCell := map[string][]Call{}, map[string][]Release{}
	signed := map[string][]Contract{}
	for _, s := range Contracts(seed) {
		signed[s.Subscriber] = append(signed[s.Subscriber], s.Contract)
	}
	for a := range arrivals {
		if a.Call == nil {
			byCell[a.Release.Cell] = append(byCell[a.Release.Cell], a.Release)
			b.last = a.Release.At
			continue
		}
		b.last = a.Call.Started
		if _, known := b.charged[a.Call.ID]; !known {
			b.charged[a.Call.ID] = b.bill(*a.Call, signed[a.Call.Caller])
			byCaller[a.Call.Caller] = append(byCaller[a.Call.Caller], *a.Call)
		}
	}
	for caller, calls := range byCaller {
		b.boxes[caller] = boxesOf(calls)
	}
	for cell, all := range byCell {
		b.alarms[Overload][cell] = overloadsOf(all)
		b.alarms[Weak][cell] = weaknessesOf(all)
	}
	return b
}

// bill prices a call and puts it on the bills of its day and its month, unless it comes two days late.
func (b *books) bill(call Call, signed []Contract) Charge {
	var held Contract
	for _, c := range signed {
		if !c.From.After(call.Started) {
			held = c
		}
	}
	c := Rate(call, held, held.Plan != "")
	if !c.Rated() {
		return c
	}
	local := call.Started.In(billing)
	y, m, d := local.Date()
	if call.Label == Belated {
		b.nextDay[call.ID] = c
	} else {
		add(b.days, call.Caller, time.Date(y, m, d, 0, 0, 0, 0, billing), c)
	}
	if call.Label == Belated && local.Add(belatedBy).Month() != m {
		b.nextBill[call.ID] = c
	} else {
		add(b.months, call.Caller, time.Date(y, m, 1, 0, 0, 0, 0, billing), c)
	}
	return c
}

func add(bills map[string]map[int64]Usage, caller string, start time.Time, c Charge) {
	if bills[caller] == nil {
		bills[caller] = map[int64]Usage{}
	}
	bills[caller][start.UnixMilli()] = bills[caller][start.UnixMilli()].Add(c)
}

// boxesOf is when a caller's calls, as they arrived, began to look like those of a box, in each window.
func boxesOf(calls []Call) (found []SIMBox) {
	type seen struct {
		callees, cells map[string]bool
		told           bool
	}
	windows := map[int64]*seen{}
	for _, c := range calls {
		span := window.Tumbling{Size: BoxWindow}.Spans(nil, c.Started.UnixMilli())[0]
		s := windows[span.Start]
		if s == nil {
			s = &seen{callees: map[string]bool{}, cells: map[string]bool{}}
			windows[span.Start] = s
		}
		s.callees[c.Callee], s.cells[c.Cell] = true, true
		if !s.told && len(s.callees) >= BoxCallees && len(s.cells) <= BoxCells {
			s.told = true
			found = append(found, SIMBox{span, len(s.callees), len(s.cells)})
		}
	}
	return found
}

// overloadsOf looks at every ten minutes that end, or begin just after, a call.
func overloadsOf(all []Release) (found []Alarm) {
	all = slices.SortedFunc(slices.Values(all), func(a, b Release) int { return a.At.Compare(b.At) })
	size := OverloadWithin.Milliseconds()
	starts := map[int64]bool{}
	for _, r := range all {
		starts[r.At.UnixMilli()-size], starts[r.At.UnixMilli()+1] = true, true
	}
	var passed []int64
	for _, start := range slices.Sorted(maps.Keys(starts)) {
		from, _ := slices.BinarySearchFunc(all, start, func(r Release, at int64) int {
			return cmp.Compare(r.At.UnixMilli(), at)
		})
		a, last := Alarm{Fault: Overload, During: window.Span{Start: start, End: start + size + 1}}, int64(0)
		for _, r := range all[from:] {
			if r.At.UnixMilli() > start+size {
				break
			}
			a.Drops += r.Drops()
			last = r.At.UnixMilli()
		}
		if a.Drops >= OverloadDrops && isNews(&passed, last) {
			found = append(found, a)
		}
	}
	return found
}

// weaknessesOf looks at the last fifty calls after every ten, as they arrived.
func weaknessesOf(all []Release) (found []Alarm) {
	var passed []int64
	for end := WeakCalls; end <= len(all); end += WeakEvery {
		a := Alarm{Fault: Weak, Calls: WeakCalls}
		last := all[end-WeakCalls : end]
		for _, r := range last {
			a.Drops += r.Drops()
		}
		a.During.Start = slices.MinFunc(last, func(a, b Release) int { return a.At.Compare(b.At) }).At.UnixMilli()
		latest := slices.MaxFunc(last, func(a, b Release) int { return a.At.Compare(b.At) }).At.UnixMilli()
		a.During.End = latest + 1
		if float64(a.Drops) >= WeakShare*WeakCalls && isNews(&passed, latest) {
			found = append(found, a)
		}
	}
	return found
}

// isNews says whether nothing was told of within AlarmOnce of an instant.
func isNews(passed *[]int64, at int64) bool {
	for _, before := range *passed {
		if max(at-before, before-at) <= AlarmOnce.Milliseconds() {
			return false
		}
	}
	*passed = append(*passed, at)
	return true
}
