// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// What the traffic centre has laid down.
const (
	MeanOver     = 5 * time.Minute  // the length of what a mean speed is of
	MeanEvery    = 30 * time.Second // how often there is a new one
	LateBy       = 2 * time.Minute  // how long reports are waited for
	MaxDisorder  = 30 * time.Second // within which reports come, but for slow sensors
	RepeatWithin = 15 * time.Minute // for which a report may be sent again

	DropTo      = 0.5  // of the usual speed: slower than that is a drop
	DropFrom    = 0.75 // of the same usual speed: it is sudden if it was so fast MeanOver before
	TellAgain   = 30 * time.Minute
	JamBelow    = 0.4                 // of the speed on the empty road
	LongestJam  = 8                   // segments: a longer one is told as several
	UsualsValid = 30 * 24 * time.Hour // for which what was usual can be looked up
)

// city is where the hours of the week are counted.
var city = time.FixedZone("Istanbul", 3*60*60) // the whole year

// Label says what the generator has done to a report.
type Label string

// What happens to reports.
const (
	Prompt Label = ""
	Slow   Label = "slow"  // comes up to LateBy after its time
	Stuck  Label = "stuck" // comes too late for everything
)

// Report is what was seen on a segment: by a detector in the road in the minute before, or by a bus that has driven
// along it, which counts as one vehicle.
type Report struct {
	Sensor   string    `json:"sensor"`
	At       time.Time `json:"at"`
	Vehicles int64     `json:"vehicles"`
	KmH      int64     `json:"kmh"` // on average; nothing when there were none
	Label    Label     `json:"label,omitempty"`
}

// When is the event time.
func (r Report) When() time.Time { return r.At }

// Reading tells a report from all others of its segment.
func (r Report) Reading() string { return r.Sensor + "@" + strconv.FormatInt(r.At.UnixMilli(), 10) }

// Flow is what was seen on a segment: so many vehicles, and the sum of their speeds.
type Flow struct {
	Vehicles int64 `json:"vehicles"`
	KmH      int64 `json:"kmh"`
}

// Add counts the vehicles of a report.
func (f Flow) Add(r Report) Flow { return Flow{f.Vehicles + r.Vehicles, f.KmH + r.Vehicles*r.KmH} }

// Merge is both together.
func (f Flow) Merge(later Flow) Flow { return Flow{f.Vehicles + later.Vehicles, f.KmH + later.KmH} }

// Usual is how fast one usually drives on a segment, from some time on.
type Usual struct {
	From time.Time `json:"from"`
	KmH  []int64   `json:"kmh"` // for each hour of the week, from Monday 0:00 on; fewer are repeated: 24 are a day
}

// When is the event time: from then on the row holds.
func (u Usual) When() time.Time { return u.From }

// At is the speed that is usual at a time, 0 if that is not known.
func (u Usual) At(t time.Time) float64 {
	t = t.In(city)
	if len(u.KmH) == 0 {
		return 0
	}
	hour := (int(t.Weekday())+6)%7*24 + t.Hour()
	return float64(u.KmH[hour%len(u.KmH)])
}

// Speed is the mean speed on a segment in the MeanOver before Until.
type Speed struct {
	Until    time.Time `json:"until"`
	Vehicles int64     `json:"vehicles"`
	KmH      float64   `json:"kmh"`
	Usual    float64   `json:"usual"` // at that hour of the week; 0: not known
}

// hasVehicles says whether there is a mean: an empty road has no speed.
func hasVehicles(p window.Pane[Flow]) bool { return p.Value.Vehicles > 0 }

// Measure makes a mean speed of what was seen. Its time is the last instant of the window.
func Measure(r *stream.Record[string, window.Pane[Flow]], out *stream.Record[string, Speed]) {
	seen, span := r.Value.Value, r.Value.Span
	out.Time = span.End - 1
	out.Value = Speed{Until: span.To(), Vehicles: seen.Vehicles, KmH: float64(seen.KmH) / float64(seen.Vehicles)}
}

// Against sets beside a mean speed what was usual then.
func (s Speed) Against(u Usual, _ bool) Speed {
	s.Usual = u.At(s.Until.Add(-time.Millisecond))
	return s
}

// Drop is a speed, and the one of the same segment MeanOver before.
type Drop struct {
	Now    Speed `json:"now"`
	Before Speed `json:"before"`
}

// Compare makes a Drop of two speeds.
func Compare(now, before Speed) Drop { return Drop{now, before} }

// IsIncident says whether traffic has broken down within minutes, where and when it usually does not.
func (d Drop) IsIncident() bool {
	usual := d.Now.Usual
	return usual > 0 && d.Now.KmH < DropTo*usual && d.Before.KmH >= DropFrom*usual
}

// Once is what a segment has one of within TellAgain: any drop.
func (d Drop) Once() struct{} { return struct{}{} }

// Road is a segment of the map.
type Road struct {
	Metres int64  `json:"metres"`
	KmH    int64  `json:"kmh"`            // when it is empty
	Next   string `json:"next,omitempty"` // the segment that it leads to
}

// State is a segment as it is now.
type State struct {
	Road  Road  `json:"road"`
	Speed Speed `json:"speed"`
}

// StateOf is what the map and the detectors say about a segment.
func StateOf(s Speed, r Road) State { return State{r, s} }

// IsJammed says whether traffic on a segment stands, more or less.
func IsJammed(_ string, s State) bool { return s.Speed.KmH < JamBelow*float64(s.Road.KmH) }

// Queue is where someone stands in a jam: on a segment of so many metres, behind Head, which is jammed as all that is
// between. Then is the segment that Head leads to.
type Queue struct {
	Head   string `json:"head"`
	Then   string `json:"then,omitempty"`
	Metres int64  `json:"metres"`
}

// QueueOf is a jammed segment of which nothing else is known: it is its own head.
func QueueOf(segment string, s State) Queue { return Queue{segment, s.Road.Next, s.Road.Metres} }

// Ahead is the segment that a queue has not looked at.
func Ahead(_ string, q Queue) (string, bool) { return q.Then, q.Then != "" }

// Behind joins a queue with the one ahead of it, if that segment is jammed.
func (q Queue) Behind(ahead Queue, jammed bool) Queue {
	if jammed {
		q.Head, q.Then = ahead.Head, ahead.Then
	}
	return q
}

// HeadOf is the jam that a queue belongs to.
func HeadOf(_ string, q Queue) (string, bool) { return q.Head, true }

// Jam is all that stands behind one head. One that is over has no segments.
type Jam struct {
	Segments int64 `json:"segments"`
	Metres   int64 `json:"metres"`
}

// Add has the jam grow by a segment.
func (j Jam) Add(q Queue) Jam { return Jam{j.Segments + 1, j.Metres + q.Metres} }

// Remove has it shrink.
func (j Jam) Remove(q Queue) Jam { return Jam{j.Segments - 1, j.Metres - q.Metres} }

// Leg is a segment as part of a route.
type Leg struct {
	Route   string `json:"route"`
	Segment string `json:"segment"`
}

// SegmentOf is the segment of a leg.
func SegmentOf(_ string, l Leg) (string, bool) { return l.Segment, true }

// Ride is how long a leg takes, in milliseconds, now and usually.
type Ride struct {
	Route string `json:"route"`
	Now   int64  `json:"now"`
	Usual int64  `json:"usual"`
}

// Ride is how long a leg takes with its segment as it is.
func (l Leg) Ride(s State) Ride {
	usual := s.Speed.Usual
	if usual == 0 {
		usual = float64(s.Road.KmH)
	}
	return Ride{l.Route, millis(s.Road.Metres, s.Speed.KmH), millis(s.Road.Metres, usual)}
}

// slowest is the speed at which time is estimated for what stands.
const slowest = 1.0

// millis is the time for so many metres.
func millis(metres int64, kmH float64) int64 { return int64(float64(metres*3600) / max(kmH, slowest)) }

// RouteOf is the route that a ride is a part of.
func RouteOf(_ string, r Ride) (string, bool) { return r.Route, true }

// Trip is how long a route takes, in milliseconds, over the legs for which that is known.
type Trip struct {
	Legs  int64 `json:"legs"`
	Now   int64 `json:"now"`
	Usual int64 `json:"usual"`
}

// Add adds a leg.
func (t Trip) Add(r Ride) Trip { return Trip{t.Legs + 1, t.Now + r.Now, t.Usual + r.Usual} }

// Remove takes one out.
func (t Trip) Remove(r Ride) Trip { return Trip{t.Legs - 1, t.Now - r.Now, t.Usual - r.Usual} }
