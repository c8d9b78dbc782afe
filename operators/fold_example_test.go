// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// listResults prints what each record does to a table of results. Records are written as KEY VALUE @TIME.
func listResults[A any](fold operators.Fold[string, A], say func(A) string, records ...string) {
	topo := stream.New("example")
	results := operators.ToStream(operators.Aggregate("results", stream.From(topo, words), fold))
	stream.To(stream.Encode(operators.Map(results, say), codec.String), lines)
	d := &rig{streamtest.New(inExample{}, topo), inExample{}, nil}
	d.out = streamtest.Output(d.Driver, lines)
	for _, record := range records {
		fmt.Println(record + " → " + d.play(words, record))
	}
}

// The two highest amounts of each category.
func ExampleTopN() {
	listResults(operators.TopN(2, number, codec.String), func(top []string) string { return strings.Join(top, " ") },
		"books 30 @1", "books 50 @2", "books 10 @3", "books 40 @4")
	// Output:
	// books 30 @1 → books 30 @1
	// books 50 @2 → books 50 30 @2
	// books 10 @3 → books 50 30 @3
	// books 40 @4 → books 50 40 @4
}

// The two products that were sold most often in each category.
func ExampleTally_Top() {
	product := func(sale string) string { return sale }
	top := func(sold operators.Tally[string]) string { return fmt.Sprint(sold.Top(2)) }
	listResults(operators.Distinct(product, codec.String), top,
		"books emma @1", "books dune @2", "books ulysses @3", "books ulysses @4", "books emma @5")
	// Output:
	// books emma @1 → books [{emma 1}] @1
	// books dune @2 → books [{dune 1} {emma 1}] @2
	// books ulysses @3 → books [{dune 1} {emma 1}] @3
	// books ulysses @4 → books [{ulysses 2} {dune 1}] @4
	// books emma @5 → books [{emma 2} {ulysses 2}] @5
}
