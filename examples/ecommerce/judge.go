// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/fatih/color"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge keeps the books of what comes out, and tells a person about trends and large carts. It is a runner.Judge.
type judge struct {
	seed  uint64
	n     int64 // 0: of a feed without end
	got   *books
	led   map[string]string // by category, the product that was told of last
	wrong []error           // what can be said without an oracle
}

func newJudge(seed uint64, n int64) *judge {
	return &judge{seed: seed, n: n, got: newBooks(), led: map[string]string{}}
}

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(visits, j.visit),
		runner.Watch(afterVisits, j.after),
		runner.Watch(leftCarts, j.cart),
		runner.Watch(trends, j.trend),
		runner.Watch(together, j.seen),
		runner.Watch(mails, j.mail),
	}
}

// visit enters a visit. It comes once.
func (j *judge) visit(r runner.Record[string, Session]) string {
	enter(j, j.got.visits, r, r.Value.Span.Start)
	return ""
}

// enter is for what comes once for each key and window.
func enter[V any](j *judge, book map[string]map[int64]V, r runner.Record[string, V], start int64) {
	if book[r.Key] == nil {
		book[r.Key] = map[int64]V{}
	}
	if _, known := book[r.Key][start]; known {
		from := clock(time.UnixMilli(start))
		j.wrong = append(j.wrong, fmt.Errorf("%s: %s from %s on is there twice", r.Topic, r.Key, from))
	}
	book[r.Key][start] = r.Value
}

func (j *judge) after(r runner.Record[string, Click]) string {
	if _, known := j.got.after[r.Value.ID]; known {
		j.wrong = append(j.wrong, fmt.Errorf("%s: %s is there twice", r.Topic, r.Value.ID))
	}
	j.got.after[r.Value.ID] = r.Value
	return ""
}

var (
	green  = color.New(color.FgGreen, color.Bold)
	yellow = color.New(color.FgYellow)
)

const (
	largeCart = 45_000 // cents
	manyViews = 10
)

func (j *judge) cart(r runner.Record[string, Cart]) string {
	cart := r.Value
	j.got.carts[r.Key] = append(j.got.carts[r.Key], cart)
	if cart.Cents < largeCart {
		return ""
	}
	return fmt.Sprintf("%s  %s  %s  %d products for %s, nothing done since %s", clock(r.Time), yellow.Sprint("cart left"),
		r.Key, len(cart.Products), euros(cart.Cents), clock(cart.Last))
}

func (j *judge) trend(r runner.Record[string, Trend]) string {
	enter(j, j.got.trends, r, r.Value.During.Start)
	top := r.Value.Top
	if len(top) < 2 || top[0].Times < manyViews || top[0].Times < 2*top[1].Times || j.led[r.Key] == top[0].Product {
		return ""
	}
	j.led[r.Key] = top[0].Product
	return fmt.Sprintf("%s  %s  %s  viewed %d times within an hour; then come %s (%d) and others",
		clock(r.Value.During.To()), green.Sprint("trending "), top[0].Product, top[0].Times, top[1].Product, top[1].Times)
}

func (j *judge) seen(r runner.Record[string, []Ranked]) string {
	j.got.together[r.Key] = r.Value
	return ""
}

func (j *judge) mail(r runner.Record[string, Recommendation]) string {
	id := mailed(r.Value.Visitor, r.Value.At)
	if _, known := j.got.mails[id]; known {
		j.wrong = append(j.wrong, fmt.Errorf("%s: for %s is there twice", r.Topic, id))
	}
	j.got.mails[id] = r.Value
	return ""
}

func clock(t time.Time) string { return t.UTC().Format(time.DateTime) }

// Results implements runner.Judge.
func (j *judge) Results() any {
	sessions, clicked, buyers, bought, left := 0, 0, 0, 0, Cart{}
	for _, of := range j.got.visits {
		for _, s := range of {
			sessions, clicked, bought = sessions+1, clicked+s.Value.Clicks, bought+len(s.Value.Bought)
			if len(s.Value.Bought) > 0 {
				buyers++
			}
		}
	}
	abandoned := 0
	for _, of := range j.got.carts {
		for _, c := range of {
			abandoned++
			left.Products, left.Cents = append(left.Products, c.Products...), left.Cents+c.Cents
		}
	}
	updates, useful := 0, 0
	for _, of := range j.got.trends {
		updates += len(of)
	}
	for _, m := range j.got.mails {
		if len(m.Others) > 0 {
			useful++
		}
	}
	t := runner.Table{Headers: []string{"what", "number", "of it"}}
	row := func(what string, number int, of string) { t.Rows = append(t.Rows, []any{what, number, of}) }
	row("visits", sessions, fmt.Sprintf("%d clicks", clicked))
	row("visits with a purchase", buyers, fmt.Sprintf("%d products", bought))
	row("clicks known after the visit", len(j.got.after), "")
	row("carts left", abandoned, fmt.Sprintf("%d products for %s", len(left.Products), euros(left.Cents)))
	row("top tens of categories", updates, "")
	row("products seen with others", len(j.got.together), "")
	row("recommendations", len(j.got.mails), fmt.Sprintf("%d with products", useful))
	return t
}

// Check implements runner.Judge.
func (j *judge) Check() error {
	if j.n == 0 {
		return runner.NoOracle
	}
	found := append(j.wrong, differences(oracle(runner.First(j.n, Arrivals(j.seed))), j.got)...)
	found = append(found, j.got.consistent()...)
	return errors.Join(found[:min(len(found), maxDifferences)]...)
}

const (
	maxDifferences = 5
	// settled is how long after its end a window is closed in every partition, at the latest: there are
	// clicks and pages in each within that.
	settled = 6 * time.Hour
)

// differences says what is not as it must be. Visits, carts and hours that may or may not be over at the end of the
// data may be there or not, but if they are they must be right.
func differences(want, got *books) (found []error) {
	limit := want.last.Add(-settled)
	for _, visitor := range keys(want.visits, got.visits) {
		found = append(found, compare("visit of "+visitor, want.visits[visitor], got.visits[visitor],
			func(s Session) bool { return s.Span.To().Add(VisitGap).After(limit) })...)
	}
	found = append(found, compare("late click", want.after, got.after, nil)...)
	for _, category := range keys(want.trends, got.trends) {
		found = append(found, compare("top ten of "+category, want.trends[category], got.trends[category],
			func(t Trend) bool { return t.During.To().After(limit) })...)
	}
	for _, visitor := range keys(want.carts, got.carts) {
		w, g := want.carts[visitor], got.carts[visitor]
		closed := slices.IndexFunc(w, func(c Cart) bool { return c.Last.Add(LeftAfter).After(limit) })
		if closed < 0 {
			closed = len(w)
		}
		if n := len(g); n > len(w) || n < closed || n > 0 && !reflect.DeepEqual(w[:n], g) {
			found = append(found, fmt.Errorf("carts that %s left: want %v, got %v", visitor, w, g))
		}
	}
	return found
}

// consistent says what does not follow from the visits that came out: what was seen together is exactly known, and each
// visit has one recommendation, of products that had been seen together by then.
func (b *books) consistent() (found []error) {
	pairs, want := pairsOf(b.visits), map[string][]Ranked{}
	for product, others := range pairs {
		want[product] = ranking(others, TopOf)
	}
	found = append(found, compare("seen together with", want, b.together, nil)...)
	mails := 0
	for _, of := range b.visits {
		for _, s := range of {
			if v, ok := Looked(s); ok {
				mails++
				found = append(found, faults(v, b.mails[mailed(v.Visitor, v.LastAt)], pairs[v.Last])...)
			}
		}
	}
	if mails != len(b.mails) {
		found = append(found, fmt.Errorf("%d recommendations for %d visits", len(b.mails), mails))
	}
	return found
}

// faults are those of the recommendation for a visit, where others are what was seen with its product in the end.
func faults(v Visit, m Recommendation, others map[string]int64) (found []error) {
	if m.Visitor != v.Visitor || m.Product != v.Last || len(m.Others) > Recommended {
		found = append(found, fmt.Errorf("recommendation %v for the visit %v", m, v))
	}
	for i, o := range m.Others {
		if o.Product == m.Product || o.Times < 1 || o.Times > others[o.Product] || i > 0 && o.Times > m.Others[i-1].Times {
			found = append(found, fmt.Errorf("recommendation %v: seen with %v in the end: %v", m, m.Product, others))
		}
	}
	return found
}

// compare holds two books of one kind against each other; what is open may be missing.
func compare[K string | int64, V any](what string, want, got map[K]V, open func(V) bool) (found []error) {
	for _, k := range keys(want, got) {
		w, ok := want[k]
		g, there := got[k]
		if !there && open != nil && open(w) {
			continue
		}
		if ok != there || !reflect.DeepEqual(w, g) {
			found = append(found, fmt.Errorf("%s %v: want %v (%v), got %v (%v)", what, k, w, ok, g, there))
		}
	}
	return found
}

func keys[K string | int64, V any](a, b map[K]V) []K {
	all := maps.Clone(a)
	if all == nil {
		all = map[K]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
