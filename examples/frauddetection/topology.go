// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// The topics. All are keyed by card.
var (
	payments = stream.Topic[string, Payment]{
		Name: paymentsTopic, Key: codec.String, Value: codec.JSON[Payment](), Time: Payment.When,
	}
	profiles = stream.Topic[string, Profile]{Name: profilesTopic, Key: codec.String, Value: codec.JSON[Profile]()}
	alerts   = stream.Topic[string, Alert]{Name: alertsTopic, Key: codec.String, Value: codec.JSON[Alert]()}
)

// The stores of the rules that no window can say.
var (
	lastSeen  = state.Map[string, Sighting]{Name: "last-seen", Key: codec.String, Value: codec.JSON[Sighting]()}
	countries = state.Map[string, []string]{Name: "countries", Key: codec.String, Value: codec.Slice(codec.String)}
	newest    = state.Map[string, int64]{Name: "newest", Key: codec.String, Value: codec.Int64}
)

// fraud reads payments and profiles and writes alerts: four rules side by side, and a filter that lets each alert
// through once.
func fraud(t *stream.Topology) {
	paid := stream.From(t, payments)
	cards := stream.TableFrom(t, profiles)
	alert := operators.Merge(overspend(paid, cards), velocity(paid), travel(paid), abroad(paid, cards))
	stream.To(news(alert), alerts)
}

// tally folds payments into what a window knows of them.
var tally = operators.Fold[Payment, Tally]{Add: Tally.Add, Merge: Tally.Merge, Codec: codec.JSON[Tally]()}

// overspend: more than the card's limit in the ten minutes before a payment.
func overspend(paid stream.Stream[string, Payment], cards stream.Table[string, Profile]) stream.Stream[string, Alert] {
	spent := operators.AggregateWindows("spent", paid, window.Sliding{Size: SpendWindow, Grace: MaxDisorder}, tally)
	type spending struct {
		pane window.Pane[Tally]
		card Profile
	}
	known := operators.JoinTable(spent.Out, cards, func(pane window.Pane[Tally], card Profile) spending {
		return spending{pane, card}
	})
	return operators.FilterMap(known, func(s spending) (Alert, bool) {
		return CheckSpend(s.pane.Value, s.pane.Span.End, s.card)
	})
}

// velocity: too many payments within ten minutes.
func velocity(paid stream.Stream[string, Payment]) stream.Stream[string, Alert] {
	w := window.Hopping{Size: VelocityWindow, Advance: VelocityAdvance, Grace: MaxDisorder}
	counted := operators.AggregateWindows("counted", paid, w, tally)
	return operators.FilterMap(counted.Out, func(pane window.Pane[Tally]) (Alert, bool) {
		return CheckVelocity(pane.Value)
	})
}

// travel: two places too far apart for the time between them.
func travel(paid stream.Stream[string, Payment]) stream.Stream[string, Alert] {
	return operators.Process("travel", paid, func(p *operators.Processor[string, Alert]) operators.Func[string, Payment] {
		store := lastSeen.Open(p)
		return func(r *stream.Record[string, Payment]) error {
			last, known := store.Get(r.Key)
			keep, alert, suspicious := CheckTravel(last, known, r.Value)
			store.Put(r.Key, keep)
			if suspicious {
				p.Emit(alert)
			}
			return nil
		}
	})
}

// abroad: the first use in a country far from home, at night.
func abroad(paid stream.Stream[string, Payment], cards stream.Table[string, Profile]) stream.Stream[string, Alert] {
	type use struct {
		payment Payment
		home    Point
	}
	uses := operators.JoinTable(paid, cards, func(p Payment, card Profile) use { return use{p, card.Home} })
	return operators.Process("abroad", uses, func(p *operators.Processor[string, Alert]) operators.Func[string, use] {
		store := countries.Open(p)
		return func(r *stream.Record[string, use]) error {
			seen, _ := store.Get(r.Key)
			keep, alert, suspicious := CheckAbroad(seen, r.Value.payment, r.Value.home)
			if !slices.Equal(keep, seen) {
				store.Put(r.Key, keep)
			}
			if suspicious {
				p.Emit(alert)
			}
			return nil
		}
	})
}

// news lets an alert through when it says something new about its card.
func news(found stream.Stream[string, Alert]) stream.Stream[string, Alert] {
	return operators.Process("news", found, func(p *operators.Processor[string, Alert]) operators.Func[string, Alert] {
		store := newest.Open(p)
		return func(r *stream.Record[string, Alert]) error {
			slot := r.Value.Slot()
			if at, _ := store.Get(slot); IsNews(at, r.Value) {
				store.Put(slot, r.Value.Payment.At)
				p.Emit(r.Value)
			}
			return nil
		}
	})
}
