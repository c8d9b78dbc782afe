// SPDX-License-Identifier: Apache-2.0

package main

import (
	"iter"
	"slices"
	"time"
)

const day = int64(24 * time.Hour / time.Millisecond)

// verdict is an alert without its words.
type verdict struct {
	Rule    Rule
	Card    string
	Payment string
}

func verdictOf(a Alert) verdict { return verdict{a.Rule, a.Payment.Card, a.Payment.ID} }

// verdicts are alerts by card and rule, in order.
type verdicts map[string]map[Rule][]verdict

func (v verdicts) add(a Alert) {
	if v[a.Payment.Card] == nil {
		v[a.Payment.Card] = map[Rule][]verdict{}
	}
	v[a.Payment.Card][a.Rule] = append(v[a.Payment.Card][a.Rule], verdictOf(a))
}

// oracle gives what the topology must: per card and rule the alerts in order. It knows nothing of streams, stores and
// slices: for each payment of a card, in the order of arrival, it looks at all that arrived until then, but for what is
// a day old and in no window any more, and makes every window from scratch, by the rules of a window and nothing else.
// Payments must be at most MaxDisorder out of order.
func oracle(payments iter.Seq[Payment], profiles map[string]Profile) verdicts {
	cards := map[string]*oracleCard{}
	out := verdicts{}
	for p := range payments {
		c := cards[p.Card]
		if c == nil {
			c = &oracleCard{newest: map[Rule]int64{}}
			cards[p.Card] = c
		}
		profile, ok := profiles[p.Card]
		for _, a := range c.next(p, profile, ok) {
			out.add(a)
		}
	}
	return out
}

// oracleCard is a card's past.
type oracleCard struct {
	past   []Payment
	used   bool
	newest map[Rule]int64
	last   Sighting
	seen   []string
}

// next gives the alerts that a payment brings about. Without a profile there is nothing to join with.
func (c *oracleCard) next(p Payment, profile Profile, known bool) (alerts []Alert) {
	emit := func(a Alert, alert bool) {
		if alert && IsNews(c.newest[a.Rule], a) {
			c.newest[a.Rule] = a.Payment.At
			alerts = append(alerts, a)
		}
	}
	c.past = append(slices.DeleteFunc(c.past, func(old Payment) bool { return old.At < p.At-day }), p)
	var a Alert
	var alert bool
	if known {
		for _, end := range slidingEnds(c.past, p.At) {
			emit(CheckSpend(tallyOf(c.past, end-SpendWindow.Milliseconds(), end), end+1, profile))
		}
		c.seen, a, alert = CheckAbroad(c.seen, p, profile.Home)
		emit(a, alert)
	}
	size, advance := VelocityWindow.Milliseconds(), VelocityAdvance.Milliseconds()
	for start := max(p.At-p.At%advance-size+advance, 0); start <= p.At; start += advance {
		emit(CheckVelocity(tallyOf(c.past, start, start+size-1)))
	}
	c.last, a, alert = CheckTravel(c.last, c.used, p)
	c.used = true
	emit(a, alert)
	return alerts
}

// tallyOf sums up the payments from from to to, both ends in.
func tallyOf(payments []Payment, from, to int64) Tally {
	var t Tally
	for _, p := range payments {
		if from <= p.At && p.At <= to {
			t = t.Add(p)
		}
	}
	return t
}

// slidingEnds are the last instants of the windows that end at a payment and hold one of time at, in order: Size is
// inclusive.
func slidingEnds(payments []Payment, at int64) []int64 {
	var ends []int64
	for _, p := range payments {
		if at <= p.At && p.At-at <= SpendWindow.Milliseconds() {
			ends = append(ends, p.At)
		}
	}
	slices.Sort(ends)
	return slices.Compact(ends)
}
