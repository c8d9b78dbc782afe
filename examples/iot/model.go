// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// What the program promises about time.
const (
	// MaxDisorder is how late a reading may arrive, over radio, gateway and broker, and still count.
	MaxDisorder = 3 * time.Minute
	// MaxQuiet is after how much wall time without any input the clocks follow the wall, so that devices are found
	// silent and windows close even when nothing comes at all.
	MaxQuiet = 5 * time.Minute
	// MissedBeats is how many beats a device may miss before it is offline.
	MissedBeats = 3
	// Attend is how long, by the clock on the wall, a device may be offline before somebody has to be called.
	Attend = 15 * time.Minute
	// Forget is how long a device's state is kept after it was last heard of.
	Forget = 7 * 24 * time.Hour
)

// Reading is what a device measured. Its key is the device, its event time the record's: when it was measured.
type Reading struct {
	Number int64   `json:"number"` // counted by the device: one that it sends again has the number of the first time
	Type   string  `json:"type"`
	Value  float64 `json:"value"` // in the type's unit
	Truth  Truth   `json:"truth,omitempty"`
}

// ID tells a device's readings apart.
func (r Reading) ID() int64 { return r.Number }

// Truth is what the generator knows about a reading and no operator looks at.
type Truth string

// The truths; most readings have none.
const (
	Copy     Truth = "copy"     // sent again by a device that did not get its answer
	Buffered Truth = "buffered" // from the buffer of a device that was offline for hours: hopelessly late
	Return   Truth = "return"   // the first after a long silence
	Trouble  Truth = "trouble"  // beyond the limits of the type
)

// Type is what is known of all devices of a type. Its key is the type's name.
type Type struct {
	Unit string  `json:"unit"`
	Beat int64   `json:"beat"` // seconds between two readings
	Low  float64 `json:"low"`  // a minute's mean below is an alarm
	High float64 `json:"high"` // and so is one above
}

// Patience is after how many milliseconds without a reading a device of the type is offline.
func (t Type) Patience() int64 { return MissedBeats * t.Beat * time.Second.Milliseconds() }

// Level says where a mean lies.
func (t Type) Level(mean float64) Kind {
	switch {
	case mean < t.Low:
		return TooLow
	case mean > t.High:
		return TooHigh
	}
	return Normal
}

// Rollup sums up the readings of a device in a minute or an hour.
type Rollup struct {
	Type  string  `json:"type"`
	Count int64   `json:"count"`
	Sum   float64 `json:"sum"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
}

// Add is the rollup with one more reading in it.
func (a Rollup) Add(r Reading) Rollup {
	return a.Merge(Rollup{Type: r.Type, Count: 1, Sum: r.Value, Min: r.Value, Max: r.Value})
}

// Merge is the rollup of both parts.
func (a Rollup) Merge(b Rollup) Rollup {
	if a.Count == 0 {
		return b
	}
	return Rollup{b.Type, a.Count + b.Count, a.Sum + b.Sum, min(a.Min, b.Min), max(a.Max, b.Max)}
}

// rollupOf is what a minute holds.
func rollupOf(minute pane) Rollup { return minute.Value }

// Mean of a rollup that has readings.
func (a Rollup) Mean() float64 { return a.Sum / float64(a.Count) }

// Kind is what an alarm is about.
type Kind string

// The kinds of alarms: three that a device is heard of or not, one that nobody has cared, and three of its minutes.
const (
	Joined     Kind = "joined"     // its first reading ever, or since it was forgotten
	Offline    Kind = "offline"    // it has missed its beats
	Back       Kind = "back"       // it is heard of again
	Unattended Kind = "unattended" // it has been offline for long, by the clock on the wall
	TooLow     Kind = "too low"
	TooHigh    Kind = "too high"
	Normal     Kind = "normal" // within the limits again
)

// Alarm is news about a device, which is its key; its event time is when the device's state changed.
type Alarm struct {
	Kind Kind    `json:"kind"`
	Type string  `json:"type"`
	Mean float64 `json:"mean,omitempty"` // of the minute that left its limits, or came back
	Gone int64   `json:"gone,omitempty"` // milliseconds since the last reading; of Offline, Back, Unattended
}

// Device is what is remembered of a device that was heard of within Forget.
type Device struct {
	Type    string `json:"type"`
	Last    int64  `json:"last"`              // event time of its newest reading
	Overdue int64  `json:"overdue,omitempty"` // when it will have missed its beats; 0 once it is offline
	Call    int64  `json:"call,omitempty"`    // wall time at which somebody is called; 0 while it is online
}

// Online says whether it has not missed its beats.
func (d Device) Online() bool { return d.Overdue != 0 }
