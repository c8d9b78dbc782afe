// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// Rule names one of the ways to find a fraud; as a label, the kind of fraud that was put into the data.
type Rule string

// The four rules, in the order in which the program tells about them.
const (
	Overspend Rule = "overspend" // more than the card's limit within ten minutes
	Velocity  Rule = "velocity"  // too many payments within ten minutes
	Travel    Rule = "travel"    // two places too far apart for the time between
	Abroad    Rule = "abroad"    // first use in a far country, at night
)

// Rules are all rules.
var Rules = []Rule{Overspend, Velocity, Travel, Abroad}

// Payment is one use of a card. Its event time is At; it arrives later than that, and not in order.
type Payment struct {
	ID       string `json:"id"`
	Card     string `json:"card"`
	At       int64  `json:"at"`     // when the card was used: milliseconds since 1970, UTC
	Amount   int64  `json:"amount"` // in cents
	Merchant string `json:"merchant"`
	Category string `json:"category"`
	Country  string `json:"country,omitempty"` // the merchant's, in two letters; empty when the data does not say
	Home     Point  `json:"home"`              // where the card holder lives
	Shop     Point  `json:"shop"`              // where the card was used
	Label
}

// Label is the truth about a payment, which no rule looks at: it is there to be scored against.
type Label struct {
	Fraud bool `json:"fraud,omitempty"`
	Rule  Rule `json:"rule,omitempty"` // the rule that ought to find it; empty when the data does not say
	Case  int  `json:"case,omitempty"` // payments of one fraud share a number, from 1
}

// When is the payment's event time.
func (p Payment) When() time.Time { return time.UnixMilli(p.At) }

// Mark is the payment as far as an alert needs to know it.
func (p Payment) Mark() Mark { return Mark{ID: p.ID, Card: p.Card, At: p.At, Label: p.Label} }

// Mark points at a payment.
type Mark struct {
	ID   string `json:"id"`
	Card string `json:"card"`
	At   int64  `json:"at"`
	Label
}

// Later says whether m is the later payment of the two. Two of the same millisecond are ordered by their ids, so
// that the answer does not depend on which one is asked about first.
func (m Mark) Later(than Mark) bool { return m.At > than.At || m.At == than.At && m.ID > than.ID }

// Profile is what the bank knows about a card.
type Profile struct {
	Card  string `json:"card"`
	Limit int64  `json:"limit"` // in cents, for any ten minutes
	Home  Point  `json:"home"`
}

// Alert says that a payment looks like a fraud, and why.
type Alert struct {
	Rule    Rule   `json:"rule"`
	Why     string `json:"why"`
	Payment Mark   `json:"payment"`
}

// Slot is where the program remembers the newest alert of a card and a rule.
func (a Alert) Slot() string { return a.Payment.Card + "/" + string(a.Rule) }

// money writes cents as people do.
func money(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d", sign, cents/100, cents%100)
}
