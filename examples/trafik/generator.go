// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/irmak-go/irmak/examples/internal/arrivals"
)

// How the generated sensors and the traffic behave.
const (
	detectors     = 2 // of each segment
	busEvery      = 90 * time.Second
	busSpeed      = 45 // at most
	repeatedShare = 0.01
	slowShare     = 0.02
	stuckShare    = 0.004
	stuckFor      = 20 * time.Minute // at least
	silentAfter   = 60 * time.Hour   // of a detector, on average
	silentLeast   = 30 * time.Minute
	silentMost    = 90 * time.Minute
	promptWithin  = 5 * time.Second
	incidentEvery = 50 * time.Minute
	incidentLeast = 30 * time.Minute
	incidentMost  = 70 * time.Minute
	incidentSlow  = 0.15 // of the speed otherwise
	queueSlow     = 0.22
	queueGrows    = 6 * time.Minute // by a segment
	queueShrinks  = 2 * time.Minute // by a segment, when the incident is over
	queueUpstream = 3               // segments
	mostVehicles  = 96              // in a minute
)

// generatorStart is when all generated data begins: a Monday, before people go to work.
var generatorStart = time.Date(2026, 3, 2, 5, 0, 0, 0, city)

// Arrival is a report as it arrives.
type Arrival struct {
	Segment string
	Report
}

// Incident is what slows traffic down where it is not usual: at Head, and as a queue that grows upstream.
type Incident struct {
	Segment, Head string
	From, To      time.Time
	slow          float64
}

// Incidents are those of a city, by their beginning; a queue follows its head.
func (c *City) Incidents(seed uint64) iter.Seq[Incident] {
	return func(yield func(Incident) bool) {
		rng := rand.New(rand.NewPCG(seed, 2))
		now := generatorStart
		for {
			now = now.Add(incidentEvery/2 + time.Duration(rng.Int64N(int64(incidentEvery)))).Truncate(time.Second)
			head := c.Segments[rng.IntN(len(c.Segments))]
			to := now.Add(incidentLeast + time.Duration(rng.Int64N(int64(incidentMost-incidentLeast))))
			if !yield(Incident{head, head, now, to, incidentSlow}) {
				return
			}
			for away, queue := 1, c.behind[head]; away <= queueUpstream; away++ {
				var further []string
				for _, s := range queue {
					from, until := now.Add(time.Duration(away)*queueGrows), to.Add(time.Duration(away)*queueShrinks)
					if !yield(Incident{s, head, from, until, queueSlow}) {
						return
					}
					further = append(further, c.behind[s]...)
				}
				queue = further
			}
		}
	}
}

// generator makes reports without end, the same for the same seed, in the order in which they arrive.
//
// Owner: one goroutine.
//
//  1. Everything that arrives before the end of the minute in work is in waiting, or gone.
//  2. But for stuck ones, a report arrives at most LateBy after its event time, if it is Prompt within MaxDisorder. A
//     stuck one arrives right behind one of the same detector that is stuckFor newer. A copy comes within RepeatWithin.
type generator struct {
	rng       *rand.Rand
	city      *City
	waiting   arrivals.Queue[Arrival]
	detectors map[string]*detector
	incidents func() (Incident, bool)
	coming    []Incident // those that have not ended, and the first that has not begun
}

// detector is one in the road.
type detector struct {
	silent time.Time // until then
	stuck  *Report   // what it has not sent
}

// Arrivals are the reports of a city, without end.
func Arrivals(seed uint64) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		c := NewCity(seed)
		incidents, stop := iter.Pull(c.Incidents(seed))
		defer stop()
		g := &generator{
			rng: rand.New(rand.NewPCG(seed, 3)), city: c, detectors: map[string]*detector{}, incidents: incidents,
		}
		for minute := generatorStart; ; minute = minute.Add(time.Minute) {
			g.minute(minute)
			end := minute.Add(time.Minute)
			for a, ok := g.waiting.Before(end); ok; a, ok = g.waiting.Before(end) {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// minute is what is reported in a minute.
func (g *generator) minute(from time.Time) {
	g.proceed(from)
	for _, segment := range g.city.Segments {
		for i := range detectors {
			g.report(segment, fmt.Sprintf("d%d", i+1), from.Add(g.upTo(time.Minute)))
		}
		if chance := g.rng.Float64(); rushAt(from) < 0.96 && chance < float64(time.Minute)/float64(busEvery) {
			at := from.Add(g.upTo(time.Minute))
			bus := Report{Sensor: fmt.Sprintf("bus-%03d", g.rng.IntN(300)), At: at.UTC(), Vehicles: 1}
			bus.KmH = min(g.speed(segment, at), busSpeed)
			g.send(Arrival{segment, bus}, promptWithin)
		}
	}
}

// proceed keeps coming so that it has all incidents that matter in the minute.
func (g *generator) proceed(now time.Time) {
	g.coming = slices.DeleteFunc(g.coming, func(i Incident) bool { return !i.To.After(now) })
	const ahead = incidentEvery + queueUpstream*queueGrows // queues begin after their heads
	for len(g.coming) == 0 || g.coming[len(g.coming)-1].From.Before(now.Add(ahead)) {
		next, _ := g.incidents()
		g.coming = append(g.coming, next)
	}
}

// speed is how fast someone drives.
func (g *generator) speed(segment string, at time.Time) int64 {
	pace := g.city.pace(segment, at)
	slow := 1.0
	for _, i := range g.coming {
		if i.Segment == segment && !at.Before(i.From) && at.Before(i.To) {
			slow = min(slow, i.slow)
		}
	}
	return max(2, int64(pace*slow*(0.92+0.16*g.rng.Float64())+0.5))
}

// report is what a detector says about the minute that ends at some time.
func (g *generator) report(segment, name string, at time.Time) {
	d := g.detectors[segment+name]
	if d == nil {
		d = &detector{}
		g.detectors[segment+name] = d
	}
	if g.rng.Float64() < float64(time.Minute)/float64(silentAfter) {
		d.silent = at.Add(silentLeast + g.upTo(silentMost-silentLeast))
	}
	r := Report{Sensor: name, At: at.UTC(), Vehicles: g.vehicles(at)}
	if r.Vehicles > 0 {
		r.KmH = g.speed(segment, at)
	}
	within := promptWithin
	switch chance := g.rng.Float64(); {
	case at.Before(d.silent):
		return
	case d.stuck == nil && chance < stuckShare:
		r.Label = Stuck
		d.stuck = &r
		return
	case chance < stuckShare+slowShare:
		r.Label, within = Slow, LateBy
	}
	arrives := g.send(Arrival{segment, r}, within)
	if d.stuck != nil && at.Sub(d.stuck.At) >= stuckFor {
		g.waiting.Send(Arrival{segment, *d.stuck}, arrives)
		d.stuck = nil
	}
}

// vehicles is how many pass in a minute: the slower the hour, the more; at night sometimes none.
func (g *generator) vehicles(at time.Time) int64 {
	busy := 1.1 - rushAt(at)
	return g.rng.Int64N(int64(mostVehicles*busy) + 1)
}

// send has something arrive, with a chance once more, and tells when.
func (g *generator) send(a Arrival, within time.Duration) time.Time {
	at := a.At.Add(g.upTo(within))
	g.waiting.Send(a, at)
	if g.rng.Float64() < repeatedShare {
		g.waiting.Send(a, at.Add(g.upTo(RepeatWithin/2)))
	}
	return at
}

// upTo is a random time below limit, in milliseconds.
func (g *generator) upTo(limit time.Duration) time.Duration {
	return time.Duration(g.rng.Int64N(limit.Milliseconds())) * time.Millisecond
}
