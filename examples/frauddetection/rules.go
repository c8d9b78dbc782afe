// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"
)

// What the rules consider too much. The topology puts payments into windows and stores; what is said about a window or
// a store's content is said here, without a stream in sight.
const (
	SpendWindow = 10 * time.Minute // spend within any such time is held against the card's limit

	VelocityWindow  = 10 * time.Minute // payments are counted in windows of this size,
	VelocityAdvance = time.Minute      // one of which starts every minute,
	VelocityLimit   = 8                // and this many in one are too many

	TravelSpeed    = 1000.0 // km/h; an airliner makes 900
	TravelDistance = 500.0  // km; below that, imprecise places would make fast travellers

	AbroadDistance   = 1500.0 // km from home
	NightEnd         = 5.0    // night is from midnight until this hour
	MaxDisorder      = 30 * time.Second
	DerivedLimit     = 600_00 // cents; for cards of which the data knows no limit
	maxSeenCountries = 64     // a card's known countries; beyond, the oldest is forgotten
)

// Tally is what a window knows of a card's payments.
type Tally struct {
	Sum   int64 `json:"sum"`
	Count int64 `json:"count"`
	Last  Mark  `json:"last"` // the latest payment in event time
}

// Add is the tally with one more payment.
func (t Tally) Add(p Payment) Tally { return t.Merge(Tally{Sum: p.Amount, Count: 1, Last: p.Mark()}) }

// Merge is the tally of the payments of both.
func (t Tally) Merge(o Tally) Tally {
	if t.Count == 0 || o.Last.Later(t.Last) {
		t.Last = o.Last
	}
	t.Sum += o.Sum
	t.Count += o.Count
	return t
}

// CheckSpend judges the sliding window of a card that ends at end (exclusive, as in window.Span). There is one for the
// ten minutes before each payment, and these are judged; those that begin right after a payment and end nowhere in
// particular are not, because they hold nothing that would not be in one of the others.
func CheckSpend(t Tally, end int64, p Profile) (Alert, bool) {
	if t.Last.At != end-1 || t.Sum <= p.Limit {
		return Alert{}, false
	}
	why := fmt.Sprintf("%s spent within ten minutes, the limit is %s", money(t.Sum), money(p.Limit))
	return Alert{Rule: Overspend, Why: why, Payment: t.Last}, true
}

// CheckVelocity judges a hopping window of a card. A window gives at most one alert, when its count reaches the limit.
func CheckVelocity(t Tally) (Alert, bool) {
	if t.Count != VelocityLimit {
		return Alert{}, false
	}
	why := fmt.Sprintf("%d payments within ten minutes", t.Count)
	return Alert{Rule: Velocity, Why: why, Payment: t.Last}, true
}

// Sighting is where and when a card's holder was last.
type Sighting struct {
	At    int64 `json:"at"`
	Place Point `json:"place"`
}

// CheckTravel judges whether the holder of a card who was at last can have made p, and gives the sighting to keep.
// known is false for a card's first payment.
//
// A payment that the holder cannot have made says nothing about where the holder is, so it is not kept: otherwise
// the thief's payment in Lima would be the last place, the next one in Lima would look fine, and the holder's own, in
// Izmir, would be the alert. Nor is a payment near the holder's home an alert, ever: it is the one place where the
// holder is expected, and if that is surprising then the sighting before it was wrong. A payment that arrives after a
// later one is judged backwards in time, and not kept either.
func CheckTravel(last Sighting, known bool, p Payment) (Sighting, Alert, bool) {
	now := Sighting{At: p.At, Place: p.Shop}
	if !known {
		return now, Alert{}, false
	}
	km := Distance(last.Place, now.Place)
	between := time.Duration(max(now.At-last.At, last.At-now.At)) * time.Millisecond
	away := Distance(p.Home, p.Shop) > TravelDistance
	if away && km > TravelDistance && Speed(km, between) > TravelSpeed {
		why := fmt.Sprintf("%.0f km from the payment %s before", km, between.Round(time.Second))
		if now.At < last.At {
			why = fmt.Sprintf("%.0f km from the payment %s after", km, between.Round(time.Second))
		}
		return last, Alert{Rule: Travel, Why: why, Payment: p.Mark()}, true
	}
	if now.At < last.At {
		return last, Alert{}, false
	}
	return now, Alert{}, false
}

// CheckAbroad judges whether p is the first use of its card in a country far from home, at night as the sun there has
// it, and gives the countries to keep: those that the card was used in, oldest first. It does not write to seen.
// Without a country in the data it has no opinion.
func CheckAbroad(seen []string, p Payment, home Point) ([]string, Alert, bool) {
	if p.Country == "" || slices.Contains(seen, p.Country) {
		return seen, Alert{}, false
	}
	seen = append(slices.Clip(seen[max(0, len(seen)+1-maxSeenCountries):]), p.Country)
	km, hour := Distance(home, p.Shop), SolarHour(p.At, p.Shop.Long())
	if km <= AbroadDistance || hour >= NightEnd {
		return seen, Alert{}, false
	}
	why := fmt.Sprintf("first use in %s, %.0f km from home, at %02d:%02d", p.Country, km, int(hour), int(hour*60)%60)
	return seen, Alert{Rule: Abroad, Why: why, Payment: p.Mark()}, true
}

// IsNews tells whether an alert says something new, given the event time of the payment that its slot's newest alert
// was about (0: none). A burst is in many windows, each of which gives an alert about the same payment, and a payment
// that arrives late gives another alert about the ones that followed it.
func IsNews(newest int64, a Alert) bool { return a.Payment.At > newest }
