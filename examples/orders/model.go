// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// The rules of the shop.
const (
	PayWithin   = 15 * time.Minute // an order that is not paid by then is cancelled, and its units go back on the shelf
	MaxDisorder = 30 * time.Second // how far orders and payments may arrive out of order
	RepeatSpan  = 10 * time.Minute // how long after a record a copy of it may arrive
)

// Order is what a customer wants: some units of one product.
type Order struct {
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Product  string    `json:"product"`
	Units    int64     `json:"units"`
	Cents    int64     `json:"cents"` // to pay, for all units
	At       time.Time `json:"at"`
	Truth    Paying    `json:"truth,omitempty"`
}

// Paying is how a customer pays. In generated orders it is the truth, which no rule looks at: it is there to be
// compared with.
type Paying string

// The ways in which customers pay.
const (
	InTime  Paying = "in time"
	TooLate Paying = "too late"
	Never   Paying = "never"
)

// Number is the order's number.
func (o Order) Number() string { return o.ID }

// When is the order's event time.
func (o Order) When() time.Time { return o.At }

// Due is the last millisecond at which a payment is in time.
func (o Order) Due() time.Time { return o.At.Add(PayWithin) }

// Payment is money for an order.
type Payment struct {
	ID    string    `json:"id"`
	Order string    `json:"order"`
	Cents int64     `json:"cents"`
	At    time.Time `json:"at"`
}

// Number is the payment's number at the bank: a copy has the same.
func (p Payment) Number() string { return p.ID }

// When is the payment's event time.
func (p Payment) When() time.Time { return p.At }

// Stock is the warehouse's row of a product. Received only grows: a row that comes twice, or an older one that comes
// after a newer one, puts nothing on the shelf twice.
type Stock struct {
	Product  string    `json:"product"`
	Name     string    `json:"name"`
	Place    string    `json:"place"`    // where it lies in the warehouse
	Received int64     `json:"received"` // units that have come in, since ever
	At       time.Time `json:"at"`
}

// When is the row's event time.
func (s Stock) When() time.Time { return s.At }

// What is what happened: to an order, or to the units of a product on their shelf.
type What string

// What can happen.
const (
	Placed   What = "placed"    // the order is there
	Paid     What = "paid"      // in time
	Unpaid   What = "unpaid"    // the time to pay is over
	PaidLate What = "paid late" // a payment that no order waits for

	Received What = "received" // units came in
	Reserved What = "reserved" // for an order that is not paid yet
	Refused  What = "refused"  // there were not enough for the order
	Sold     What = "sold"     // what was reserved is paid
	Returned What = "returned" // what was reserved is free again
)

// Step is a step in the life of an order, or a change of the warehouse's row of a product.
type Step struct {
	What    What    `json:"what"`
	Order   Order   `json:"order,omitzero"`
	Payment Payment `json:"payment,omitzero"`
	Stock   Stock   `json:"stock,omitzero"`
}

// Place is the step of an order that comes in.
func Place(o Order) Step { return Step{What: Placed, Order: o} }

// Pay is the step of a payment, given the order that it is in time for, if there is one.
func Pay(p Payment, o Order, found bool) Step {
	if !found {
		return Step{What: PaidLate, Payment: p}
	}
	return Step{What: Paid, Order: o, Payment: p}
}

// Receive is the step of a warehouse's row.
func Receive(s Stock) Step { return Step{What: Received, Stock: s} }

// Settles says whether the step decides about an order: paid or not.
func (s Step) Settles() bool { return s.What == Paid || s.What == Unpaid }

// Product is the product of the step's order.
func (s Step) Product() string { return s.Order.Product }

// Shelf is what the program knows of the units of a product. Free is never below 0.
type Shelf struct {
	Received int64 `json:"received"`
	Reserved int64 `json:"reserved"`
	Sold     int64 `json:"sold"`
}

// Free is how many units nobody has.
func (s Shelf) Free() int64 { return s.Received - s.Reserved - s.Sold }

// After is the shelf after a step, and what happened to its units; "" is nothing. held says whether units are reserved
// for the step's order.
func (s Shelf) After(step Step, held bool) (Shelf, What) {
	units := step.Order.Units
	switch {
	case step.What == Received && step.Stock.Received > s.Received:
		s.Received = step.Stock.Received
		return s, Received
	case step.What == Placed && !held && units <= s.Free():
		s.Reserved += units
		return s, Reserved
	case step.What == Placed && !held:
		return s, Refused
	case step.What == Paid && held:
		s.Reserved -= units
		s.Sold += units
		return s, Sold
	case step.What == Unpaid && held:
		s.Reserved -= units
		return s, Returned
	}
	return s, ""
}

// Movement is a line in the ledger of a product.
type Movement struct {
	What  What   `json:"what"`
	Order string `json:"order,omitempty"`
	Units int64  `json:"units,omitempty"` // of the order
	Shelf Shelf  `json:"shelf"`           // after it
}

// Answer is the movement as an answer to its order, if it is one.
func (m Movement) Answer() (Movement, bool) { return m, m.What == Reserved || m.What == Refused }

// OrderID is the order of the movement.
func (m Movement) OrderID() string { return m.Order }

// Status is where an order stands.
type Status string

// The states of an order.
//
//	          reserved               paid
//	Pending ───────────▶ Waiting ───────────▶ Bought
//	   │                    │ unpaid
//	   │ refused            └───────────────▶ Cancelled
//	   │                 unpaid
//	   └──▶ OutOfStock ─────────────────────▶ Missed
//	              │ paid
//	              └─────────────────────────▶ Refunded
//
// Whether it is paid and whether there is stock are decided side by side, so the answers may also come in the other
// order: until the second one an order is Pending.
const (
	Pending    Status = "pending"
	Waiting    Status = "waiting for payment"
	OutOfStock Status = "out of stock"

	Bought    Status = "sold"
	Cancelled Status = "cancelled" // not paid in time; its units are free again
	Refunded  Status = "refunded"  // paid, but there were not enough units
	Missed    Status = "missed"    // neither paid nor in stock
)

// Ends are the states in which an order ends.
var Ends = []Status{Bought, Cancelled, Refunded, Missed}

// State is everything that is known about an order: one value of three tables.
type State struct {
	Order   Order   `json:"order"`
	Status  Status  `json:"status"`
	Paid    What    `json:"paid,omitempty"`  // Paid or Unpaid once that is decided
	Units   What    `json:"units,omitempty"` // Reserved or Refused once that is decided
	Payment Payment `json:"payment,omitzero"`
	Stock   Stock   `json:"stock,omitzero"` // the row of its product, while the order is open
}

// Settled is the state of an order that the step, if there is one, has decided about.
func Settled(o Order, s Step, ok bool) State {
	return State{Order: o, Paid: s.What, Payment: s.Payment}
}

// Answered is the state after the warehouse's answer, if there is one.
func (s State) Answered(m Movement, ok bool) State {
	s.Units = m.What
	s.Status = statusOf(s.Units, s.Paid)
	return s
}

// Stocked is the state with the row of its product, if there is one.
func (s State) Stocked(row Stock, ok bool) State {
	s.Stock = row
	return s
}

func statusOf(units, paid What) Status {
	switch {
	case units == Reserved && paid == Paid:
		return Bought
	case units == Reserved && paid == Unpaid:
		return Cancelled
	case units == Reserved:
		return Waiting
	case units == Refused && paid == Paid:
		return Refunded
	case units == Refused && paid == Unpaid:
		return Missed
	case units == Refused:
		return OutOfStock
	}
	return Pending
}

// Ended says whether nothing more can happen to the order.
func (s State) Ended() bool { return s.Units != "" && s.Paid != "" }

// isOpen says whether an order, in the table of orders, can still change.
func isOpen(_ string, s State) bool { return !s.Ended() }

// productOf is the key of an order's product; every order has one.
func productOf(_ string, s State) (string, bool) { return s.Order.Product, true }

// Why money goes back.
const (
	unexpected = "no order waits for it"
	outOfStock = "out of stock"
)

// Refund is money that goes back.
type Refund struct {
	Payment Payment `json:"payment"`
	Why     string  `json:"why"`
}

// Refund is the refund of a late payment.
func (s Step) Refund() Refund { return Refund{Payment: s.Payment, Why: unexpected} }

// Refund is the refund of an order that was paid and cannot be delivered, if it is one.
func (s State) Refund() (Refund, bool) {
	return Refund{Payment: s.Payment, Why: outOfStock}, s.Status == Refunded
}

// money writes cents as people do.
func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
