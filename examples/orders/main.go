// SPDX-License-Identifier: Apache-2.0

// Command orders follows the orders of a shop: are there units, are they paid in time, and what becomes of them.
// Without flags it makes orders, payments and deliveries and runs on a broker inside the program:
//
//	go run ./examples/orders -n 100000
//	go run ./examples/orders -brokers localhost:9092 -state-dir /var/lib/orders -n 5000000 -rate 20000
//
// The topology is in topology.go, what happens to an order and to a shelf in model.go. Start it twice on the same
// brokers and the processes share the orders; kill one and the other goes on; start it again and it finds its place.
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
		Name: "orders", Topology: shop, Records: defaultRecords,
		Topics: []runner.Topic{
			runner.TopicOf(ordersTopic, partitions), runner.TopicOf(paymentsTopic, partitions),
			runner.TopicOf(stockTopic, partitions).Compact(),
			runner.TopicOf(openOrders, partitions).Compact(), runner.TopicOf(endedOrders, partitions),
			runner.TopicOf(refunds, partitions), runner.TopicOf(ledger, partitions),
		},
		Generate: feed,
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(seed, n) },
	}
}

// feed is the warehouse's catalogue, and then n orders, payments and deliveries, or without end when n is 0.
func feed(seed uint64, n int64) iter.Seq[runner.Event] {
	return func(yield func(runner.Event) bool) {
		for _, row := range Catalogue(seed) {
			if !yield(runner.Reference(runner.Send(stockTopic, row.Product, row, row.When()))) {
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
	switch {
	case a.Order != nil:
		return runner.Send(ordersTopic, a.Order.ID, *a.Order, a.Order.When())
	case a.Payment != nil:
		return runner.Send(paymentsTopic, a.Payment.Order, *a.Payment, a.Payment.When())
	}
	return runner.Send(stockTopic, a.Stock.Product, *a.Stock, a.Stock.When())
}
