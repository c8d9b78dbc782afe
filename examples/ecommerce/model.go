// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/window"
)

// Action is what a visitor does in the shop.
type Action string

// The four that the shop's pages report.
const (
	View   Action = "view"   // of a product's page
	Search Action = "search" // for a word
	Put    Action = "put"    // a product into the cart
	Buy    Action = "buy"    // what is in the cart
)

// Click is what a page in a visitor's browser, or the app, reports. A browser sends its clicks in their order, and
// sends them again when it gets no answer; an app without a connection keeps them.
type Click struct {
	ID       string    `json:"id"` // of the browser: a click that is sent twice has one
	Visitor  string    `json:"visitor"`
	Action   Action    `json:"action"`
	Product  string    `json:"product,omitempty"` // viewed, or put into the cart
	Cents    int64     `json:"cents,omitempty"`   // its price
	Word     string    `json:"word,omitempty"`    // searched for
	Products []string  `json:"products,omitempty"`
	At       time.Time `json:"at"`
	Label    Label     `json:"label,omitempty"`
}

// Label is the truth about a generated click, which nothing but the tests looks at.
type Label string

// What clicks are labelled with.
const (
	Ordinary Label = ""
	Repeated Label = "repeated" // the browser sends it again
	Belated  Label = "belated"  // the app had no connection for hours
	Crawled  Label = "crawled"  // by a program that reads the whole shop
)

// When is the click's event time.
func (c Click) When() time.Time { return c.At }

// Number is what is unique about a click.
func (c Click) Number() string { return c.ID }

// Page is a product's page that the catalogue has shown, to whomever: also to visitors who are not to be followed.
type Page struct {
	Product string    `json:"product"`
	At      time.Time `json:"at"`
}

// When is when the page was shown.
func (p Page) When() time.Time { return p.At }

// Shown is the product on the page.
func (p Page) Shown() string { return p.Product }

// Visit is what a visitor did in one session.
type Visit struct {
	Visitor  string    `json:"visitor"`
	Clicks   int       `json:"clicks"`
	Searches int       `json:"searches,omitempty"`
	Viewed   []string  `json:"viewed,omitempty"` // each product once, in the order of the alphabet
	Bought   []string  `json:"bought,omitempty"` // likewise
	Last     string    `json:"last,omitempty"`   // the product viewed last
	LastAt   time.Time `json:"lastAt,omitzero"`
}

// Add takes a click in.
func (v Visit) Add(c Click) Visit {
	one := Visit{Visitor: c.Visitor, Clicks: 1}
	switch c.Action {
	case View:
		one.Viewed, one.Last, one.LastAt = []string{c.Product}, c.Product, c.At
	case Search:
		one.Searches = 1
	case Buy:
		one.Bought = c.Products
	}
	return v.Merge(one)
}

// Merge makes one visit of two parts.
func (v Visit) Merge(later Visit) Visit {
	sum := Visit{
		Visitor: later.Visitor, Clicks: v.Clicks + later.Clicks, Searches: v.Searches + later.Searches,
		Viewed: union(v.Viewed, later.Viewed), Bought: union(v.Bought, later.Bought), Last: v.Last, LastAt: v.LastAt,
	}
	if !later.LastAt.Before(v.LastAt) {
		sum.Last, sum.LastAt = later.Last, later.LastAt
	}
	return sum
}

// union is what is in a or in b, in order. It changes neither.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Looked gives the visit of a session in which somebody looked at products. One who looked at more than a person does
// is a crawler, which has no taste.
func Looked(session window.Pane[Visit]) (Visit, bool) {
	v := session.Value
	return v, v.Last != "" && len(v.Viewed) <= MostViewed
}

// LastProduct is the product that was viewed last.
func (v Visit) LastProduct() string { return v.Last }

// Pair is a product and another one that somebody looked at in the same visit.
type Pair struct {
	Product string `json:"product"`
	Other   string `json:"other"`
}

// Pairs are the products of a visit, each with each of the others.
func (v Visit) Pairs() iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for _, a := range v.Viewed {
			for _, b := range v.Viewed {
				if a != b && !yield(Pair{a, b}) {
					return
				}
			}
		}
	}
}

// First is the product that is asked about.
func (p Pair) First() string { return p.Product }

// Second is the one that is the answer.
func (p Pair) Second() string { return p.Other }

// Ranked is a product and how often it was viewed, the best first in a list.
type Ranked struct {
	Product string `json:"product"`
	Times   int64  `json:"times"`
}

// Best are the first n of a tally.
func Best(tally operators.Tally[string], n int) []Ranked {
	var best []Ranked
	for _, t := range tally.Top(n) {
		best = append(best, Ranked{t.Item, t.Count})
	}
	return best
}

// Recommendation is for a visitor who has gone: products that others looked at, who looked at the one that this
// visitor saw last.
type Recommendation struct {
	Visitor string    `json:"visitor"`
	Product string    `json:"product"`
	At      time.Time `json:"at"`               // when the visitor saw it
	Others  []Ranked  `json:"others,omitempty"` // none while nobody has seen the product with another
}

// Recommend makes a recommendation of what was seen together with the visitor's last product.
func Recommend(v Visit, together operators.Tally[string], _ bool) Recommendation {
	return Recommendation{v.Visitor, v.Last, v.LastAt, Best(together, Recommended)}
}

// Trend is what a category's visitors look at.
type Trend struct {
	During window.Span `json:"during"`
	Top    []Ranked    `json:"top"`
}

// Trending makes a trend of the pages shown within an hour.
func Trending(shown window.Pane[operators.Tally[string]]) Trend {
	return Trend{shown.Span, Best(shown.Value, TopOf)}
}

// Cart is what a visitor has put into the cart and not bought. The zero Cart is empty.
type Cart struct {
	Products []string  `json:"products"`
	Cents    int64     `json:"cents"`
	Last     time.Time `json:"last"` // when the visitor last did anything
}

// After is the cart after a click.
func (c Cart) After(click Click) Cart {
	switch click.Action {
	case Buy:
		return Cart{}
	case Put:
		c.Products, c.Cents = append(slices.Clone(c.Products), click.Product), c.Cents+click.Cents
	}
	if !c.Empty() && click.At.After(c.Last) {
		c.Last = click.At
	}
	return c
}

// Empty says that there is nothing to remind anybody of.
func (c Cart) Empty() bool { return len(c.Products) == 0 }

// LeftAt is the event time in milliseconds at which the cart counts as left, if nothing happens before.
func (c Cart) LeftAt() int64 { return c.Last.Add(LeftAfter).UnixMilli() + 1 }

// What the shop has decided.
const (
	MaxDisorder  = 90 * time.Second // within which clicks come, but for those of apps without a connection
	RepeatWithin = 10 * time.Minute // for which a browser may send a click again
	VisitGap     = 30 * time.Minute
	LeftAfter    = time.Hour
	MostViewed   = 30 // products, by a person in one visit
	Recommended  = 5  // products

	PageDisorder = 10 * time.Second
	TrendWindow  = time.Hour
	TrendEvery   = time.Minute
	TopOf        = 10
)

// euros writes cents as people do.
func euros(cents int64) string { return fmt.Sprintf("%d.%02d €", cents/100, cents%100) }
