// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// What the generated city is made of: four roads lead into a fifth one.
const (
	roadSegments = 8 // of each road
	roadAhead    = "merkez"
)

// joins are the segments of the road ahead into which the others lead.
var joins = map[string]int{"sahil": 1, "tersane": 3, "liman": 5, "bagdat": 5}

var roadNames = []string{"sahil", "tersane", "liman", "bagdat", roadAhead}

// mapDrawn is before everything that is generated.
var mapDrawn = generatorStart.Add(-20 * 24 * time.Hour)

// City is the generated map.
type City struct {
	Segments []string // in the order of the roads
	Roads    map[string]Road
	Legs     []NamedLeg
	behind   map[string][]string // the segments that lead to one
}

// NamedLeg is a leg and its key.
type NamedLeg struct {
	Key string
	Leg
}

func segment(road string, i int) string { return fmt.Sprintf("%s-%d", road, i) }

// NewCity draws the map of a seed: each has other lengths.
func NewCity(seed uint64) *City {
	rng := rand.New(rand.NewPCG(seed, 1))
	c := &City{Roads: map[string]Road{}, behind: map[string][]string{}}
	for _, road := range roadNames {
		for i := 1; i <= roadSegments; i++ {
			r := Road{Metres: 300 + 50*rng.Int64N(15), KmH: 70}
			switch {
			case i < roadSegments:
				r.Next = segment(road, i+1)
			case road != roadAhead:
				r.Next = segment(roadAhead, joins[road])
			}
			if road == roadAhead {
				r.KmH = 50
			}
			c.Segments = append(c.Segments, segment(road, i))
			c.Roads[segment(road, i)] = r
			c.behind[r.Next] = append(c.behind[r.Next], segment(road, i))
		}
	}
	for _, road := range roadNames[:4] {
		c.route(road+" 1 to "+roadAhead+" 8", segment(road, 1))
	}
	c.route("liman 5 to "+roadAhead+" 8", "liman-5")
	return c
}

// route is the way from a segment to where no road leads on.
func (c *City) route(name, from string) {
	for i := 1; from != ""; i++ {
		key := fmt.Sprintf("%s/%02d", strings.ReplaceAll(name, " ", "-"), i)
		c.Legs = append(c.Legs, NamedLeg{key, Leg{name, from}})
		from = c.Roads[from].Next
	}
}

// rush is how fast one drives in each hour of a working day, compared with an empty road. Between the middles of the
// hours it changes evenly.
var rush = [24]float64{
	1, 1, 1, 1, 1, 0.97, 0.9, 0.72, 0.58, 0.7, 0.8, 0.82,
	0.8, 0.8, 0.8, 0.78, 0.72, 0.62, 0.56, 0.66, 0.8, 0.88, 0.94, 1,
}

// rushAt is that at an instant.
func rushAt(at time.Time) float64 {
	at = at.In(city)
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return 0.9
	}
	before := at.Add(-30 * time.Minute)
	share := float64(before.Minute()*60+before.Second()) / 3600
	return rush[before.Hour()]*(1-share) + rush[(before.Hour()+1)%24]*share
}

// Works are roadworks. They are announced, and the usual speeds are those of works while they last.
type Works struct {
	Segment  string
	From, To time.Time
}

// worksSlow is what works leave of the speed.
const worksSlow = 0.45

// roadworks begin on the first morning, when traffic flows.
var roadworks = []Works{
	{"tersane-4", generatorStart.Add(5 * time.Hour), generatorStart.Add(35 * time.Hour)},
	{"bagdat-2", generatorStart.Add(6 * time.Hour), generatorStart.Add(11 * time.Hour)},
}

func worksOn(segment string, at time.Time) bool {
	for _, w := range roadworks {
		if w.Segment == segment && !at.Before(w.From) && at.Before(w.To) {
			return true
		}
	}
	return false
}

// Bottlenecks are where a jam stands in each rush hour, and grows.
var bottlenecks = map[string]int{"sahil-8": 3, "liman-6": 2, "merkez-6": 1} // how many segments upstream

const (
	bottleneckSlow = 0.42 // of the speed of the rush hour
	growsEvery     = 8 * time.Minute
)

// jamsAt says whether a rush hour's jam reaches so many segments upstream of its bottleneck.
func jamsAt(at time.Time, upstream int) bool {
	at = at.In(city)
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return false
	}
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, city)
	grown := time.Duration(upstream) * growsEvery
	during := func(from, to time.Duration) bool {
		return !at.Before(midnight.Add(from+grown)) && at.Before(midnight.Add(to-grown))
	}
	return during(7*time.Hour+30*time.Minute, 10*time.Hour) || during(17*time.Hour, 20*time.Hour)
}

// pace is how fast one drives on a segment, but for incidents.
func (c *City) pace(segment string, at time.Time) float64 {
	share := rushAt(at)
	if worksOn(segment, at) {
		share *= worksSlow
	}
	for bottleneck, most := range bottlenecks {
		if away, ok := c.away(segment, bottleneck, most); ok && jamsAt(at, away) {
			return float64(c.Roads[segment].KmH) * bottleneckSlow * share
		}
	}
	return float64(c.Roads[segment].KmH) * share
}

// away is how many segments one stands upstream of another.
func (c *City) away(segment, of string, most int) (n int, ok bool) {
	for n = 0; n <= most; n++ {
		if segment == of {
			return n, true
		}
		segment = c.Roads[segment].Next
	}
	return 0, false
}

// usual is what was measured over the past weeks: the pace of each hour of the week, on average, in whole km/h; with
// works, as long as they are there.
func (c *City) usual(segment string, from time.Time, works bool) Usual {
	u := Usual{From: from, KmH: make([]int64, 7*24)}
	monday := time.Date(2026, 1, 5, 0, 0, 0, 0, city)
	for hour := range u.KmH {
		const samples = 12
		var sum float64
		for i := range samples {
			sum += c.pace(segment, monday.Add(time.Duration(hour)*time.Hour+time.Duration(i)*time.Hour/samples))
		}
		if works {
			sum *= worksSlow
		}
		u.KmH[hour] = int64(sum/samples + 0.5)
	}
	return u
}

// Announcement is what is usual on a segment, from some time on.
type Announcement struct {
	Segment string
	Usual
}

// Announced is all that is known of usual speeds, in the order of the times from which it holds. The order matters: a
// task takes what is older first and reads a partition in order, so a row that holds from tomorrow on keeps those
// behind it waiting until traffic has come that far.
func (c *City) Announced() []Announcement {
	var all []Announcement
	for _, segment := range c.Segments {
		for _, u := range c.Usuals(segment) {
			all = append(all, Announcement{segment, u})
		}
	}
	slices.SortStableFunc(all, func(a, b Announcement) int { return a.From.Compare(b.From) })
	return all
}

// Usuals are the versions of what is usual on a segment, in the order of time.
func (c *City) Usuals(segment string) []Usual {
	all := []Usual{c.usual(segment, mapDrawn, false)}
	for _, w := range roadworks {
		if w.Segment == segment {
			all = append(all, c.usual(segment, w.From, true), c.usual(segment, w.To, false))
		}
	}
	return all
}
