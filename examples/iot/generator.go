// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/heap"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// How generated devices behave. Chances are per reading.
const (
	fleetSize     = 100
	lostChance    = 0.01   // nobody ever sees it
	slowChance    = 0.05   // it takes up to MaxDisorder to arrive, the others up to five seconds
	copyChance    = 0.01   // it is sent again, within MaxDisorder
	silenceChance = 0.002  // the device falls silent for hours
	swapChance    = 0.0002 // it is taken away for more than a week
	troubleChance = 0.001  // the next ones are beyond the limits
	quickest      = 5 * time.Second
)

// Kinds are the types of devices.
var Kinds = map[string]Type{
	"compressor": {Unit: "mm/s", Beat: 20, Low: 0, High: 7},
	"freezer":    {Unit: "°C", Beat: 60, Low: -25, High: -15},
	"meter":      {Unit: "kW", Beat: 900, Low: 0, High: 40},
}

// generatorStart is the event time at which all generated data begins, 2026-01-05, a Monday.
var generatorStart = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).UnixMilli()

// Sent is a reading on its way, At the event time.
type Sent struct {
	Device string
	At     int64
	Reading
	arrival int64
	order   int // of those that arrive together
}

// source is a generated device.
type source struct {
	name, kind string
	steady     bool  // it never falls silent for long
	number     int64 // of its last reading
	at         int64 // of its next one
	since      int64 // when it fell silent, if the next one is its return
	troubled   int   // readings that are still to be beyond the limits
}

// generator makes labelled readings without end, in the order in which they arrive. All but those from buffers arrive
// at most MaxDisorder after their event time; those come right behind the first reading after a silence, and are older
// than it by more than MaxDisorder and a minute, so they are late for everybody.
//
// Owner: one goroutine.
//
//  1. Each device's next reading is planned once; on the way is what was measured and has not arrived.
//  2. What is measured later than at arrives later than at: what is on the way and arrives earlier can be given out.
type generator struct {
	rng   *rand.Rand
	fleet []*source
	way   onTheWay
	order int
}

// Readings are those of a fleet of so many devices, without end: the same ones for the same seed.
func Readings(seed uint64, devices int) iter.Seq[Sent] {
	return func(yield func(Sent) bool) {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 1))}
		for i := range devices {
			s := newSource(i)
			s.at = generatorStart + g.rng.Int64N(s.beat())
			g.fleet = append(g.fleet, s)
		}
		for {
			next := g.fleet[0]
			for _, s := range g.fleet {
				if s.at < next.at {
					next = s
				}
			}
			for len(g.way) > 0 && g.way[0].arrival <= next.at {
				if !yield(heap.Pop(&g.way).(Sent)) {
					return
				}
			}
			g.measure(next)
		}
	}
}

// newSource makes two compressors, sixteen freezers and 82 meters of a hundred devices; half of each are steady.
func newSource(i int) *source {
	kind := "meter"
	switch {
	case i%50 == 0:
		kind = "compressor"
	case i%6 == 1:
		kind = "freezer"
	}
	return &source{name: fmt.Sprintf("%s-%02d", kind, i), kind: kind, steady: i%4 < 2}
}

func (s *source) beat() int64 { return Kinds[s.kind].Beat * time.Second.Milliseconds() }

// measure takes the device's next reading, and plans the one after it.
func (g *generator) measure(s *source) {
	g.send(s)
	s.since = 0
	at := s.at
	s.at += s.beat() + g.rng.Int64N(s.beat()/10+1) - s.beat()/20
	switch chance := g.rng.Float64(); {
	case s.steady:
	case chance < swapChance:
		s.since, s.at = at, at+Forget.Milliseconds()+g.hours(24, 48)
	case chance < swapChance+silenceChance:
		s.since, s.at = at, at+g.hours(1, 6)
	}
}

func (g *generator) hours(least, most float64) int64 {
	return int64((least + g.rng.Float64()*(most-least)) * float64(time.Hour.Milliseconds()))
}

func (g *generator) send(s *source) {
	if g.rng.Float64() < lostChance && s.since == 0 {
		return
	}
	r, delay := g.reading(s), g.rng.Int64N(quickest.Milliseconds())
	if s.since != 0 {
		r.Truth = Return
	} else if g.rng.Float64() < slowChance {
		delay = g.rng.Int64N(MaxDisorder.Milliseconds())
	}
	g.put(s, r, s.at, s.at+delay)
	switch {
	case s.since != 0 && g.rng.IntN(2) == 0:
		g.unbuffer(s, s.at+delay)
	case g.rng.Float64() < copyChance:
		r.Truth = Copy
		g.put(s, r, s.at, s.at+delay+g.rng.Int64N(MaxDisorder.Milliseconds()-delay))
	}
}

// unbuffer sends what the device measured while it was silent.
func (g *generator) unbuffer(s *source, arrival int64) {
	newest := s.at - (MaxDisorder + time.Minute).Milliseconds() - 1
	for at, n := s.since+s.beat(), 0; at <= newest && n < 20; at, n = at+s.beat(), n+1 {
		r := g.reading(s)
		r.Truth = Buffered
		g.put(s, r, at, arrival)
	}
}

// reading is the next one of the device.
func (g *generator) reading(s *source) Reading {
	s.number++
	t, truth := Kinds[s.kind], Truth("")
	middle, room := (t.Low+t.High)/2, (t.High-t.Low)/2
	value := middle + room*0.8*(2*g.rng.Float64()-1)
	if s.troubled == 0 && g.rng.Float64() < troubleChance {
		s.troubled = 3 + g.rng.IntN(10)
	}
	if s.troubled > 0 {
		s.troubled--
		value, truth = t.High+room*(0.2+g.rng.Float64()), Trouble
	}
	return Reading{Number: s.number, Type: s.kind, Value: math.Round(value*100) / 100, Truth: truth}
}

func (g *generator) put(s *source, r Reading, at, arrival int64) {
	g.order++
	heap.Push(&g.way, Sent{Device: s.name, At: at, Reading: r, arrival: arrival, order: g.order})
}

// onTheWay is a heap by arrival.
type onTheWay []Sent

func (w onTheWay) Len() int { return len(w) }
func (w onTheWay) Less(i, j int) bool {
	return w[i].arrival < w[j].arrival || w[i].arrival == w[j].arrival && w[i].order < w[j].order
}
func (w onTheWay) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *onTheWay) Push(x any)   { *w = append(*w, x.(Sent)) }
func (w *onTheWay) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
