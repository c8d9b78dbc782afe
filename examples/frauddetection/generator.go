// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// How generated people behave. Rates are per card unless they say otherwise.
const (
	paymentsPerDay  = 4.0
	tripChance      = 0.001   // per payment: the next ones are made in another country
	splurgeChance   = 0.00005 // per payment: an honest one above the limit, which no rule can tell from a fraud
	fraudChance     = 0.002   // per payment: somebody else uses the card too
	timidChance     = 0.03    // of overspending thieves: they stay below the limit and are not found
	lateChance      = 0.1     // of payments: they take up to MaxDisorder to arrive, the others up to two seconds
	travelKmPerHour = 700.0
	airportTime     = 4 * time.Hour
)

// generatorStart is the event time at which all generated data begins, 2026-01-05, a Monday.
var generatorStart = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).UnixMilli()

// Generator makes labelled payments without end, the same ones for the same seed and number of cards, in the order in
// which they arrive: each at most MaxDisorder after its event time. It keeps a few numbers per card and nothing else.
//
// Owner: one goroutine.
//
//  1. due holds each card's next honest payment once, and all payments of the frauds that have begun.
//  2. A payment of due has an event time after that of the payment that put it there.
//  3. What is taken from due has the earliest arrival, so event times are at most MaxDisorder behind what was seen.
type Generator struct {
	seed   uint64
	rng    *rand.Rand
	cards  []cardState
	due    dueHeap
	count  int
	begun  int          // cases
	closed map[Rule]int // cases whose last payment is out
}

// cardState is what the generator remembers of a card.
type cardState struct {
	city    uint8  // where the holder is, an index of cities
	visited uint64 // bit i: the card was used in cities[i]
	back    int64  // when the trip ends; 0 at home
}

// due is a payment that will be made.
type due struct {
	arrival, at int64
	card        int32
	left        int32 // how many of its case come after it
	amount      int64 // 0: an honest payment, made up when its turn comes
	city        uint8
	rule        Rule
	fraud       int // the case, 0: none
}

// NewGenerator makes a generator for a number of cards, at least one.
func NewGenerator(seed uint64, cards int) *Generator {
	g := &Generator{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		cards: make([]cardState, max(cards, 1)), closed: map[Rule]int{},
	}
	for i := range g.cards {
		home := g.homeCity(i)
		g.cards[i] = cardState{city: home, visited: 1 << home}
		g.due.push(g.honest(i, generatorStart))
	}
	return g
}

// Profiles are the profiles of all cards.
func (g *Generator) Profiles() iter.Seq2[Profile, error] {
	return func(yield func(Profile, error) bool) {
		for i := range g.cards {
			if !yield(g.profile(i), nil) {
				return
			}
		}
	}
}

// Next is the next payment that arrives; the error is always nil.
func (g *Generator) Next() (Payment, error) {
	d := g.due.pop()
	g.count++
	c := &g.cards[d.card]
	profile := g.profile(int(d.card))
	if d.fraud == 0 {
		g.move(c, int(d.card), d.at)
		d.city = c.city
		d.amount = 0
	}
	c.visited |= 1 << d.city
	p := g.payment(d, profile)
	if d.fraud == 0 {
		g.plan(int(d.card), d.at, profile)
	} else if d.left == 0 {
		g.closed[d.rule]++
	}
	return p, nil
}

// Cases tells how many frauds of each kind are complete in what Next has given.
func (g *Generator) Cases() map[Rule]int { return g.closed }

// rngFor are the choices that belong to a card and never change.
func (g *Generator) rngFor(card int) *rand.Rand {
	return rand.New(rand.NewPCG(g.seed^0x9e3779b97f4a7c15, uint64(card)))
}

func (g *Generator) homeCity(card int) uint8 { return uint8(g.rngFor(card).IntN(len(cities))) }

// profile is made anew each time it is needed: two draws are cheaper than the memory for many cards.
func (g *Generator) profile(card int) Profile {
	rng := g.rngFor(card)
	home := cities[rng.IntN(len(cities))].at.Shift(rng.Float64()*20-10, rng.Float64()*20-10)
	limit := int64(4+rng.IntN(17)) * 100_00
	return Profile{Card: cardNumber(card), Limit: limit, Home: home}
}

// cardNumber makes 16 digits that look like a card's and are spread over the partitions.
func cardNumber(card int) string {
	return fmt.Sprintf("4%015d", uint64(card)*1_000_003%1_000_000_000_000_000)
}

// honest is the card holder's next payment after a time.
func (g *Generator) honest(card int, after int64) due {
	c := &g.cards[card]
	at := g.nextTime(after, cities[c.city].at.Long(), paymentsPerDay)
	if c.back != 0 && at >= c.back {
		// The first payment at home is made after the flight, and in the daylight.
		at = g.nextTime(max(after+g.flight(c.city, g.homeCity(card)), c.back), cities[c.city].at.Long(), paymentsPerDay)
	}
	return due{arrival: at + g.delay(), at: at, card: int32(card)}
}

// nextTime draws the next moment of a process whose rate follows the day at a longitude: by thinning, which draws from
// the highest rate and throws away what the hour does not want.
func (g *Generator) nextTime(after int64, long, perDay float64) int64 {
	const day = float64(24 * time.Hour / time.Millisecond)
	for at := after + 1; ; {
		at += int64(g.rng.ExpFloat64()*day/(perDay*busiest)) + 1
		if g.rng.Float64() < rhythm(SolarHour(at, long))/busiest {
			return at
		}
	}
}

const busiest = 2.1 // the highest value of rhythm

// rhythm is how busy an hour of the day is, 1 on average: next to nothing at night, most in the early afternoon.
func rhythm(hour float64) float64 {
	if hour < NightEnd {
		return 0.03
	}
	return 0.25 + 1.85*math.Pow(math.Sin((hour-NightEnd)/(24-NightEnd)*math.Pi), 2)
}

// delay is how long a payment takes to arrive.
func (g *Generator) delay() int64 {
	if g.rng.Float64() < lateChance {
		return g.rng.Int64N(MaxDisorder.Milliseconds())
	}
	return g.rng.Int64N(2000)
}

func (g *Generator) flight(from, to uint8) int64 {
	hours := Distance(cities[from].at, cities[to].at) / travelKmPerHour
	return int64(hours*float64(time.Hour.Milliseconds())) + airportTime.Milliseconds()
}

// move brings the holder home when the trip is over.
func (g *Generator) move(c *cardState, card int, at int64) {
	if c.back != 0 && at >= c.back {
		c.city, c.back = g.homeCity(card), 0
	}
}

// plan decides what happens after an honest payment: perhaps a fraud, perhaps a trip, and in any case the next one.
func (g *Generator) plan(card int, at int64, p Profile) {
	c := &g.cards[card]
	after := at
	switch chance := g.rng.Float64(); {
	case chance < fraudChance:
		g.beginCase(card, at, p)
	case chance < fraudChance+tripChance && c.back == 0:
		if to, ok := g.elsewhere(c, p.Home, TravelDistance); ok {
			after += g.flight(c.city, to)
			c.city = to
			c.back = after + int64(2+g.rng.IntN(6))*24*time.Hour.Milliseconds()
		}
	}
	g.due.push(g.honest(card, after))
}

// payment turns what is due into a payment.
func (g *Generator) payment(d due, p Profile) Payment {
	kind := trades[g.rng.IntN(len(trades))]
	out := Payment{
		ID: fmt.Sprintf("p%09d", g.count), Card: p.Card, At: d.at, Amount: d.amount, Category: kind.category,
		Merchant: kind.merchants[g.rng.IntN(len(kind.merchants))], Country: cities[d.city].country, Home: p.Home,
		Shop:  cities[d.city].at.Shift(g.rng.Float64()*40-20, g.rng.Float64()*40-20),
		Label: Label{Fraud: d.fraud != 0, Rule: d.rule, Case: d.fraud},
	}
	if d.amount == 0 {
		out.Amount = g.price(kind, p.Limit)
	}
	return out
}

// price is an honest amount: log-normal around what is typical, below half of the limit unless the holder splurges.
func (g *Generator) price(kind trade, limit int64) int64 {
	if g.rng.Float64() < splurgeChance {
		return int64(float64(limit) * (1.05 + g.rng.Float64()))
	}
	amount := kind.typical * float64(limit) * math.Exp(0.6*g.rng.NormFloat64())
	return min(max(int64(amount), 100), limit*45/100)
}
