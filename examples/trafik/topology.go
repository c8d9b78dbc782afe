// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// reports is what detectors and buses write, by segment. It is one topic: of two, the one that is read faster would
// move the clock on, and reports of the other would be late.
var reports = stream.Topic[string, Report]{
	Name: "reports", Key: codec.String, Value: codec.JSON[Report](), Time: Report.When, Disorder: MaxDisorder,
}

// What is known beforehand.
var (
	usuals = stream.Topic[string, Usual]{ // by segment
		Name: "usual-speeds", Key: codec.String, Value: codec.JSON[Usual](), Time: Usual.When,
	}
	roads = stream.Topic[string, Road]{Name: "roads", Key: codec.String, Value: codec.JSON[Road]()} // by segment
	legs  = stream.Topic[string, Leg]{Name: "legs", Key: codec.String, Value: codec.JSON[Leg]()}    // by route and number
)

// What comes out. This is where sinks stand: the map on the wall follows speeds, jams and travel-times as tables, with
// the newest value per key; the road patrol's pager follows incidents; all speeds go to an archive of time series.
var (
	speeds = stream.Topic[string, Speed]{ // by segment
		Name: "speeds", Key: codec.String, Value: codec.JSON[Speed](),
	}
	late = stream.Topic[string, Report]{ // by segment
		Name: "late-reports", Key: codec.String, Value: codec.JSON[Report](),
	}
	incidents = stream.Topic[string, Drop]{ // by segment
		Name: "incidents", Key: codec.String, Value: codec.JSON[Drop](),
	}
	jams  = stream.Topic[string, Jam]{Name: "jams", Key: codec.String, Value: codec.JSON[Jam]()}           // by head
	trips = stream.Topic[string, Trip]{Name: "travel-times", Key: codec.String, Value: codec.JSON[Trip]()} // by route
)

// trafik knows how fast one drives on each segment of the city's roads. What happens on one segment is found from that
// in the same task; what happens between segments from the topic of speeds, read again as a table.
func trafik(t *stream.Topology) {
	speed := against(measure(t), stream.VersionedTableFrom(t, usuals, UsualsValid))
	stream.To(speed, speeds)
	stream.To(suddenDrops(speed), incidents)

	states := stream.EncodeTable(
		operators.JoinTables(stream.TableFrom(t, speeds), stream.TableFrom(t, roads), StateOf), codec.JSON[State]())
	stream.To(operators.PerCommit(jamsOf(states)), jams)
	stream.To(operators.PerCommit(travelTimes(stream.TableFrom(t, legs), states)), trips)
}

// flow folds reports; its parts are shared by the windows that overlap.
var flow = operators.Fold[Report, Flow]{Add: Flow.Add, Merge: Flow.Merge, Codec: codec.JSON[Flow]()}

// measure gives the mean speed on each segment, once for each window, when the reports for it have had their time to
// come.
func measure(t *stream.Topology) stream.Stream[string, Speed] {
	once := operators.Dedupe("reports-once", stream.From(t, reports), codec.String, Report.Reading, RepeatWithin)
	w := window.Hopping{Size: MeanOver, Advance: MeanEvery, Grace: LateBy, Emit: window.OnClose}
	seen := operators.AggregateWindows("means", once, w, flow)
	stream.To(seen.Late, late)
	return operators.MapRecord(operators.Filter(seen.Out, hasVehicles), Measure)
}

// against looks up what is usual, as of the time of each mean: it may have changed since, with roadworks that begin or
// end, but what was usual then counts.
func against(speed stream.Stream[string, Speed], usual stream.Table[string, Usual]) stream.Stream[string, Speed] {
	return stream.Encode(operators.LeftJoinTable(speed, usual, Speed.Against), codec.JSON[Speed]())
}

// suddenDrops compares each mean with that of the window right before its own. A rush hour comes slowly, and is usual.
func suddenDrops(speed stream.Stream[string, Speed]) stream.Stream[string, Drop] {
	fiveMinutesBefore := window.Within{Before: MeanOver, After: -MeanOver}
	drops := operators.Join("drops", speed, speed, fiveMinutesBefore, Compare)
	drops = operators.Filter(drops, Drop.IsIncident)
	return operators.Dedupe("incidents-once", drops, codec.Unit, Drop.Once, TellAgain)
}

// jam folds the segments that stand behind one head.
var jam = operators.Fold[Queue, Jam]{Add: Jam.Add, Remove: Jam.Remove, Codec: codec.JSON[Jam]()}

// jamsOf finds which jammed segments belong together: each belongs to the jam of the one that it leads to, if that is
// jammed. Each join along the road doubles how far a segment sees: 2, 4, then LongestJam.
func jamsOf(states stream.Table[string, State]) stream.Table[string, Jam] {
	jammed := operators.FilterTable(states, IsJammed)
	queues := stream.EncodeTable(operators.MapTable(jammed, QueueOf), codec.JSON[Queue]())
	for _, name := range []string{"queue-of-2", "queue-of-4", "queue-of-8"} {
		queues = operators.LeftJoinForeign(name, queues, queues, Ahead, Queue.Behind)
		queues = stream.EncodeTable(queues, codec.JSON[Queue]())
	}
	return operators.GroupTable("jams", queues, codec.String, HeadOf, jam)
}

// trip folds the legs of a route.
var trip = operators.Fold[Ride, Trip]{Add: Trip.Add, Remove: Trip.Remove, Codec: codec.JSON[Trip]()}

// travelTimes adds up the legs of each route. A segment can be part of many.
func travelTimes(legs stream.Table[string, Leg], states stream.Table[string, State]) stream.Table[string, Trip] {
	rides := operators.JoinForeign("rides", legs, states, SegmentOf, Leg.Ride)
	rides = stream.EncodeTable(rides, codec.JSON[Ride]())
	return operators.GroupTable("travel-times", rides, codec.String, RouteOf, trip)
}
