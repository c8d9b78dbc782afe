// SPDX-License-Identifier: Apache-2.0

// Command trafik knows the traffic of a city: how fast one drives on each road, where it jams and how far back, where
// it broke down suddenly, and how long a route takes. Without flags it makes the reports of detectors and buses and
// runs on a broker inside the program:
//
//	go run ./examples/trafik -n 100000
//	go run ./examples/trafik -brokers localhost:9092 -state-dir /var/lib/trafik -n 5000000 -rate 20000
//
// The topology is in topology.go, what is computed in model.go. Start it twice on the same brokers and the processes
// share the segments; kill one and the other goes on; start it again and it finds its place.
package main

import (
	"iter"
	"os"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	defaultRecords = 100_000
	partitions     = 8
)

func main() { os.Exit(runner.Main(program())) }

// program is the topology with its topics, what it is fed, and who judges what it says.
func program() runner.Program {
	return runner.Program{
		Name: "trafik", Topology: trafik, Records: defaultRecords, Noun: "reports",
		Topics: []runner.Topic{
			runner.TopicOf(reports, partitions),
			// Compaction would keep the last version of what is usual, and take those away that hold before.
			runner.TopicOf(usuals, partitions),
			runner.TopicOf(roads, partitions).Compact(), runner.TopicOf(legs, partitions).Compact(),
			runner.TopicOf(speeds, partitions), // the judge wants to see them all
			runner.TopicOf(late, partitions), runner.TopicOf(incidents, partitions),
			runner.TopicOf(jams, partitions).Compact(), runner.TopicOf(trips, partitions).Compact(),
		},
		Generate: feed,
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(seed, n) },
	}
}

// feed is the map and what is usual, and then n reports, or without end when n is 0.
func feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for e := range known(NewCity(seed)) {
			if !yield(runner.Reference(e)) {
				return
			}
		}
		if !yield(runner.Event{}) {
			return
		}
		for a := range runner.First(n, Arrivals(seed)) {
			if !yield(runner.Send(reports, a.Segment, a.Report, a.At)) {
				return
			}
		}
	}
}

// known is what is known of a city beforehand.
func known(c *City) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for _, segment := range c.Segments {
			if !yield(runner.Send(roads, segment, c.Roads[segment], mapDrawn)) {
				return
			}
		}
		for _, u := range c.Announced() {
			if !yield(runner.Send(usuals, u.Segment, u.Usual, u.From)) {
				return
			}
		}
		for _, leg := range c.Legs {
			if !yield(runner.Send(legs, leg.Key, leg.Leg, mapDrawn)) {
				return
			}
		}
	}
}
