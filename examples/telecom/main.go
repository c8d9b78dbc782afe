// SPDX-License-Identifier: Apache-2.0

// Command telecom rates and bills telephone calls, and finds fraud and faulty cells, from the records of switches and
// cells. Without flags it makes these and runs on a broker inside the program:
//
//	go run ./examples/telecom -n 100000
//	go run ./examples/telecom -brokers localhost:9092 -state-dir /var/lib/telecom -n 5000000 -rate 20000
//
// The topology is in topology.go, what is agreed upon in model.go. Start it twice on the same brokers and the processes
// share the subscribers; kill one and the other goes on; start it again and it finds its place.
package main

import (
	"iter"
	"os"
	_ "time/tzdata" // a bill must not depend on what the machine knows of time zones

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	application    = "telecom"
	defaultRecords = 100_000
	partitions     = 8
)

func main() { os.Exit(runner.Main(program())) }

// program is the topology with its topics, what it is fed, and who judges what it says.
func program() runner.Program {
	return runner.Program{
		Name: application, Topology: telecom, Records: defaultRecords,
		Topics: []runner.Topic{
			runner.TopicOf(cdrs, partitions), runner.TopicOf(contracts, partitions), runner.TopicOf(releases, partitions),
			runner.TopicOf(charges, partitions), runner.TopicOf(unrated, partitions), runner.TopicOf(days, partitions),
			runner.TopicOf(months, partitions), runner.TopicOf(nextDay, partitions), runner.TopicOf(nextBill, partitions),
			runner.TopicOf(boxes, partitions), runner.TopicOf(alarms, partitions),
		},
		Generate: feed,
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(seed, n) },
	}
}

// feed is all contracts, and then n call records and releases, or without end when n is 0.
func feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for _, s := range Contracts(seed) {
			if !yield(runner.Reference(runner.Send(contracts, s.Subscriber, s.Contract, s.From))) {
				return
			}
		}
		if !yield(runner.Event{}) {
			return
		}
		for a := range runner.First(n, Arrivals(seed)) {
			if !yield(a.event()) {
				return
			}
		}
	}
}

// event is the arrival as a record of its topic.
func (a Arrival) event() runner.Event {
	if a.Call != nil {
		return runner.Send(cdrs, a.Call.Caller, *a.Call, a.Call.When())
	}
	return runner.Send(releases, a.Release.Cell, a.Release, a.Release.When())
}
