// SPDX-License-Identifier: Apache-2.0

// Command ecommerce finds out what the visitors of a shop look at, buy and leave behind, from their clicks and the
// pages that are shown. Without flags it makes these and runs on a broker inside the program:
//
//	go run ./examples/ecommerce -n 100000
//	go run ./examples/ecommerce -brokers localhost:9092 -state-dir /var/lib/shop -n 5000000 -rate 20000
//
// The topology is in topology.go, what the shop has decided in model.go. Start it twice on the same brokers and the
// processes share the visitors; kill one and the other goes on; start it again and it finds its place.
package main

import (
	"iter"
	"os"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	application    = "ecommerce"
	defaultRecords = 100_000
	partitions     = 8
)

func main() { os.Exit(runner.Main(program())) }

// program is the topology with its topics, what it is fed, and who judges what it says.
func program() runner.Program {
	return runner.Program{
		Name: application, Topology: shop, Records: defaultRecords, Noun: "clicks and pages",
		Topics: []runner.Topic{
			runner.TopicOf(clicks, partitions), runner.TopicOf(pages, partitions),
			runner.TopicOf(visits, partitions), runner.TopicOf(afterVisits, partitions),
			runner.TopicOf(leftCarts, partitions), runner.TopicOf(trends, partitions),
			runner.TopicOf(together, partitions).Compact(), runner.TopicOf(mails, partitions),
		},
		Generate: feed,
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(seed, n) },
	}
}

// feed is n clicks and pages, or without end when n is 0.
func feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for a := range runner.First(n, Arrivals(seed)) {
			if !yield(a.event()) {
				return
			}
		}
	}
}

// event is the arrival as a record of its topic.
func (a Arrival) event() runner.Event {
	if a.Click != nil {
		return runner.Send(clicks, a.Click.Visitor, *a.Click, a.Click.When())
	}
	return runner.Send(pages, a.Category, a.Page, a.Page.When())
}
