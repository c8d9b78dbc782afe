// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
)

// verdict is an alert without its words.
type verdict struct {
	Rule    Rule
	Card    string
	Payment string
}

func verdictOf(a Alert) verdict { return verdict{a.Rule, a.Payment.Card, a.Payment.ID} }

// oracle gives what the topology must: per card and rule the alerts in order. It knows nothing of streams, stores and
// slices: for each payment of a card, in the order of arrival, it looks at all that arrived until then and makes every
// window from scratch, by the rules of a window and nothing else. Payments must be at most MaxDisorder out of order.
func oracle(payments []Payment, profiles map[string]Profile) map[string]map[Rule][]verdict {
	byCard := map[string][]Payment{}
	for _, p := range payments {
		byCard[p.Card] = append(byCard[p.Card], p)
	}
	out := map[string]map[Rule][]verdict{}
	for card, all := range byCard {
		profile, ok := profiles[card]
		newest, rules := map[Rule]int64{}, map[Rule][]verdict{}
		var last Sighting
		var seen []string
		emit := func(a Alert, alert bool) {
			if alert && IsNews(newest[a.Rule], a) {
				newest[a.Rule] = a.Payment.At
				rules[a.Rule] = append(rules[a.Rule], verdictOf(a))
			}
		}
		for i, p := range all {
			past := all[:i+1]
			if ok {
				for _, end := range slidingEnds(past, p.At) {
					emit(CheckSpend(tally(past, end-SpendWindow.Milliseconds(), end), end+1, profile))
				}
				var a Alert
				var alert bool
				seen, a, alert = CheckAbroad(seen, p, profile.Home)
				emit(a, alert)
			}
			size, advance := VelocityWindow.Milliseconds(), VelocityAdvance.Milliseconds()
			for start := max(p.At-p.At%advance-size+advance, 0); start <= p.At; start += advance {
				emit(CheckVelocity(tally(past, start, start+size-1)))
			}
			next, a, alert := CheckTravel(last, i > 0, p)
			last = next
			emit(a, alert)
		}
		out[card] = rules
	}
	return out
}

// tally sums up the payments from from to to, both ends in.
func tally(payments []Payment, from, to int64) Tally {
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
