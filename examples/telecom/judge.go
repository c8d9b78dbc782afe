// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/fatih/color"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge keeps the books of what comes out, and tells a person about fraud and faults. It is a runner.Judge.
type judge struct {
	seed  uint64
	n     int64 // 0: of a feed without end
	got   *books
	wrong []error // what can be said without an oracle
}

func newJudge(seed uint64, n int64) *judge { return &judge{seed: seed, n: n, got: newBooks()} }

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(charges, j.once(j.got.charged)),
		runner.Watch(unrated, j.once(j.got.charged)),
		runner.Watch(nextDay, j.once(j.got.nextDay)),
		runner.Watch(nextBill, j.once(j.got.nextBill)),
		runner.Watch(days, j.day),
		runner.Watch(months, j.month),
		runner.Watch(boxes, j.box),
		runner.Watch(alarms, j.alarm),
	}
}

// once enters charges. A call has one.
func (j *judge) once(book map[string]Charge) func(runner.Record[string, Charge]) string {
	return func(r runner.Record[string, Charge]) string {
		if _, known := book[r.Value.Call.ID]; known {
			j.wrong = append(j.wrong, fmt.Errorf("%s: call %s is there twice", r.Topic, r.Value.Call.ID))
		}
		book[r.Value.Call.ID] = r.Value
		return ""
	}
}

// day enters what a day came to. It comes once.
func (j *judge) day(r runner.Record[string, Bill]) string {
	if _, known := j.got.days[r.Key][r.Value.Span.Start]; known || !r.Value.Final {
		j.wrong = append(j.wrong, fmt.Errorf("%s: day %v of %s is there twice, or not final", r.Topic, r.Value.Span, r.Key))
	}
	enter(j.got.days, r)
	return ""
}

// month enters what a month has come to so far.
func (j *judge) month(r runner.Record[string, Bill]) string {
	enter(j.got.months, r)
	return ""
}

func enter(bills map[string]map[int64]Usage, r runner.Record[string, Bill]) {
	if bills[r.Key] == nil {
		bills[r.Key] = map[int64]Usage{}
	}
	bills[r.Key][r.Value.Span.Start] = r.Value.Value
}

var (
	red    = color.New(color.FgRed, color.Bold)
	yellow = color.New(color.FgYellow)
)

func (j *judge) box(r runner.Record[string, SIMBox]) string {
	j.got.boxes[r.Key] = append(j.got.boxes[r.Key], r.Value)
	return fmt.Sprintf("%s  %s  %s  %d people called from %d cell(s) since %s", clock(r.Time), red.Sprint("sim box "),
		r.Key, r.Value.Callees, r.Value.Cells, clock(time.UnixMilli(r.Value.During.Start)))
}

func (j *judge) alarm(r runner.Record[string, Alarm]) string {
	a := r.Value
	j.got.alarms[a.Fault][r.Key] = append(j.got.alarms[a.Fault][r.Key], a)
	since := clock(time.UnixMilli(a.During.Start))
	if a.Fault == Overload {
		return fmt.Sprintf("%s  %s  %s  %d calls dropped since %s", clock(r.Time), yellow.Sprint("overload"),
			r.Key, a.Drops, since)
	}
	return fmt.Sprintf("%s  %s  %s  %d of the last %d calls dropped, since %s", clock(r.Time), yellow.Sprint("weak    "),
		r.Key, a.Drops, a.Calls, since)
}

func clock(t time.Time) string { return t.In(billing).Format("2006-01-02 15:04:05") }

// Results implements runner.Judge.
func (j *judge) Results() any {
	var rated, guests Usage
	for _, c := range j.got.charged {
		if c.Rated() {
			rated = rated.Add(c)
		} else {
			guests = guests.Add(c)
		}
	}
	t := runner.Table{Headers: []string{"what", "number", "minutes", "money"}}
	row := func(what string, number int, minutes, money any) {
		t.Rows = append(t.Rows, []any{what, number, minutes, money})
	}
	row("calls rated", int(rated.Calls), rated.Seconds/60, euros(rated.Price))
	row("calls of guests", int(guests.Calls), guests.Seconds/60, "")
	var bills Usage
	for _, months := range j.got.months {
		for _, u := range months {
			bills = bills.Merge(u)
		}
	}
	row("on the bills of months", int(bills.Calls), bills.Seconds/60, euros(bills.Price))
	row("known after the day", len(j.got.nextDay), "", "")
	row("known after the month", len(j.got.nextBill), "", "")
	row("sim boxes", len(j.got.boxes), "", "")
	row("cells overloaded", count(j.got.alarms[Overload]), "", "")
	row("cells weak", count(j.got.alarms[Weak]), "", "")
	return t
}

func count[T any](lists map[string][]T) (n int) {
	for _, l := range lists {
		n += len(l)
	}
	return n
}

// Check implements runner.Judge.
func (j *judge) Check() error {
	if j.n == 0 {
		return runner.NoOracle
	}
	return errors.Join(append(j.wrong, differences(oracle(j.seed, runner.First(j.n, Arrivals(j.seed))), j.got))...)
}

const (
	maxDifferences = 5
	// settled is how long after its end a window is closed in every partition, at the latest: there are calls and
	// releases in each within that.
	settled = 12 * time.Hour
)

// differences says what is not as it must be. Windows that may or may not be closed at the end of the data may be there
// or not, but if they are they must be right.
func differences(want, got *books) error {
	limit := want.last.Add(-settled).UnixMilli()
	var found []error
	found = append(found, compare("charge of", want.charged, got.charged, nil)...)
	found = append(found, compare("charge after the day of", want.nextDay, got.nextDay, nil)...)
	found = append(found, compare("charge after the month of", want.nextBill, got.nextBill, nil)...)
	for _, caller := range keys(want.days, got.days) {
		found = append(found, compare("day of "+caller+" from", want.days[caller], got.days[caller], func(start int64) bool {
			return start+25*time.Hour.Milliseconds() > limit
		})...)
	}
	for _, caller := range keys(want.months, got.months) {
		found = append(found, compare("month of "+caller+" from", want.months[caller], got.months[caller], nil)...)
	}
	for _, caller := range keys(want.boxes, got.boxes) {
		found = append(found, lists("boxes of "+caller, want.boxes[caller], got.boxes[caller], 0)...)
	}
	for fault := range want.alarms {
		for _, cell := range keys(want.alarms[fault], got.alarms[fault]) {
			w, g := want.alarms[fault][cell], got.alarms[fault][cell]
			open := 0
			if fault == Overload {
				closed, _ := slices.BinarySearchFunc(w, limit, func(a Alarm, limit int64) int {
					return cmp.Or(cmp.Compare(a.During.End, limit), -1)
				})
				open = len(w) - closed
			}
			found = append(found, lists(string(fault)+" of "+cell, w, g, open)...)
		}
	}
	return errors.Join(found[:min(len(found), maxDifferences)]...)
}

// compare holds two books of one kind against each other; what is open may be missing.
func compare[K string | int64, V any](what string, want, got map[K]V, open func(K) bool) (found []error) {
	for _, k := range keys(want, got) {
		w, ok := want[k]
		g, there := got[k]
		if !there && open != nil && open(k) {
			continue
		}
		if ok != there || !same(w, g) {
			found = append(found, fmt.Errorf("%s %v: want %v (%v), got %v (%v)", what, k, w, ok, g, there))
		}
	}
	return found
}

// lists compares two lists, of which the last few may be missing.
func lists[V any](what string, want, got []V, open int) []error {
	if n := len(got); n <= len(want) && n >= len(want)-open && (n == 0 || reflect.DeepEqual(want[:n], got)) {
		return nil
	}
	return []error{fmt.Errorf("%s: want %v, got %v", what, want, got)}
}

// same compares what JSON makes of them: a time is an instant in a place.
func same[V any](a, b V) bool {
	if x, ok := any(a).(Charge); ok {
		y := any(b).(Charge)
		at := x.Call.Started.Equal(y.Call.Started)
		x.Call.Started, y.Call.Started = time.Time{}, time.Time{}
		return at && x == y
	}
	return reflect.DeepEqual(a, b)
}

func keys[K string | int64, V any](a, b map[K]V) []K {
	all := maps.Clone(a)
	if all == nil {
		all = map[K]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
