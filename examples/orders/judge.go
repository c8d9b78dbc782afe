// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge enters what comes out into the books, tells what sells out, and adds up how orders end. It is a runner.Judge.
type judge struct {
	books    *Books            // nil: of a feed without end
	names    map[string]string // of products
	open     map[string]Order
	ends     map[Status]*sum
	late     sum // payments that came too late
	products map[string]*sales
}

// sum is so many orders, with what was ordered and what was to pay.
type sum struct{ orders, units, cents int64 }

func (s *sum) add(o Order) { s.orders, s.units, s.cents = s.orders+1, s.units+o.Units, s.cents+o.Cents }

// sales is what has become of the units of a product.
type sales struct {
	product           string
	shelf             Shelf
	returned, refused int64
}

func newJudge(seed uint64, n int64) *judge {
	j := &judge{
		names: map[string]string{}, open: map[string]Order{}, ends: map[Status]*sum{}, products: map[string]*sales{},
	}
	catalogue := Catalogue(seed)
	for _, row := range catalogue {
		j.names[row.Product] = row.Name
	}
	for _, end := range Ends {
		j.ends[end] = &sum{}
	}
	if n > 0 {
		j.books = NewBooks(catalogue, runner.First(n, Arrivals(seed)))
	}
	return j
}

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(ledger, j.moved),
		runner.Watch(openOrders, j.opened),
		runner.Watch(endedOrders, j.ended),
		runner.Watch(refunds, j.refunded),
	}
}

// moved tells when a product sells out, and when units of it come back.
func (j *judge) moved(r runner.Record[string, Movement]) string {
	m := r.Value
	if j.books != nil {
		j.books.Moved(r.Key, m)
	}
	s := j.products[r.Key]
	if s == nil {
		s = &sales{product: r.Key}
		j.products[r.Key] = s
	}
	before := s.shelf
	s.shelf = m.Shelf
	switch m.What {
	case Returned:
		s.returned += m.Units
	case Refused:
		s.refused += m.Units
	}
	line := func(what, words string) string {
		at := r.Time.Format(time.DateTime)
		return fmt.Sprintf("%s  %s %-8s  %-14s  %s %s", at, r.Key, what, j.names[r.Key], m.Order, words)
	}
	switch {
	case m.What == Reserved && m.Shelf.Free() == 0:
		return line("sold out", fmt.Sprintf("takes the last %d of %d", m.Units, m.Shelf.Received))
	case m.What == Returned && before.Free() == 0:
		return line("back", fmt.Sprintf("is not paid and gives %d back", m.Units))
	}
	return ""
}

func (j *judge) opened(r runner.Record[string, State]) string {
	var now *State
	if delete(j.open, r.Key); !r.Null {
		now = &r.Value
		j.open[r.Key] = r.Value.Order
	}
	if j.books != nil {
		j.books.Opened(r.Key, now)
	}
	return ""
}

func (j *judge) ended(r runner.Record[string, State]) string {
	if j.books != nil {
		j.books.Ended(r.Value)
	}
	if end, ok := j.ends[r.Value.Status]; ok {
		end.add(r.Value.Order)
	}
	return ""
}

func (j *judge) refunded(r runner.Record[string, Refund]) string {
	if j.books != nil {
		j.books.Refunded(r.Value)
	}
	if r.Value.Why == unexpected {
		j.late.add(Order{Cents: r.Value.Payment.Cents})
	}
	return ""
}

// results are how orders have ended, and what has become of the units of the products that were wanted most.
type results struct {
	Orders runner.Table `json:"orders"`
	Units  runner.Table `json:"units"`
}

const mostWanted = 5 // products that the results tell of

// Results implements runner.Judge.
func (j *judge) Results() any {
	open := sum{}
	for _, o := range j.open {
		open.add(o)
	}
	orders := runner.Table{Headers: []string{"what", "orders", "units", "money"}}
	row := func(what string, s sum) {
		orders.Rows = append(orders.Rows, []any{what, s.orders, s.units, money(s.cents)})
	}
	for _, end := range Ends {
		row(string(end), *j.ends[end])
	}
	row("open", open)
	row(unexpected, j.late)

	units := runner.Table{
		Headers: []string{"product", "name", "received", "sold", "reserved", "free", "came back", "refused"},
	}
	wanted := slices.SortedFunc(maps.Values(j.products), func(a, b *sales) int {
		return cmp.Or(-cmp.Compare(a.refused, b.refused), cmp.Compare(a.product, b.product))
	})
	all := sales{product: "all"}
	for i, s := range wanted {
		if i < mostWanted {
			units.Rows = append(units.Rows, s.row(j.names[s.product]))
		}
		all.returned, all.refused = all.returned+s.returned, all.refused+s.refused
		all.shelf.Received += s.shelf.Received
		all.shelf.Reserved += s.shelf.Reserved
		all.shelf.Sold += s.shelf.Sold
	}
	units.Rows = append(units.Rows, all.row(""))
	return results{Orders: orders, Units: units}
}

func (s sales) row(name string) []any {
	on := s.shelf
	return []any{s.product, name, on.Received, on.Sold, on.Reserved, on.Free(), s.returned, s.refused}
}

// String draws both tables.
func (r results) String() string { return r.Orders.String() + "\n" + r.Units.String() }

// Check implements runner.Judge.
func (j *judge) Check() error {
	if j.books == nil {
		return runner.NoOracle
	}
	return errors.Join(j.books.Check()...)
}
