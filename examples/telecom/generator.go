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

// How the generated subscribers, switches and cells behave.
const (
	subscribers   = 1000
	boxCount      = 4 // of the subscribers, from the first one on
	couriers      = 3 // of those behind them
	desks         = 3 // of those behind them
	cells         = 12
	callEvery     = 40 * time.Second // on average, at noon, of ordinary subscribers together
	releaseEvery  = 80 * time.Second // of all cells together: they see more than our subscribers
	busyEvery     = 4 * time.Minute  // of each sim box, courier and desk at work
	repeatedShare = 0.02
	belatedShare  = 0.004
	roamingShare  = 0.01
	dropShare     = 0.02 // of calls in a cell that is well
	crowdEvery    = 9 * time.Hour
	crowdCalls    = 120
	crowdFor      = 20 * time.Minute
	crowdDrops    = 0.4
	brokenEvery   = 5 * 24 * time.Hour
	brokenFor     = 2 * 24 * time.Hour
	brokenDrops   = 0.45
	longestCall   = 20 * time.Minute
	slowest       = 5 * time.Minute  // from the end of a call until its record arrives
	repeatedAfter = 45 * time.Minute // at most
	belatedBy     = 48 * time.Hour
)

// generatorStart is when all generated data begins. A month ends and the clocks change soon after.
var generatorStart = time.Date(2026, 3, 16, 0, 0, 0, 0, billing)

// contractsEnd is when the last generated contract begins: what is read ahead is finite.
const contractsEnd = 40 * 24 * time.Hour

// Arrival is what arrives: a call record, or a release when that is nil.
type Arrival struct {
	Call    *Call
	Release Release
}

// generator makes calls and releases without end, the same for the same seed, in the order in which they arrive.
//
// Owner: one goroutine.
//
//  1. What is in waiting arrives at its time or later; everything that arrives before now is in it, or gone.
//  2. But for belated ones, a record arrives at most MaxDisorder after its event time, a repeated one within
//     RepeatWithin after the first.
type generator struct {
	rng     *rand.Rand
	waiting arrivals.Queue[Arrival]
	calls   int
	broken  string    // the cell whose antenna is, until repaired
	repair  time.Time // when it is repaired
}

// habit is a subscriber as the generator knows it.
type habit struct {
	label Label
	first int           // hour of the day at which work begins
	hours time.Duration // of it
}

func habitOf(i int) habit {
	switch {
	case i < boxCount:
		return habit{ThroughSB, 8 + i, 4 * time.Hour}
	case i < boxCount+couriers:
		return habit{Courier, 8, 10 * time.Hour}
	case i < boxCount+couriers+desks:
		return habit{Operator, 9, 8 * time.Hour}
	}
	return habit{}
}

// Arrivals are calls and releases, without end.
func Arrivals(seed uint64) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 1))}
		arrivals.Of(&g.waiting, g.beginnings())(yield)
	}
}

func (g *generator) beginnings() []arrivals.Happening {
	all := []arrivals.Happening{
		{At: generatorStart, Happens: func(now time.Time) time.Time {
			g.ordinary(now)
			return now.Add(g.after(callEvery, now))
		}},
		{At: generatorStart, Happens: func(now time.Time) time.Time {
			g.release(fmt.Sprintf("cell-%02d", g.rng.IntN(cells)), now, dropShare)
			return now.Add(g.after(releaseEvery, now))
		}},
		{At: generatorStart.Add(5 * time.Hour), Happens: func(now time.Time) time.Time {
			cell := fmt.Sprintf("cell-%02d", g.rng.IntN(cells))
			for range crowdCalls {
				g.release(cell, now.Add(g.upTo(crowdFor)), crowdDrops)
			}
			return now.Add(crowdEvery)
		}},
		{At: generatorStart.Add(20 * time.Hour), Happens: func(now time.Time) time.Time {
			g.broken, g.repair = fmt.Sprintf("cell-%02d", g.rng.IntN(cells)), now.Add(brokenFor)
			return now.Add(brokenEvery)
		}},
	}
	for i := range boxCount + couriers + desks {
		busy := func(now time.Time) time.Time { return g.busy(i, now) }
		all = append(all, arrivals.Happening{At: generatorStart, Happens: busy})
	}
	return all
}

// after is a random time until the next of something that happens every so often at noon, and seldom at night.
func (g *generator) after(every time.Duration, now time.Time) time.Duration {
	hour := float64(now.In(billing).Hour()) + 0.5
	share := 0.55 - 0.45*math.Cos((hour-1)/24*2*math.Pi)
	return time.Duration(g.rng.ExpFloat64()*float64(every)/share).Truncate(time.Millisecond) + time.Millisecond
}

// upTo is a random time below limit, in milliseconds.
func (g *generator) upTo(limit time.Duration) time.Duration {
	return time.Duration(g.rng.Int64N(limit.Milliseconds())) * time.Millisecond
}

// ordinary is a call of a subscriber, or a guest, who calls few people from few places.
func (g *generator) ordinary(now time.Time) {
	i := boxCount + couriers + desks + g.rng.IntN(subscribers-boxCount-couriers-desks)
	call := Call{Caller: number(i), Callee: number(subscribers + i*7 + g.rng.IntN(9)), Cell: g.near(i)}
	if g.rng.Float64() < roamingShare {
		call.Label, call.Caller = Roaming, fmt.Sprintf("+1555%06d", i)
	}
	g.ends(call, now)
}

// busy is a call of a sim box, a courier or a desk at work, or of nobody outside of working hours.
func (g *generator) busy(i int, now time.Time) time.Time {
	h := habitOf(i)
	local := now.In(billing)
	begin := time.Date(local.Year(), local.Month(), local.Day(), h.first, 0, 0, 0, billing)
	switch {
	case now.Before(begin):
		return begin
	case now.After(begin.Add(h.hours)):
		return begin.AddDate(0, 0, 1)
	}
	call := Call{Caller: number(i), Callee: number(g.rng.IntN(1_000_000)), Cell: g.near(i), Label: h.label}
	switch h.label {
	case ThroughSB:
		call.Cell = fmt.Sprintf("cell-%02d", i%cells) // it stands where it stands
	case Courier:
		call.Cell = fmt.Sprintf("cell-%02d", g.rng.IntN(cells))
	case Operator:
		call.Callee = number(subscribers + i*7 + g.rng.IntN(20))
	}
	g.ends(call, now)
	return now.Add(g.upTo(busyEvery) + busyEvery/2)
}

// near is a cell that a subscriber is often in.
func (g *generator) near(i int) string { return fmt.Sprintf("cell-%02d", (i+g.rng.IntN(3))%cells) }

// switches write their own local time.
var switches = []*time.Location{place("Europe/Lisbon"), billing, place("Europe/Athens")}

// ends completes a call that began now, and sends its record.
func (g *generator) ends(call Call, now time.Time) {
	g.calls++
	call.ID = fmt.Sprintf("call-%08d", g.calls)
	lasts := 5*time.Second + min(time.Duration(g.rng.ExpFloat64()*float64(3*time.Minute)), longestCall-5*time.Second)
	call.Started, call.Seconds = now.In(switches[g.calls%len(switches)]), int64(lasts/time.Second)
	arrives := now.Add(lasts + g.upTo(slowest))
	switch chance := g.rng.Float64(); {
	case call.Label != Ordinary:
	case chance < repeatedShare:
		call.Label = Repeated
		g.waiting.Send(Arrival{Call: &call}, arrives.Add(time.Millisecond+g.upTo(repeatedAfter)))
	case chance < repeatedShare+belatedShare && !monthEndsWithin(now.Add(belatedBy)):
		call.Label = Belated
		arrives = now.Add(belatedBy)
	}
	g.waiting.Send(Arrival{Call: &call}, arrives)
}

// monthEndsWithin says whether it is not clear on which side of the end of a month an instant lies.
func monthEndsWithin(at time.Time) bool {
	const about = 12 * time.Hour
	return at.Add(-about).In(billing).Month() != at.Add(about).In(billing).Month()
}

// release is the end of a call in a cell.
func (g *generator) release(cell string, at time.Time, drops float64) {
	if cell == g.broken && at.Before(g.repair) {
		drops = max(drops, brokenDrops)
	}
	g.waiting.Send(Arrival{Release: Release{Cell: cell, At: at.UTC(), Dropped: g.rng.Float64() < drops}},
		at.Add(g.upTo(ReleaseDisorder)))
}

// number is a telephone number.
func number(i int) string { return fmt.Sprintf("+4930%07d", i) }

// Signed is a contract and whose it is.
type Signed struct {
	Subscriber string
	Contract
}

// plans are what there is to choose from. Prices rise in the second week, at midnight.
var plans = []Contract{
	{Plan: "talk", PerMinute: 900}, {Plan: "mix", Setup: 400, PerMinute: 500}, {Plan: "all", PerMinute: 100},
}

const priceRise = 8 * 24 * time.Hour

// Contracts are those of all subscribers, by the time from which they hold: the program takes what lies in one topic in
// the order in which it lies there. One subscriber in four changes the plan at some time.
func Contracts(seed uint64) []Signed {
	rng := rand.New(rand.NewPCG(seed, 2))
	var all []Signed
	for i := range subscribers {
		plan, rise := rng.IntN(len(plans)), generatorStart.Add(priceRise)
		sign := func(plan int, from time.Time) {
			c := plans[plan%len(plans)]
			if c.From = from; !from.Before(rise) {
				c.PerMinute += c.PerMinute / 10
			}
			all = append(all, Signed{number(i), c})
		}
		begins := generatorStart.Add(-time.Duration(1+rng.IntN(30)) * 24 * time.Hour)
		change := generatorStart.Add(time.Duration(rng.Int64N(int64(contractsEnd/time.Second))) * time.Second)
		changes := rng.IntN(4) == 0
		sign(plan, begins)
		if changes && change.Before(rise) {
			plan++
			sign(plan, change)
		}
		sign(plan, rise)
		if changes && change.After(rise) {
			sign(plan+1, change)
		}
	}
	slices.SortStableFunc(all, func(a, b Signed) int { return a.From.Compare(b.From) })
	return all
}
