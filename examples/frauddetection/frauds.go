// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// beginCase puts the payments of a fraud among what is due. A card that was used everywhere cannot be used somewhere
// new: then it is another kind of fraud.
func (g *Generator) beginCase(card int, at int64, p Profile) {
	c := &g.cards[card]
	rule := Rules[g.rng.IntN(len(Rules))]
	var there uint8
	if rule == Travel || rule == Abroad {
		to, ok := g.elsewhere(c, p.Home, 1.5*AbroadDistance)
		if !ok {
			rule = Overspend
		}
		there = to
	}
	g.begun++
	switch rule {
	case Overspend:
		g.overspend(card, at, p.Limit)
	case Velocity:
		g.velocity(card, at, p.Limit)
	case Travel:
		g.travel(card, at, p.Limit, there)
	case Abroad:
		g.abroad(card, at, p.Limit, there)
	}
}

// overspend is a few large payments near the holder within minutes.
func (g *Generator) overspend(card int, at int64, limit int64) {
	n := 3 + g.rng.IntN(4)
	total := float64(limit) * (1.3 + 1.5*g.rng.Float64())
	if g.rng.Float64() < timidChance {
		total = float64(limit) * 0.9
	}
	g.burst(card, g.soon(at), n, 8*time.Minute, Overspend, g.cards[card].city, int64(total)/int64(n))
}

// velocity is many small payments near the holder within minutes: somebody tries what a stolen number is good for.
func (g *Generator) velocity(card int, at int64, limit int64) {
	n := VelocityLimit + 2 + g.rng.IntN(7)
	amount := limit*(10+g.rng.Int64N(30))/1000/int64(n) + 50
	g.burst(card, g.soon(at), n, 5*time.Minute, Velocity, g.cards[card].city, amount)
}

// travel is one to three payments, soon after the holder's own, in a country where nobody can be so soon.
func (g *Generator) travel(card int, at int64, limit int64, there uint8) {
	g.burst(card, g.soon(at), 1+g.rng.IntN(3), 20*time.Minute, Travel, there, limit*(5+g.rng.Int64N(25))/100)
}

// abroad is one or two payments in a country where the card was never used, in the night there. Before that, there is
// time for a flight.
func (g *Generator) abroad(card int, at int64, limit int64, there uint8) {
	hour := time.Hour.Milliseconds()
	from := at + g.flight(g.cards[card].city, there) + g.rng.Int64N(12*hour)
	until := SolarHour(from, cities[there].at.Long())
	wait := (24 - until) * float64(hour) // to the next midnight there
	first := from + int64(wait) + g.rng.Int64N(4*hour)
	g.burst(card, first, 1+g.rng.IntN(2), 20*time.Minute, Abroad, there, limit*(5+g.rng.Int64N(25))/100)
}

// soon is within the hour, but leaves time for the holder's own payment to arrive.
func (g *Generator) soon(at int64) int64 {
	return at + MaxDisorder.Milliseconds() + g.rng.Int64N(50*time.Minute.Milliseconds())
}

// burst makes n payments of about an amount due, spread over a time.
func (g *Generator) burst(card int, first int64, n int, over time.Duration, rule Rule, where uint8, amount int64) {
	step := over.Milliseconds() / int64(n)
	for i := range n {
		at := first + int64(i)*step + g.rng.Int64N(step)
		g.due.push(due{
			arrival: at + g.delay(), at: at, card: int32(card), left: int32(n - 1 - i), city: where,
			amount: max(amount*(80+g.rng.Int64N(41))/100, 1), rule: rule, fraud: g.begun,
		})
	}
}

// elsewhere draws a country where the card was never used, more than km from where its holder is and lives.
func (g *Generator) elsewhere(c *cardState, home Point, km float64) (uint8, bool) {
	const tries = 16
	for range tries {
		to := uint8(g.rng.IntN(len(cities)))
		there := cities[to].at
		if c.visited&(1<<to) == 0 && Distance(cities[c.city].at, there) > km && Distance(home, there) > km {
			return to, true
		}
	}
	return 0, false
}

// dueHeap is a binary heap, the earliest arrival first; with equal arrivals the order is that of the card and the event
// time, so that it depends on nothing but the seed.
type dueHeap []due

func (h dueHeap) less(i, j int) bool {
	a, b := &h[i], &h[j]
	switch {
	case a.arrival != b.arrival:
		return a.arrival < b.arrival
	case a.card != b.card:
		return a.card < b.card
	default:
		return a.at < b.at
	}
}

func (h *dueHeap) push(d due) {
	*h = append(*h, d)
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(i, up) {
			return
		}
		(*h)[i], (*h)[up] = (*h)[up], (*h)[i]
		i = up
	}
}

func (h *dueHeap) pop() due {
	top := (*h)[0]
	last := len(*h) - 1
	(*h)[0] = (*h)[last]
	*h = (*h)[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return top
		}
		if down+1 < last && h.less(down+1, down) {
			down++
		}
		if !h.less(down, i) {
			return top
		}
		(*h)[i], (*h)[down] = (*h)[down], (*h)[i]
		i = down
	}
}
