// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/irmak-go/irmak/examples/internal/arrivals"
)

// How the generated visitors behave.
const (
	visitors      = 2000
	perCategory   = 40               // products
	visitEvery    = 28 * time.Second // on average, at noon, of all visitors together
	unseenEvery   = 6 * time.Second  // pages shown to visitors who are not followed, likewise
	clicksInVisit = 7                // on average
	slowestClick  = 5 * time.Minute
	searchShare   = 0.3  // of visits, at first
	putShare      = 0.14 // of views
	buyShare      = 0.6  // of carts
	pauseShare    = 0.08 // of visits, in the middle
	alikeShare    = 0.3  // of views: the product of the next category that goes with the last one
	repeatedShare = 0.02
	belatedShare  = 0.004
	farthest      = time.Minute     // from a browser to the shop
	repeatedAfter = 5 * time.Minute // at most
	belatedBy     = 3 * time.Hour
	apart         = time.Hour // between two visits of a visitor
	crawlEvery    = 5 * time.Hour
	crawlViews    = 80
	crawlPace     = 2 * time.Second
	fashionEvery  = 90 * time.Minute
	fashionFor    = 50 * time.Minute
	fashionShare  = 0.6 // of views in the category
)

// categories are those of the shop; each goes with the one behind it.
var categories = []string{
	"tea", "teapots", "cups", "biscuits", "honey", "coffee", "grinders", "books", "lamps", "blankets", "slippers", "socks",
}

// generatorStart is when all generated data begins.
var generatorStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// Arrival is what arrives: a click, or a page that was shown when that is nil.
type Arrival struct {
	Click    *Click
	Category string
	Page     Page
}

// generator makes clicks and pages without end, the same for the same seed, in the order in which they arrive.
//
// Owner: one goroutine.
//
//  1. What is in waiting arrives at its time or later; everything that arrives before now is in it, or gone.
//  2. But for belated ones, a click arrives within MaxDisorder after its event time, a repeated one within RepeatWithin
//     after the first; a page within PageDisorder.
//  3. But for belated and repeated ones, the clicks of a visitor arrive in the order of their event times: each has an
//     own distance to the shop.
//  4. A visitor's visits are apart, so no belated click is near one that goes on when it arrives.
type generator struct {
	rng     *rand.Rand
	waiting arrivals.Queue[Arrival]
	clicks  int
	free    [visitors]time.Time // from when a visitor may come again
	fashion product             // what everybody looks at, until passes
	passes  time.Time
}

// product is one that the shop sells.
type product struct{ category, number int }

func (p product) String() string { return fmt.Sprintf("%s-%02d", categories[p.category], p.number) }

// cents is what it costs.
func (p product) cents() int64 { return 495 + int64(p.category*7+p.number*13)%40*500 }

// Arrivals are clicks and pages, without end.
func Arrivals(seed uint64) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		g := &generator{rng: rand.New(rand.NewPCG(seed, 1))}
		arrivals.Of(&g.waiting, g.beginnings())(yield)
	}
}

func (g *generator) beginnings() []arrivals.Happening {
	return []arrivals.Happening{
		{At: generatorStart, Happens: func(now time.Time) time.Time {
			g.visit(now)
			return now.Add(g.after(visitEvery, now))
		}},
		{At: generatorStart, Happens: func(now time.Time) time.Time {
			g.show(g.looksAt(g.rng.IntN(len(categories)), now), now)
			return now.Add(g.after(unseenEvery, now))
		}},
		{At: generatorStart.Add(time.Hour), Happens: func(now time.Time) time.Time {
			g.fashion, g.passes = g.looksAt(g.rng.IntN(len(categories)), now), now.Add(fashionFor)
			return now.Add(fashionEvery)
		}},
		{At: generatorStart.Add(2 * time.Hour), Happens: func(now time.Time) time.Time {
			g.crawl(now)
			return now.Add(crawlEvery)
		}},
	}
}

// after is a random time until the next of something that happens every so often at noon, and seldom at night.
func (g *generator) after(every time.Duration, now time.Time) time.Duration {
	hour := float64(now.Hour()) + float64(now.Minute())/60
	share := 0.6 - 0.4*math.Cos((hour-1)/24*2*math.Pi)
	return time.Duration(g.rng.ExpFloat64()*float64(every)/share).Truncate(time.Millisecond) + time.Millisecond
}

// upTo is a random time below limit, in milliseconds.
func (g *generator) upTo(limit time.Duration) time.Duration {
	return time.Duration(g.rng.Int64N(limit.Milliseconds())) * time.Millisecond
}

// looksAt is a product of a category that somebody looks at: a few are looked at by many.
func (g *generator) looksAt(category int, now time.Time) product {
	if g.fashion.category == category && now.Before(g.passes) && g.rng.Float64() < fashionShare {
		return g.fashion
	}
	return product{category, int(g.rng.ExpFloat64()*perCategory/4) % perCategory}
}

// visit is one visit, from the first click to the last.
func (g *generator) visit(now time.Time) {
	i := g.rng.IntN(visitors)
	for g.free[i].After(now) {
		i = (i + 1) % visitors
	}
	who, distance := fmt.Sprintf("visitor-%04d", i), time.Duration(i)*farthest/visitors
	category, cart := g.rng.IntN(len(categories)), []string(nil)
	at, p := now, g.looksAt(category, now)
	send := func(c Click) {
		c.Visitor, c.At = who, at
		g.click(c, p, distance)
		at = at.Add(time.Second + min(time.Duration(g.rng.ExpFloat64()*float64(40*time.Second)), slowestClick).
			Truncate(time.Millisecond))
	}
	if g.rng.Float64() < searchShare {
		send(Click{Action: Search, Word: categories[category]})
	}
	pauses := g.rng.Float64() < pauseShare
	for views := 1 + min(int(g.rng.ExpFloat64()*clicksInVisit), MostViewed-1); views > 0; views-- {
		send(Click{Action: View, Product: p.String()})
		if g.rng.Float64() < putShare {
			send(Click{Action: Put, Product: p.String(), Cents: p.cents()})
			cart = append(cart, p.String())
		}
		if pauses && views == 2 {
			at = at.Add(g.pause())
		}
		if g.rng.Float64() < alikeShare {
			p.category = (p.category + 1) % len(categories)
		} else {
			p = g.looksAt(category, at)
		}
	}
	if len(cart) > 0 && g.rng.Float64() < buyShare {
		send(Click{Action: Buy, Products: cart})
	}
	g.free[i] = at.Add(apart)
}

// pause is one between two visits: many visitors come back when their cart is just about to count as left, or just has.
func (g *generator) pause() time.Duration {
	if g.rng.IntN(2) == 0 {
		return LeftAfter + g.upTo(2*MaxDisorder) - MaxDisorder
	}
	return VisitGap + g.upTo(time.Hour)
}

// crawl reads a part of the shop, page by page.
func (g *generator) crawl(now time.Time) {
	first := g.rng.IntN(len(categories) * perCategory)
	for i := range crawlViews {
		at := first + i
		p := product{at / perCategory % len(categories), at % perCategory}
		g.click(Click{
			Action: View, Product: p.String(), Visitor: "crawler", Label: Crawled, At: now.Add(time.Duration(i) * crawlPace),
		}, p, 0)
	}
}

// click sends what was clicked, from this far, and shows the product's page.
func (g *generator) click(c Click, p product, distance time.Duration) {
	g.clicks++
	c.ID = fmt.Sprintf("click-%08d", g.clicks)
	arrives := c.At.Add(distance)
	switch chance := g.rng.Float64(); {
	case c.Label != Ordinary:
	case chance < repeatedShare:
		c.Label = Repeated
		g.waiting.Send(Arrival{Click: &c}, arrives.Add(time.Millisecond+g.upTo(repeatedAfter)))
	case chance < repeatedShare+belatedShare && c.Action == View:
		c.Label = Belated
		g.waiting.Send(Arrival{Click: &c}, c.At.Add(belatedBy))
		return
	}
	g.waiting.Send(Arrival{Click: &c}, arrives)
	if c.Action == View {
		g.show(p, c.At)
	}
}

// show is a page that is shown.
func (g *generator) show(p product, at time.Time) {
	a := Arrival{Category: categories[p.category], Page: Page{Product: p.String(), At: at}}
	g.waiting.Send(a, at.Add(g.upTo(PageDisorder)))
}
