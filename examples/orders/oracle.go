// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Books compare what a run of the shop has written with what went in, seen at once.
//
// Which order gets the last unit of a product is free, since orders come to the warehouse through several partitions.
// So what is reserved or refused is taken from the ledger, and held against the rules: line by line nothing is reserved
// that is not there, nothing is refused that is, and what is reserved is sold or returned once. All else follows from
// the input and those answers, and must be exactly so: which orders are paid in time, how each ends, what is paid back.
//
//  1. shelves[p] is what the ledger's last line about p says, and is what the lines before it add up to.
//  2. orders and late have everything that ever went in.
type Books struct {
	orders   map[string]*entry // by order
	late     map[string]*debt  // payments that come too late, by order
	shelves  map[string]Shelf  // by product
	rows     map[string]Stock  // the warehouse's newest, by product
	newest   time.Time         // the highest event time of orders and payments
	passed   time.Time         // an event time that the clock of every partition has passed
	mistakes []error           // the first ones
}

// entry is what is known of an order.
type entry struct {
	Order
	payment *Payment // in time
	answer  What     // the ledger's: Reserved or Refused
	settled What     // the ledger's: Sold or Returned
	ended   Status   // as the topic of ended orders says
	open    *State   // as the topic of open orders says
	refunds int      // because there were no units
}

// debt is a late payment and how often it was paid back.
type debt struct {
	Payment
	refunds int
}

const (
	maxMistakes = 10
	// passedAfter is how many orders later the clock of every partition has moved on, whatever the partitions: that one of
	// twelve sees none of a thousand orders has a chance of 1 in 10^37.
	passedAfter = 1000
)

// NewBooks are the books of a shop into which arrivals went, and nothing else.
func NewBooks(catalogue []Stock, in iter.Seq[Arrival]) *Books {
	b := &Books{
		orders: map[string]*entry{}, late: map[string]*debt{}, shelves: map[string]Shelf{}, rows: map[string]Stock{},
	}
	for _, row := range catalogue {
		b.rows[row.Product] = row
	}
	var payments []Payment
	var times []time.Time
	for a := range in {
		switch {
		case a.Order != nil:
			if b.orders[a.Order.ID] == nil {
				b.orders[a.Order.ID] = &entry{Order: *a.Order}
				times = append(times, a.Order.At)
			}
		case a.Payment != nil:
			payments = append(payments, *a.Payment)
		default:
			b.rows[a.Stock.Product] = *a.Stock
		}
		if a.Stock == nil && a.When().After(b.newest) {
			b.newest = a.When()
		}
	}
	if slices.SortFunc(times, time.Time.Compare); len(times) > passedAfter {
		b.passed = times[len(times)-passedAfter]
	}
	for _, p := range payments {
		if o := b.orders[p.Order]; o != nil && !p.At.Before(o.At) && !p.At.After(o.Due()) {
			o.payment = &p
		} else {
			b.late[p.Order] = &debt{Payment: p}
		}
	}
	return b
}

// must and may say whether every partition's clock, or that of any, has passed a time.
func (b *Books) must(at time.Time) bool { return at.Add(MaxDisorder).Before(b.passed) }
func (b *Books) may(at time.Time) bool  { return at.Add(MaxDisorder).Before(b.newest) }

func (b *Books) mistake(format string, args ...any) {
	if len(b.mistakes) < maxMistakes {
		b.mistakes = append(b.mistakes, fmt.Errorf(format, args...))
	}
}

// Moved takes a line of the ledger.
func (b *Books) Moved(product string, m Movement) {
	was := b.shelves[product]
	b.shelves[product] = m.Shelf
	if m.What == Received {
		if m.Shelf.Received <= was.Received {
			b.mistake("%s: %+v after %+v: received less than before", product, m, was)
		}
		was.Received = m.Shelf.Received
	} else {
		was = b.moved(product, m, was)
	}
	if m.Shelf != was || was.Free() < 0 {
		b.mistake("%s: the ledger says %+v, its lines add up to %+v with %d free", product, m, was, was.Free())
	}
}

// moved takes a line about an order, and gives the shelf that it ought to leave.
func (b *Books) moved(product string, m Movement, shelf Shelf) Shelf {
	o := b.orders[m.Order]
	if o == nil || o.Product != product || o.Units != m.Units {
		b.mistake("%s: %+v is about an order that nobody made: %+v", product, m, o)
		return shelf
	}
	switch {
	case m.What == Reserved && o.answer == "":
		o.answer = Reserved
		shelf.Reserved += m.Units
	case m.What == Refused && o.answer == "":
		o.answer = Refused
		if shelf.Free() >= m.Units {
			b.mistake("%s: %s is refused although %d are free", product, m.Order, shelf.Free())
		}
	case m.What == Sold && o.answer == Reserved && o.settled == "" && o.payment != nil:
		o.settled = Sold
		shelf.Reserved, shelf.Sold = shelf.Reserved-m.Units, shelf.Sold+m.Units
	case m.What == Returned && o.answer == Reserved && o.settled == "" && o.payment == nil && b.may(o.Due()):
		o.settled = Returned
		shelf.Reserved -= m.Units
	default:
		b.mistake("%s: %+v does not follow on %+v", product, m, *o)
	}
	return shelf
}

// Opened takes the newest state of an open order, nil for one that is not open any more.
func (b *Books) Opened(order string, s *State) {
	if o := b.orders[order]; o == nil {
		b.mistake("%s is open, and nobody made it", order)
	} else {
		o.open = s
	}
}

// Ended takes the state in which an order has ended.
func (b *Books) Ended(s State) {
	o := b.orders[s.Order.ID]
	switch {
	case o == nil:
		b.mistake("%s has ended, and nobody made it", s.Order.ID)
	case o.ended != "":
		b.mistake("%s has ended twice: %s, then %s", s.Order.ID, o.ended, s.Status)
	case s.Order != o.Order:
		b.mistake("%+v has ended, it was %+v", s.Order, o.Order)
	case s.Paid == Paid && (o.payment == nil || s.Payment != *o.payment):
		b.mistake("%s was paid with %+v, its payment in time is %+v", s.Order.ID, s.Payment, o.payment)
	}
	if o != nil {
		o.ended = s.Status
	}
}

// Refunded takes a payment that is paid back.
func (b *Books) Refunded(r Refund) {
	o, d := b.orders[r.Payment.Order], b.late[r.Payment.Order]
	switch {
	case d != nil && d.Payment == r.Payment && b.may(d.At):
		d.refunds++
	case o != nil && o.payment != nil && *o.payment == r.Payment:
		o.refunds++
	default:
		b.mistake("%+v is paid back without a reason", r)
	}
}

// Check compares at the end of a run, when everything is read: nil if all is as it must be.
func (b *Books) Check() []error {
	reserved := map[string]int64{}
	for _, o := range b.orders {
		b.checkOrder(o)
		if o.answer == Reserved && o.settled == "" {
			reserved[o.Product] += o.Units
		}
	}
	for order, d := range b.late {
		if d.refunds > 1 || d.refunds == 0 && b.must(d.At) {
			b.mistake("the late payment %s of %s is paid back %d times", d.ID, order, d.refunds)
		}
	}
	for product, row := range b.rows {
		shelf := b.shelves[product]
		if shelf.Received != row.Received {
			b.mistake("%s: %d units are received, the ledger says %d", product, row.Received, shelf.Received)
		}
		if shelf.Reserved != reserved[product] {
			b.mistake("%s: the ledger says that %d are reserved, open orders have %d",
				product, shelf.Reserved, reserved[product])
		}
	}
	return b.mistakes
}

// checkOrder compares what has become of an order with what must have.
func (b *Books) checkOrder(o *entry) {
	paid := What("")
	switch {
	case o.payment != nil:
		paid = Paid
	case b.must(o.Due()), o.ended != "" && b.may(o.Due()):
		paid = Unpaid
	}
	want, ended := statusOf(o.answer, paid), o.answer != "" && paid != ""
	settled := map[Status]What{Bought: Sold, Cancelled: Returned}[want]
	switch {
	case o.answer == "":
		b.mistake("%s has no answer of the warehouse", o.ID)
	case ended && o.ended != want:
		b.mistake("%s ought to have ended as %q, it is %q", o.ID, want, o.ended)
	case !ended && o.ended != "":
		b.mistake("%s has ended as %q too early", o.ID, o.ended)
	case settled != o.settled:
		b.mistake("%s is %q, and the warehouse has %q its units", o.ID, want, o.settled)
	case (o.refunds != 0) != (want == Refunded) || o.refunds > 1:
		b.mistake("%s is %q, and its payment is paid back %d times", o.ID, want, o.refunds)
	case ended && o.open != nil:
		b.mistake("%s has ended as %q, and is among the open orders: %+v", o.ID, want, *o.open)
	case !ended && (o.open == nil || o.open.Status != want || o.open.Stock != b.rows[o.Product]):
		b.mistake("%s is open and %q, among the open orders it is %+v", o.ID, want, o.open)
	}
}
