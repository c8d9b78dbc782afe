// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// What the switches, the contract department and the cells write.
var (
	cdrs = stream.Topic[string, Call]{ // by caller
		Name: "calls", Key: codec.String, Value: codec.JSON[Call](), Time: Call.When, Disorder: MaxDisorder,
	}
	contracts = stream.Topic[string, Contract]{ // by subscriber
		Name: "contracts", Key: codec.String, Value: codec.JSON[Contract](), Time: Contract.When,
	}
	releases = stream.Topic[string, Release]{ // by cell
		Name: "releases", Key: codec.String, Value: codec.JSON[Release](), Time: Release.When,
		Disorder: ReleaseDisorder,
	}
)

// What comes out. This is where sinks stand: the billing database takes its rows from bills-by-month, with the
// subscriber and the month as key; the ticket system takes cell-alarms; a reader at read-committed sees each once.
var (
	charges  = stream.Topic[string, Charge]{Name: "charges", Key: codec.String, Value: codec.JSON[Charge]()}
	unrated  = stream.Topic[string, Charge]{Name: "unrated-calls", Key: codec.String, Value: codec.JSON[Charge]()}
	days     = stream.Topic[string, Bill]{Name: "bills-by-day", Key: codec.String, Value: codec.JSON[Bill]()}
	months   = stream.Topic[string, Bill]{Name: "bills-by-month", Key: codec.String, Value: codec.JSON[Bill]()}
	nextDay  = stream.Topic[string, Charge]{Name: "charges-after-day", Key: codec.String, Value: codec.JSON[Charge]()}
	nextBill = stream.Topic[string, Charge]{Name: "charges-after-month", Key: codec.String, Value: codec.JSON[Charge]()}
	boxes    = stream.Topic[string, SIMBox]{Name: "sim-boxes", Key: codec.String, Value: codec.JSON[SIMBox]()}
	alarms   = stream.Topic[string, Alarm]{Name: "cell-alarms", Key: codec.String, Value: codec.JSON[Alarm]()}
)

// Bill is a subscriber's usage in a day or a month.
type Bill = window.Pane[Usage]

// telecom rates and bills calls, and looks for fraud and for cells that drop calls.
func telecom(t *stream.Topology) {
	calls := operators.Dedupe("mediation", stream.From(t, cdrs), codec.String, Call.Number, RepeatWithin)
	bill(rate(calls, stream.VersionedTableFrom(t, contracts, ContractHistory)))
	stream.To(simBoxes(calls), boxes)

	released := stream.From(t, releases)
	stream.To(operators.Merge(overloaded(released), weak(released)), alarms)
}

// rate prices each call by the contract that held when it began, and sets those of strangers aside.
func rate(calls stream.Stream[string, Call], contracts stream.Table[string, Contract]) stream.Stream[string, Charge] {
	priced := operators.LeftJoinTable(calls, contracts, Rate)
	rated, others := operators.Branch(priced, Charge.Rated)
	stream.To(rated, charges)
	stream.To(others, unrated)
	return rated
}

// usage folds charges into a bill.
var usage = operators.Fold[Charge, Usage]{Add: Usage.Add, Merge: Usage.Merge, Codec: codec.JSON[Usage]()}

// bill adds the charges up, by the days and months of the place where bills are written: for each day what it came to
// once it is over, for the month what it has come to so far. Calls that
// become known too late for that are told apart.
func bill(rated stream.Stream[string, Charge]) {
	day := window.Calendar{Unit: window.Day, In: billing, Emit: window.OnClose}
	month := window.Calendar{Unit: window.Month, In: billing, Emit: window.PerCommit}
	byDay := operators.AggregateWindows("bills-by-day", rated, day, usage)
	byMonth := operators.AggregateWindows("bills-by-month", rated, month, usage)
	stream.To(byDay.Out, days)
	stream.To(byDay.Late, nextDay)
	stream.To(byMonth.Out, months)
	stream.To(byMonth.Late, nextBill)
}

// habits folds calls into the people called and the places called from.
var habits = operators.Both(
	operators.Distinct(func(c Call) string { return c.Callee }, codec.String),
	operators.Distinct(func(c Call) string { return c.Cell }, codec.String))

// simBoxes finds subscribers who call many people from few places, as soon as it shows, once in each window.
func simBoxes(calls stream.Stream[string, Call]) stream.Stream[string, SIMBox] {
	seen := operators.AggregateWindows("habits", calls, window.Tumbling{Size: BoxWindow}, habits)
	suspects := operators.FilterMap(seen.Out, Suspect)
	return operators.Dedupe("boxes-once", suspects, codec.Int64, SIMBox.Slot, BoxWindow)
}

// overloaded finds cells that drop many calls within minutes.
func overloaded(released stream.Stream[string, Release]) stream.Stream[string, Alarm] {
	w := window.Sliding{Size: OverloadWithin, Emit: window.OnClose}
	drops := operators.AggregateWindows("drops", released, w, operators.Sum(Release.Drops))
	return once("overload-once", operators.FilterMap(drops.Out, CheckOverload))
}

// weak finds cells that drop many of the last calls, however long these took to come together.
func weak(released stream.Stream[string, Release]) stream.Stream[string, Alarm] {
	w := window.Count{Size: WeakCalls, Advance: WeakEvery, Emit: window.OnClose}
	share := operators.AggregateWindows("drop-share", released, w, operators.Avg(Release.Drops))
	return once("weak-once", operators.FilterMap(share.Out, CheckWeak))
}

// once lets an alarm of a cell through, and no other of its kind for a while.
func once(name string, alarms stream.Stream[string, Alarm]) stream.Stream[string, Alarm] {
	return operators.Dedupe(name, alarms, codec.String, Alarm.Kind, AlarmOnce)
}
