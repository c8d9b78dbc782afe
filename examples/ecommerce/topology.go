// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// What browsers and the catalogue write.
var (
	clicks = stream.Topic[string, Click]{ // by visitor
		Name: "clicks", Key: codec.String, Value: codec.JSON[Click](), Time: Click.When, Disorder: MaxDisorder,
	}
	pages = stream.Topic[string, Page]{ // by category
		Name: "pages", Key: codec.String, Value: codec.JSON[Page](), Time: Page.When, Disorder: PageDisorder,
	}
)

// What comes out. This is where sinks stand: the front page takes its rows from trending, with the category as key, the
// product pages theirs from seen-together; the mailer reads left-carts and recommendations at read-committed and sees
// each once.
var (
	visits      = stream.Topic[string, Session]{Name: "visits", Key: codec.String, Value: codec.JSON[Session]()}
	afterVisits = stream.Topic[string, Click]{Name: "clicks-after-visit", Key: codec.String, Value: codec.JSON[Click]()}
	leftCarts   = stream.Topic[string, Cart]{Name: "left-carts", Key: codec.String, Value: codec.JSON[Cart]()}
	trends      = stream.Topic[string, Trend]{Name: "trending", Key: codec.String, Value: codec.JSON[Trend]()}
	together    = stream.Topic[string, []Ranked]{ // by product
		Name: "seen-together", Key: codec.String, Value: codec.JSON[[]Ranked](),
	}
	mails = stream.Topic[string, Recommendation]{ // by the product last seen
		Name: "recommendations", Key: codec.String, Value: codec.JSON[Recommendation](),
	}
)

// Session is a visit and when it was.
type Session = window.Pane[Visit]

// carts are those that may be bought still, by visitor.
var carts = state.Map[string, Cart]{Name: "carts", Key: codec.String, Value: codec.JSON[Cart]()}

// shop finds out what visitors look at, buy and leave behind.
func shop(t *stream.Topology) {
	clicked := operators.Dedupe("clicks-once", stream.From(t, clicks), codec.String, Click.Number, RepeatWithin)
	sessions := operators.AggregateWindows("visits", clicked, window.Session{Gap: VisitGap, Emit: window.OnClose}, visit)
	stream.To(sessions.Out, visits)
	stream.To(sessions.Late, afterVisits)
	stream.To(forgotten(clicked), leftCarts)
	stream.To(trending(stream.From(t, pages)), trends)

	looked := stream.Encode(operators.FilterMap(sessions.Out, Looked), codec.JSON[Visit]())
	seen := seenTogether(looked)
	stream.To(operators.Map(operators.PerCommit(seen), topTogether), together)
	stream.To(recommend(looked, seen), mails)
}

// visit folds clicks into a visit.
var visit = operators.Fold[Click, Visit]{Add: Visit.Add, Merge: Visit.Merge, Codec: codec.JSON[Visit]()}

// trending gives the most viewed products of each category within the last hour, every minute.
func trending(shown stream.Stream[string, Page]) stream.Stream[string, Trend] {
	hour := window.Hopping{Size: TrendWindow, Advance: TrendEvery, Emit: window.OnClose}
	views := operators.AggregateWindows("views", shown, hour, operators.Distinct(Page.Shown, codec.String))
	return operators.Map(views.Out, Trending)
}

// forgotten gives the carts whose visitors have done nothing for an hour. Each has one timer, which every click of its
// visitor moves. A visitor's clicks come in order: one that lies behind the cart's time is belated, and moves nothing.
func forgotten(clicked stream.Stream[string, Click]) stream.Stream[string, Cart] {
	type processor = operators.Processor[string, Cart]
	return operators.Process("carts", clicked, func(p *processor) operators.Func[string, Click] {
		open := carts.Open(p)
		p.OnTimer(func(t operators.Timer[string]) error {
			if cart, ok := open.Get(t.Key); ok {
				open.Delete(t.Key)
				p.Emit(cart)
			}
			return nil
		})
		return func(r *stream.Record[string, Click]) error {
			cart, ok := open.Get(r.Key)
			if ok {
				p.DeleteTimer(r.Key, "left", cart.LeftAt())
			}
			if ok && r.Time >= cart.LeftAt() { // the timer was still waiting for visitors who are behind
				p.EmitAt(cart, cart.LeftAt())
				cart = Cart{}
			}
			cart = cart.After(r.Value)
			if cart.Empty() {
				open.Delete(r.Key)
				return nil
			}
			open.Put(r.Key, cart)
			p.SetTimer(r.Key, "left", cart.LeftAt())
			return nil
		}
	})
}

// seenTogether counts, for each product, the visits in which each other product was looked at too.
func seenTogether(looked stream.Stream[string, Visit]) stream.Table[string, operators.Tally[string]] {
	pairs := stream.Encode(operators.FlatMap(looked, Visit.Pairs), codec.JSON[Pair]())
	pairs = operators.KeyBy("pairs-by-product", pairs, codec.String, Pair.First)
	return operators.Aggregate("seen-together", pairs, operators.Distinct(Pair.Second, codec.String))
}

// topTogether is what a product's page shows of the others.
func topTogether(t operators.Tally[string]) []Ranked { return Best(t, TopOf) }

// recommend joins a visitor's last product with what was seen together with it, as far as is known by then.
func recommend(looked stream.Stream[string, Visit],
	seen stream.Table[string, operators.Tally[string]]) stream.Stream[string, Recommendation] {
	last := operators.KeyBy("visits-by-last-product", looked, codec.String, Visit.LastProduct)
	return operators.LeftJoinTable(last, seen, Recommend)
}
