// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// What comes in: readings, keyed by device, and the types of devices.
var (
	readings = stream.Topic[string, Reading]{
		Name: "readings", Key: codec.String, Value: codec.JSON[Reading](), Disorder: MaxDisorder, Idle: MaxQuiet,
	}
	types = stream.Topic[string, Type]{Name: "device-types", Key: codec.String, Value: codec.JSON[Type]()}
)

// pane is what a device measured in a minute or an hour.
type pane = window.Pane[Rollup]
type processor = operators.Processor[string, Alarm] // one that gives alarms

// What goes out, all keyed by device. This is where a sink stands: a time-series database takes the rollups by
// (device, start of the window), which are final and never change, and a pager takes the alarms.
var (
	minutes = stream.Topic[string, pane]{Name: "rollups-1m", Key: codec.String, Value: codec.JSON[pane]()}
	hours   = stream.Topic[string, pane]{Name: "rollups-1h", Key: codec.String, Value: codec.JSON[pane]()}
	late    = stream.Topic[string, Reading]{Name: "readings-late", Key: codec.String, Value: codec.JSON[Reading]()}
	alarms  = stream.Topic[string, Alarm]{Name: "device-alarms", Key: codec.String, Value: codec.JSON[Alarm]()}
)

// What is remembered of devices. One that is not heard of for a week is forgotten.
var (
	devices = state.Map[string, Device]{
		Name: "devices", Key: codec.String, Value: codec.JSON[Device](), TTL: state.TTL{After: Forget},
	}
	levels = state.Map[string, Kind]{
		Name: "levels", Key: codec.String, Value: codec.JSON[Kind](), TTL: state.TTL{After: Forget},
	}
)

// iot makes rollups and alarms of readings.
func iot(t *stream.Topology) {
	kinds := stream.GlobalTableFrom(t, types)
	// Devices send a reading again when they get no answer. As long as a minute may take it, its number is known.
	read := operators.Dedupe("once", stream.From(t, readings), codec.Int64, Reading.ID, time.Minute)

	perMinute := operators.AggregateWindows("minutes", read, window.Tumbling{Size: time.Minute, Emit: window.OnClose},
		operators.Fold[Reading, Rollup]{Add: Rollup.Add, Codec: codec.JSON[Rollup]()})
	perHour := operators.AggregateWindows("hours", perMinute.Out, window.Tumbling{Size: time.Hour, Emit: window.OnClose},
		operators.Over(rollupOf, operators.Fold[Rollup, Rollup]{Add: Rollup.Merge, Codec: codec.JSON[Rollup]()}))

	stream.To(perMinute.Out, minutes)
	stream.To(perHour.Out, hours)
	stream.To(perMinute.Late, late)
	stream.To(operators.Merge(presence(read, kinds), limits(perMinute.Out, kinds)), alarms)
}

// overdue names the timer of a device's missed beats. It sorts behind the names of types, so that a reading of the
// very moment still counts.
const overdue = "~overdue"

// presence tells when a device is first heard of, misses its beats, and comes back.
//
// Readings come out of order, so one that arrives after a gap does not say that there was one. Therefore each reading
// sets a timer for its own time, named after its type. Timers go off in the order of time, once nothing earlier can
// come: what they see is the device's true history, and the alarm is right and never taken back.
func presence(read stream.Stream[string, Reading],
	types stream.GlobalTable[string, Type]) stream.Stream[string, Alarm] {
	return operators.Process("presence", read, func(p *processor) operators.Func[string, Reading] {
		known, kinds := devices.Open(p), types.Open(p.Task)

		heard := func(device, kind string, at int64) {
			t, _, described := kinds.Get(kind)
			if !described {
				return // nobody has said how often such a device sends
			}
			d, seen := known.Get(device)
			switch {
			case !seen:
				p.Emit(Alarm{Kind: Joined, Type: kind})
			case !d.Online():
				p.DeleteWallTimer(device, "", time.UnixMilli(d.Call))
				p.Emit(Alarm{Kind: Back, Type: kind, Gone: at - d.Last})
			default:
				p.DeleteTimer(device, overdue, d.Overdue)
			}
			d = Device{Type: kind, Last: at, Overdue: at + t.Patience()}
			known.Put(device, d)
			p.SetTimer(device, overdue, d.Overdue)
		}
		silent := func(device string, at int64) {
			if d, seen := known.Get(device); seen && d.Overdue == at {
				p.Emit(Alarm{Kind: Offline, Type: d.Type, Gone: at - d.Last})
				d.Overdue, d.Call = 0, p.Wall().Add(Attend).UnixMilli()
				known.Put(device, d)
				p.SetWallTimer(device, "", time.UnixMilli(d.Call))
			}
		}

		p.OnTimer(func(t operators.Timer[string]) error {
			if t.Name == overdue {
				silent(t.Key, t.At)
			} else {
				heard(t.Key, t.Name, t.At)
			}
			return nil
		})
		p.OnWallTimer(func(t operators.Timer[string]) error {
			if d, seen := known.Get(t.Key); seen && !d.Online() && d.Call == t.At {
				p.Emit(Alarm{Kind: Unattended, Type: d.Type, Gone: p.Now() - d.Last})
			}
			return nil
		})
		return func(r *stream.Record[string, Reading]) error {
			if r.Time >= p.Now() { // a late one says nothing about today
				p.SetTimer(r.Key, r.Value.Type, r.Time)
			}
			return nil
		}
	})
}

// limits tells when the mean of a device's minutes leaves the limits of its type, and when it is back within.
func limits(minutes stream.Stream[string, pane],
	types stream.GlobalTable[string, Type]) stream.Stream[string, Alarm] {
	typeOf := func(_ string, minute pane) (string, bool) { return minute.Value.Type, true }
	judged := operators.JoinGlobal(minutes, types, typeOf, func(minute pane, t Type) Alarm {
		return Alarm{Kind: t.Level(minute.Value.Mean()), Type: minute.Value.Type, Mean: minute.Value.Mean()}
	})
	return operators.Process("limits", judged, func(p *processor) operators.Func[string, Alarm] {
		before := levels.Open(p)
		return func(r *stream.Record[string, Alarm]) error {
			was, known := before.Get(r.Key)
			if !known {
				was = Normal
			}
			before.Put(r.Key, r.Value.Kind) // also when it is the same: what is written lives on
			if r.Value.Kind != was {
				p.Emit(r.Value)
			}
			return nil
		}
	})
}
