// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// books are all results: what the oracle says they are, or what has come out.
type books struct {
	visits   map[string]map[int64]Session // by visitor and start
	after    map[string]Click             // by number
	carts    map[string][]Cart            // by visitor
	trends   map[string]map[int64]Trend   // by category and start
	together map[string][]Ranked          // by product
	mails    map[string]Recommendation    // by visitor and time
	last     time.Time                    // the latest event time
}

func newBooks() *books {
	return &books{
		visits: map[string]map[int64]Session{}, after: map[string]Click{}, carts: map[string][]Cart{},
		trends: map[string]map[int64]Trend{}, together: map[string][]Ranked{}, mails: map[string]Recommendation{},
	}
}

// oracle is what becomes of all that has arrived, from all of it at once: visits, carts and trends. What is seen
// together follows from the visits.
func oracle(arrivals iter.Seq[Arrival]) *books {
	b := newBooks()
	byVisitor, byCategory := map[string][]Click{}, map[string][]Page{}
	known := map[string]bool{}
	for a := range arrivals {
		if a.Click == nil {
			byCategory[a.Category] = append(byCategory[a.Category], a.Page)
			b.moved(a.Page.At)
			continue
		}
		c := *a.Click
		b.moved(c.At)
		switch {
		case known[c.ID]:
		case c.Label == Belated:
			b.after[c.ID] = c
		default:
			byVisitor[c.Visitor] = append(byVisitor[c.Visitor], c)
		}
		known[c.ID] = true
	}
	for visitor, all := range byVisitor {
		slices.SortStableFunc(all, func(a, b Click) int { return a.At.Compare(b.At) })
		b.visits[visitor], b.carts[visitor] = visitsOf(all), leftBy(all)
	}
	for category, all := range byCategory {
		slices.SortFunc(all, func(a, b Page) int { return a.At.Compare(b.At) })
		b.trends[category] = trendsOf(all)
	}
	return b
}

func (b *books) moved(at time.Time) {
	if at.After(b.last) {
		b.last = at
	}
}

// visitsOf cuts a visitor's clicks where nothing happens for longer than VisitGap.
func visitsOf(all []Click) map[int64]Session {
	found := map[int64]Session{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].At.Sub(all[n-1].At) <= VisitGap {
			n++
		}
		s := Session{Final: true, Value: Visit{Visitor: all[0].Visitor, Clicks: n}}
		s.Span.Start, s.Span.End = all[0].At.UnixMilli(), all[n-1].At.UnixMilli()+1
		for _, c := range all[:n] {
			switch c.Action {
			case View:
				s.Value.Viewed, s.Value.Last, s.Value.LastAt = append(s.Value.Viewed, c.Product), c.Product, c.At
			case Search:
				s.Value.Searches++
			case Buy:
				s.Value.Bought = append(s.Value.Bought, c.Products...)
			}
		}
		s.Value.Viewed, s.Value.Bought = once(s.Value.Viewed), once(s.Value.Bought)
		found[s.Span.Start] = s
		all = all[n:]
	}
	return found
}

func once(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

// leftBy are the carts in which something was when nothing more happened for LeftAfter.
func leftBy(all []Click) (left []Cart) {
	var cart Cart
	for i, c := range all {
		switch c.Action {
		case Put:
			cart.Products, cart.Cents = append(cart.Products, c.Product), cart.Cents+c.Cents
		case Buy:
			cart = Cart{}
		}
		if len(cart.Products) > 0 && (i == len(all)-1 || all[i+1].At.Sub(c.At) > LeftAfter) {
			cart.Last = c.At
			left, cart = append(left, cart), Cart{}
		}
	}
	return left
}

// trendsOf looks at every hour that begins at a minute and has a page in it.
func trendsOf(all []Page) map[int64]Trend {
	found := map[int64]Trend{}
	size, minute := TrendWindow.Milliseconds(), TrendEvery.Milliseconds()
	counts := map[string]int64{}
	from, to := 0, 0
	for start := all[0].At.UnixMilli()/minute*minute - size + minute; from < len(all); start += minute {
		for ; to < len(all) && all[to].At.UnixMilli() < start+size; to++ {
			counts[all[to].Product]++
		}
		for ; from < to && all[from].At.UnixMilli() < start; from++ {
			if p := all[from].Product; counts[p] > 1 {
				counts[p]--
			} else {
				delete(counts, p)
			}
		}
		if from < to {
			t := Trend{Top: ranking(counts, TopOf)}
			t.During.Start, t.During.End = start, start+size
			found[start] = t
		}
	}
	return found
}

// ranking is the first n of what was counted, of equal ones in the order of the alphabet.
func ranking(counts map[string]int64, n int) []Ranked {
	var all []Ranked
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, Ranked{p, counts[p]})
	}
	slices.SortStableFunc(all, func(a, b Ranked) int { return cmp.Compare(b.Times, a.Times) })
	return all[:min(n, len(all))]
}

// pairsOf counts, for each product, the visits in which each other product was looked at too.
func pairsOf(visits map[string]map[int64]Session) map[string]map[string]int64 {
	pairs := map[string]map[string]int64{}
	for _, of := range visits {
		for _, s := range of {
			if len(s.Value.Viewed) > MostViewed {
				continue
			}
			for _, a := range s.Value.Viewed {
				for _, b := range s.Value.Viewed {
					if a == b {
						continue
					}
					if pairs[a] == nil {
						pairs[a] = map[string]int64{}
					}
					pairs[a][b]++
				}
			}
		}
	}
	return pairs
}

// mailed is what tells one recommendation from another.
func mailed(visitor string, at time.Time) string {
	return fmt.Sprintf("%s at %d", visitor, at.UnixMilli())
}
