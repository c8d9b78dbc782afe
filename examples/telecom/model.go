// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// Call is a call data record: what a switch writes when a call has ended. Switches write their own local time, with
// its distance from UTC.
type Call struct {
	ID      string    `json:"id"` // of the switch: a record that is sent twice has one number
	Caller  string    `json:"caller"`
	Callee  string    `json:"callee"`
	Cell    string    `json:"cell"`
	Started time.Time `json:"started"`
	Seconds int64     `json:"seconds"`
	Label   Label     `json:"label,omitempty"`
}

// Label is the truth about a generated call, which nothing but the tests looks at.
type Label string

// What calls are labelled with.
const (
	Ordinary  Label = ""
	Repeated  Label = "repeated"  // the switch sends it again
	Belated   Label = "belated"   // the switch was cut off for two days
	Roaming   Label = "roaming"   // of a guest: there is no contract
	ThroughSB Label = "sim box"   // another carrier's call, sold as one of ours
	Courier   Label = "courier"   // many people called, from everywhere
	Operator  Label = "call desk" // many calls, to few people
)

// When is the call's event time: what it costs is a matter of when it began.
func (c Call) When() time.Time { return c.Started }

// Number is what is unique about a call.
func (c Call) Number() string { return c.ID }

// Contract is what a subscriber pays, from a time on.
type Contract struct {
	Plan      string    `json:"plan"`
	From      time.Time `json:"from"`
	Setup     int64     `json:"setup"`     // for each call, in hundredths of a cent
	PerMinute int64     `json:"perMinute"` // in hundredths of a cent; by the second
}

// When is when the contract begins to hold.
func (c Contract) When() time.Time { return c.From }

// Charge is what a call costs. A call without a contract costs nothing here: another carrier is sent the bill.
type Charge struct {
	Call  Call   `json:"call"`
	Plan  string `json:"plan,omitempty"`
	Price int64  `json:"price"` // in hundredths of a cent
}

// Rate prices a call by the contract that held when it began.
func Rate(call Call, c Contract, known bool) Charge {
	if !known {
		return Charge{Call: call}
	}
	return Charge{Call: call, Plan: c.Plan, Price: c.Setup + (call.Seconds*c.PerMinute+59)/60}
}

// Rated says whether there was a contract.
func (c Charge) Rated() bool { return c.Plan != "" }

// Usage is what is on a bill.
type Usage struct {
	Calls   int64 `json:"calls"`
	Seconds int64 `json:"seconds"`
	Price   int64 `json:"price"` // in hundredths of a cent
}

// Add takes a call in.
func (u Usage) Add(c Charge) Usage {
	return Usage{u.Calls + 1, u.Seconds + c.Call.Seconds, u.Price + c.Price}
}

// Merge adds two bills up.
func (u Usage) Merge(o Usage) Usage {
	return Usage{u.Calls + o.Calls, u.Seconds + o.Seconds, u.Price + o.Price}
}

// SIMBox says that a subscriber looks like a box of SIM cards which sells other carriers' calls as calls of ours: it
// stands in one place and calls everybody.
type SIMBox struct {
	During  window.Span `json:"during"`
	Callees int         `json:"callees"`
	Cells   int         `json:"cells"`
}

// Habits are the people whom a subscriber calls, and the cells from which.
type Habits = codec.Two[operators.Tally[string], operators.Tally[string]]

// Suspect judges habits: they are those of a box when there are many callees in few cells.
func Suspect(pane window.Pane[Habits]) (SIMBox, bool) {
	callees, cells := pane.Value.First.Len(), pane.Value.Second.Len()
	return SIMBox{pane.Span, callees, cells}, callees >= BoxCallees && cells <= BoxCells
}

// Slot tells one window from another.
func (b SIMBox) Slot() int64 { return b.During.Start }

// Release is the end of a call as a cell sees it.
type Release struct {
	Cell    string    `json:"cell"`
	At      time.Time `json:"at"`
	Dropped bool      `json:"dropped,omitempty"`
}

// When is the release's event time.
func (r Release) When() time.Time { return r.At }

// Drops is 1 for a dropped call and else 0.
func (r Release) Drops() int64 {
	if r.Dropped {
		return 1
	}
	return 0
}

// Fault is what is wrong with a cell.
type Fault string

// The two faults.
const (
	Overload Fault = "overload" // many drops within minutes: more people than the cell has room for
	Weak     Fault = "weak"     // many of the last calls were dropped, however few these are: an antenna
)

// Alarm asks for somebody to look after a cell.
type Alarm struct {
	Fault  Fault       `json:"fault"`
	During window.Span `json:"during"`
	Drops  int64       `json:"drops"`
	Calls  int64       `json:"calls,omitempty"` // of which so many were dropped
}

// CheckOverload judges the drops within OverloadWithin.
func CheckOverload(pane window.Pane[int64]) (Alarm, bool) {
	return Alarm{Fault: Overload, During: pane.Span, Drops: pane.Value}, pane.Value >= OverloadDrops
}

// Kind is what a cell has no more than one alarm of at a time.
func (a Alarm) Kind() string { return string(a.Fault) }

// CheckWeak judges the last WeakCalls calls.
func CheckWeak(pane window.Pane[operators.Mean]) (Alarm, bool) {
	drops := pane.Value
	a := Alarm{Fault: Weak, During: pane.Span, Drops: int64(drops.Sum), Calls: drops.Count}
	return a, drops.Count >= WeakCalls && drops.Value() >= WeakShare
}

// What the network and its accountants have agreed upon.
const (
	MaxDisorder     = 30 * time.Minute    // within which switches deliver, but for those that are cut off
	RepeatWithin    = time.Hour           // for which a switch may send a record again
	ContractHistory = 90 * 24 * time.Hour // for which a bill can be disputed

	BoxWindow  = 6 * time.Hour
	BoxCallees = 40
	BoxCells   = 2

	ReleaseDisorder = 5 * time.Minute
	OverloadWithin  = 10 * time.Minute
	OverloadDrops   = 10
	WeakCalls       = 50
	WeakEvery       = 10 // calls
	WeakShare       = 0.25
	AlarmOnce       = 6 * time.Hour // nobody wants to be told again before
)

// billing is where the days and months of bills begin.
var billing = place("Europe/Berlin")

func place(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // the time zones are built in
	}
	return l
}

// euros writes hundredths of a cent as people do.
func euros(price int64) string { return fmt.Sprintf("%d.%02d €", price/10_000, price/100%100) }
