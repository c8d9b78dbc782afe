// SPDX-License-Identifier: Apache-2.0

// Command iot reads what devices measure, sums it up by minute and hour, and tells which devices are silent or in
// trouble. Without flags it makes readings and runs on a broker inside the program:
//
//	go run ./examples/iot -n 100000
//	go run ./examples/iot -brokers localhost:9092 -state-dir /var/lib/iot -n 5000000 -rate 20000
//
// The topology is in topology.go. Start it twice on the same brokers and the processes share the devices; kill one and
// the other goes on; start it again and it finds its place.
package main

import (
	"iter"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	application    = "iot"
	defaultRecords = 300_000 // ten days
	partitions     = 8
)

func main() { os.Exit(runner.Main(program())) }

// program is the topology with its topics, what it is fed, and who judges what it says.
func program() runner.Program {
	return runner.Program{
		Name: application, Topology: iot, Records: defaultRecords, Noun: "readings",
		Topics: []runner.Topic{
			runner.TopicOf(readings, partitions), runner.TopicOf(types, 1).Compact(),
			runner.TopicOf(minutes, partitions), runner.TopicOf(hours, partitions),
			runner.TopicOf(late, partitions), runner.TopicOf(alarms, partitions),
		},
		Generate: feed,
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(seed, n) },
	}
}

// feed is the types of devices, and then n readings, or without end when n is 0.
func feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for _, name := range slices.Sorted(maps.Keys(Kinds)) {
			e := runner.Send(types, name, Kinds[name], time.UnixMilli(generatorStart))
			if !yield(runner.Reference(e)) {
				return
			}
		}
		if !yield(runner.Event{}) {
			return
		}
		for r := range runner.First(n, Readings(seed, fleetSize)) {
			if !yield(runner.Send(readings, r.Device, r.Reading, time.UnixMilli(r.At))) {
				return
			}
		}
	}
}
