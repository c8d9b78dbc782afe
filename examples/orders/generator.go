// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/irmak-go/irmak/examples/internal/arrivals"
)

// How the generated shop, its customers and its suppliers behave.
const (
	ordersPerSecond = 2.0
	neverPaid       = 0.08       // of orders
	paidLate        = 0.06       // of orders
	paidAtTheEdge   = 0.002      // of orders: in the last millisecond, or in the one after it
	orderRepeated   = 0.01       // of orders: the shop has sent them twice
	paymentRepeated = 0.02       // of payments: the bank has
	slow            = 0.1        // of records: they take up to MaxDisorder to arrive, the others up to two seconds
	outage          = 1.0 / 2500 // per order: after it there is silence, the shop is down
	limitedEvery    = time.Hour  // so often something is on sale that many want and few get
	limitedFor      = 5 * time.Minute
	limitedShare    = 0.4 // of the orders in that time
	limitedUnits    = 60  // there are, one per order
	products        = 200
	limitedProducts = 10 // the first ones of products
)

// generatorStart is the event time at which all generated data begins, a Monday morning.
var generatorStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Arrival is what arrives in one of the input topics: exactly one of the three is not nil.
type Arrival struct {
	Order   *Order
	Payment *Payment
	Stock   *Stock
}

// When is the arrival's event time.
func (a Arrival) When() time.Time {
	switch {
	case a.Order != nil:
		return a.Order.At
	case a.Payment != nil:
		return a.Payment.At
	}
	return a.Stock.At
}

// generator makes a shop's day without end, the same for the same seed, in the order in which it arrives.
//
// Owner: one goroutine.
//
//  1. What is in waiting arrives at its time or later; everything that arrives before the next order is in it.
//  2. An order or payment arrives at most MaxDisorder after its event time, copies of it up to RepeatSpan later.
type generator struct {
	rng      *rand.Rand
	waiting  arrivals.Queue[Arrival]
	rows     []Stock // the warehouse's, by product
	asked    []int64 // units ordered since the last delivery was asked for
	lots     []int64 // units in a delivery; 0 for limited products
	cents    []int64 // what a unit costs
	limited  int     // the number of the last limited offer, from 0
	orders   int
	payments int
}

// Catalogue are the rows with which the warehouse begins.
func Catalogue(seed uint64) []Stock { return newGenerator(seed).rows }

// Arrivals are what happens from then on, without end.
func Arrivals(seed uint64) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		g := newGenerator(seed)
		for at := generatorStart; ; {
			at = at.Add(millis(1 + g.rng.ExpFloat64()*1000/ordersPerSecond))
			if g.rng.Float64() < outage {
				at = at.Add(g.between(2*time.Minute, 20*time.Minute))
			}
			for a, ok := g.waiting.Before(at); ok; a, ok = g.waiting.Before(at) {
				if !yield(g.arrive(a)) {
					return
				}
			}
			g.order(at)
		}
	}
}

func newGenerator(seed uint64) *generator {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 2)), limited: -1}
	for i := range products {
		name := colours[i%len(colours)] + " " + things[i/len(colours)%len(things)]
		place := fmt.Sprintf("%c%02d", 'A'+i%8, i/8)
		row := Stock{Product: fmt.Sprintf("p%03d", i), Name: name, Place: place, At: generatorStart}
		lot := int64(0)
		if i >= limitedProducts {
			lot = 15 + g.rng.Int64N(46)
			row.Received = g.rng.Int64N(lot)
		}
		g.rows, g.lots = append(g.rows, row), append(g.lots, lot)
		g.cents = append(g.cents, 100*(5+g.rng.Int64N(116))-1)
		g.asked = append(g.asked, 0)
	}
	return g
}

var (
	colours = []string{"red", "blue", "green", "white", "black", "grey", "yellow", "brown", "orange", "violet"}
	things  = []string{
		"chair", "lamp", "mug", "clock", "blanket", "basket", "mirror", "vase", "rug", "stool", "tray", "jug", "bowl",
		"shelf", "cushion", "curtain", "bench", "desk", "frame", "kettle",
	}
)

// order makes an order and all that follows from it: copies, a payment, a delivery.
func (g *generator) order(at time.Time) {
	g.orders++
	product := g.product(at)
	units := int64(1)
	if product >= limitedProducts {
		units = 1 + int64(g.rng.ExpFloat64()*0.7)
	}
	o := Order{
		ID: fmt.Sprintf("o%08d", g.orders), Customer: fmt.Sprintf("c%05d", g.rng.IntN(20_000)),
		Product: g.rows[product].Product, Units: units, Cents: units * g.cents[product], At: at, Truth: InTime,
	}
	paid := at.Add(min(millis(120_000*math.Exp(g.rng.NormFloat64())), PayWithin))
	switch chance := g.rng.Float64(); {
	case chance < neverPaid:
		o.Truth = Never
	case chance < neverPaid+paidLate:
		o.Truth, paid = TooLate, o.Due().Add(time.Millisecond+g.between(0, 30*time.Minute))
	case chance < neverPaid+paidLate+paidAtTheEdge/2:
		paid = o.Due()
	case chance < neverPaid+paidLate+paidAtTheEdge:
		o.Truth, paid = TooLate, o.Due().Add(time.Millisecond)
	}
	g.send(Arrival{Order: &o}, orderRepeated)
	if o.Truth != Never {
		g.payments++
		p := Payment{ID: fmt.Sprintf("pay%08d", g.payments), Order: o.ID, Cents: o.Cents, At: paid}
		g.send(Arrival{Payment: &p}, paymentRepeated)
	}
	g.restock(product, units, at)
}

// product chooses what is ordered: anything, some things more often, and for some minutes what is limited.
func (g *generator) product(at time.Time) int {
	since := at.Sub(generatorStart)
	if offer := int(since / limitedEvery); offer > g.limited {
		g.limited = offer
		g.deliver(offer%limitedProducts, limitedUnits, generatorStart.Add(time.Duration(offer)*limitedEvery))
	}
	if since%limitedEvery < limitedFor && g.rng.Float64() < limitedShare {
		return g.limited % limitedProducts
	}
	return limitedProducts + int(float64(products-limitedProducts)*math.Pow(g.rng.Float64(), 1.5))
}

// restock asks for a delivery once a lot was ordered. It is not always as large as that, so that things run out.
func (g *generator) restock(product int, units int64, at time.Time) {
	lot := g.lots[product]
	if g.asked[product] += units; lot == 0 || g.asked[product] < lot {
		return
	}
	g.asked[product] = 0
	g.deliver(product, lot-g.rng.Int64N(1+lot/4), at.Add(g.between(5*time.Minute, 40*time.Minute)))
}

// deliver has units of a product come in at a time.
func (g *generator) deliver(product int, units int64, at time.Time) {
	row := g.rows[product]
	row.Received, row.At = units, at // arrive makes a total of it
	g.waiting.Send(Arrival{Stock: &row}, at.Add(g.between(0, MaxDisorder)))
}

// arrive is what arrives, with the total that a delivery makes.
func (g *generator) arrive(a Arrival) Arrival {
	if a.Stock != nil {
		row := &g.rows[slices.IndexFunc(g.rows, func(r Stock) bool { return r.Product == a.Stock.Product })]
		row.Received += a.Stock.Received
		a.Stock.Received = row.Received
	}
	return a
}

// send has something arrive, and with a chance a copy of it again.
func (g *generator) send(a Arrival, repeated float64) {
	delay := g.between(0, 2*time.Second)
	if g.rng.Float64() < slow {
		delay = g.between(0, MaxDisorder)
	}
	g.waiting.Send(a, a.When().Add(delay))
	if g.rng.Float64() < repeated {
		g.waiting.Send(a, a.When().Add(delay+g.between(0, RepeatSpan/2)))
	}
}

// between is so many milliseconds, from one to another, both ends in.
func (g *generator) between(from, to time.Duration) time.Duration {
	return from + time.Duration(g.rng.Int64N((to-from).Milliseconds()+1))*time.Millisecond
}

func millis(n float64) time.Duration { return time.Duration(n) * time.Millisecond }
