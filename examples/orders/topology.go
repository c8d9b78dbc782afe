// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// What the shop, the bank and the warehouse write.
var (
	ordersTopic = stream.Topic[string, Order]{ // by order
		Name: "orders", Key: codec.String, Value: codec.JSON[Order](), Time: Order.When, Disorder: MaxDisorder,
	}
	paymentsTopic = stream.Topic[string, Payment]{ // by order
		Name: "payments", Key: codec.String, Value: codec.JSON[Payment](), Time: Payment.When, Disorder: MaxDisorder,
	}
	stockTopic = stream.Topic[string, Stock]{ // by product, compacted
		Name: "stock", Key: codec.String, Value: codec.JSON[Stock](), Time: Stock.When,
	}
)

// What comes out. This is where sinks stand: a database that the service desk looks into takes its rows from
// open-orders, the bank's connector its refunds, and a reader at read-committed sees each of them exactly once.
var (
	openOrders  = stream.Topic[string, State]{Name: "open-orders", Key: codec.String, Value: codec.JSON[State]()}
	endedOrders = stream.Topic[string, State]{Name: "ended-orders", Key: codec.String, Value: codec.JSON[State]()}
	refunds     = stream.Topic[string, Refund]{Name: "refunds", Key: codec.String, Value: codec.JSON[Refund]()}
	ledger      = stream.Topic[string, Movement]{Name: "stock-ledger", Key: codec.String, Value: codec.JSON[Movement]()}
)

// What is remembered: orders that nothing is decided about, shelves, and which orders have units on them.
var (
	unpaid  = state.Map[string, Step]{Name: "unpaid", Key: codec.String, Value: codec.JSON[Step]()}    // by order
	shelves = state.Map[string, Shelf]{Name: "shelves", Key: codec.String, Value: codec.JSON[Shelf]()} // by product
	held    = state.Map[string, struct{}]{Name: "held", Key: codec.String, Value: codec.Unit}          // by order
)

// shop follows each order through payment and warehouse, side by side: whether it is paid in time is decided where
// orders and payments meet, by order; whether there are units for it is decided where all orders of a product meet.
func shop(t *stream.Topology) {
	placed := operators.Dedupe("orders-once", stream.From(t, ordersTopic), codec.String, Order.Number, RepeatSpan)
	paid := operators.Dedupe("payments-once", stream.From(t, paymentsTopic), codec.String, Payment.Number, RepeatSpan)
	stock := stream.TableFrom(t, stockTopic)

	steps := operators.Map(placed, Place) // written before settle, so that an order is placed before it is paid
	settled, late := settle(steps, pay(paid, placed))
	moves := warehouse(operators.Merge(steps, settled), stock)

	states := stateOf(placed, settled, moves)
	ended := operators.Filter(operators.ToStream(states), State.Ended)
	open := operators.FilterTable(states, isOpen)
	open = operators.LeftJoinForeign("with-stock", open, stock, productOf, State.Stocked)

	stream.To(operators.ToStream(open), openOrders)
	stream.To(ended, endedOrders)
	stream.To(operators.Merge(operators.Map(late, Step.Refund), operators.FilterMap(ended, State.Refund)), refunds)
	stream.To(moves, ledger)
}

// pay finds the order of each payment: one that was placed in the time before it.
func pay(paid stream.Stream[string, Payment], placed stream.Stream[string, Order]) stream.Stream[string, Step] {
	return operators.LeftJoin("paid-orders", paid, placed, window.Within{Before: PayWithin}, Pay)
}

// settle decides once about each order: it is paid, or the time to pay it is over. late are the payments that come for
// no order, or for one that was decided about before.
func settle(placed, payments stream.Stream[string, Step]) (settled, late stream.Stream[string, Step]) {
	events := operators.Merge(placed, payments)
	all := operators.Process("settle", events, func(p *operators.Processor[string, Step]) operators.Func[string, Step] {
		waiting := unpaid.Open(p)
		p.OnTimer(func(t operators.Timer[string]) error {
			if step, ok := waiting.Get(t.Key); ok {
				waiting.Delete(t.Key)
				p.Emit(Step{What: Unpaid, Order: step.Order})
			}
			return nil
		})
		return func(r *stream.Record[string, Step]) error {
			step := r.Value
			switch {
			case step.What == Placed:
				waiting.Put(r.Key, step)
				p.SetTimer(r.Key, "due", step.Order.Due().UnixMilli()+1)
			case step.What == Paid && waiting.Delete(r.Key):
				p.DeleteTimer(r.Key, "due", step.Order.Due().UnixMilli()+1)
				p.Emit(step)
			default:
				p.Emit(Step{What: PaidLate, Payment: step.Payment})
			}
			return nil
		}
	})
	return operators.Branch(all, Step.Settles)
}

// warehouse keeps the shelves: it reserves, sells and takes back. All steps of a product meet in one task, one after
// the other, so no unit is given to two orders.
func warehouse(steps stream.Stream[string, Step], stock stream.Table[string, Stock]) stream.Stream[string, Movement] {
	steps = stream.Encode(steps, codec.JSON[Step]())
	steps = operators.KeyBy("steps-by-product", steps, codec.String, Step.Product)
	steps = operators.Merge(steps, operators.Map(operators.ToStream(stock), Receive))
	type processor = operators.Processor[string, Movement]
	return operators.Process("warehouse", steps, func(p *processor) operators.Func[string, Step] {
		shelf, holds := shelves.Open(p), held.Open(p)
		return func(r *stream.Record[string, Step]) error {
			order := r.Value.Order
			before, _ := shelf.Get(r.Key)
			after, what := before.After(r.Value, holds.Has(order.ID))
			switch what {
			case "":
				return nil
			case Reserved:
				holds.Put(order.ID, struct{}{})
			case Sold, Returned:
				holds.Delete(order.ID)
			}
			shelf.Put(r.Key, after)
			p.Emit(Movement{What: what, Order: order.ID, Units: order.Units, Shelf: after})
			return nil
		}
	})
}

// stateOf is the state of each order: one value of the tables of orders, of what was decided about their payments, and
// of the warehouse's answers.
func stateOf(placed stream.Stream[string, Order], settled stream.Stream[string, Step],
	moves stream.Stream[string, Movement]) stream.Table[string, State] {
	answers := stream.Encode(operators.FilterMap(moves, Movement.Answer), codec.JSON[Movement]())
	answers = operators.KeyBy("answers-by-order", answers, codec.String, Movement.OrderID)
	states := operators.LeftJoinTables(
		operators.LeftJoinTables(
			operators.ToTable("placed", placed, codec.JSON[Order]()),
			operators.ToTable("settled", settled, codec.JSON[Step]()), Settled),
		operators.ToTable("answers", answers, codec.JSON[Movement]()), State.Answered)
	return stream.EncodeTable(states, codec.JSON[State]())
}
