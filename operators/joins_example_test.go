// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// The tables in the doc comments of the joins of streams, as they run.

// listJoined prints what each record makes come of a join of two topics, words and other. Records are written as
// TOPIC KEY VALUE @TIME.
func listJoined(build func(topo *stream.Topology) texts, records ...string) {
	topo := stream.New("example")
	stream.To(stream.Encode(build(topo), codec.String), lines)
	d := rigged(inExample{}, topo)
	for _, text := range records {
		name, record, _ := strings.Cut(text, " ")
		topic := map[string]stream.Topic[string, string]{"a": words, "in": words, "b": other, "table": other}[name]
		fmt.Println(strings.TrimSpace(text + " → " + d.play(topic, record)))
	}
}

// both gives words and other as streams.
func both(topo *stream.Topology) (a, b texts) {
	return stream.From(topo, words), stream.From(topo, other)
}

func inPair(a, b string) string { return "(" + a + "," + b + ")" }

func orAbsent(v string, ok bool) string {
	if !ok {
		return "∅"
	}
	return v
}

func ExampleJoin() {
	listJoined(func(topo *stream.Topology) texts {
		a, b := both(topo)
		return operators.Join("join", a, b, within(5, 5, 0), inPair)
	}, "a k x @10", "b k 1 @14", "a k y @12", "b k 2 @5", "a k z @20")
	// Output:
	// a k x @10 →
	// b k 1 @14 → k (x,1) @14
	// a k y @12 → k (y,1) @14
	// b k 2 @5 → k (x,2) @10
	// a k z @20 →
}

func ExampleLeftJoin() {
	listJoined(func(topo *stream.Topology) texts {
		a, b := both(topo)
		return operators.LeftJoin("join", a, b, within(0, 5, 0), func(a, b string, ok bool) string {
			return inPair(a, orAbsent(b, ok))
		})
	}, "a k x @10", "a k y @11", "b k 1 @16", "b k 2 @17")
	// Output:
	// a k x @10 →
	// a k y @11 →
	// b k 1 @16 → k (x,∅) @10, k (y,1) @16
	// b k 2 @17 →
}

func ExampleOuterJoin() {
	listJoined(func(topo *stream.Topology) texts {
		a, b := both(topo)
		return operators.OuterJoin("join", a, b, within(5, 5, 0), func(a string, hasA bool, b string, hasB bool) string {
			return inPair(orAbsent(a, hasA), orAbsent(b, hasB))
		})
	}, "a k x @10", "b j 1 @10", "b k 2 @20", "a k y @30")
	// Output:
	// a k x @10 →
	// b j 1 @10 →
	// b k 2 @20 → j (∅,1) @10, k (x,∅) @10
	// a k y @30 → k (∅,2) @20
}

func ExampleJoinTable() {
	listJoined(func(topo *stream.Topology) texts {
		return operators.JoinTable(stream.From(topo, words), stream.TableFrom(topo, other), inPair)
	}, "table a 1 @1", "in a x @3", "table a 2 @5", "in a y @7", "in b z @8", "in a w @4")
	// Output:
	// table a 1 @1 →
	// in a x @3 → a (x,1) @3
	// table a 2 @5 →
	// in a y @7 → a (y,2) @7
	// in b z @8 →
	// in a w @4 → a (w,2) @4
}

func ExampleJoinTable_versioned() {
	listJoined(func(topo *stream.Topology) texts {
		return operators.JoinTable(stream.From(topo, words), stream.VersionedTableFrom(topo, other, 100*ms), inPair)
	}, "table a 1 @1", "table a 2 @5", "in a y @7", "in a w @4")
	// Output:
	// table a 1 @1 →
	// table a 2 @5 →
	// in a y @7 → a (y,2) @7
	// in a w @4 → a (w,1) @4
}

func ExampleLeftJoinTable() {
	listJoined(func(topo *stream.Topology) texts {
		return operators.LeftJoinTable(stream.From(topo, words), stream.TableFrom(topo, other),
			func(v, row string, ok bool) string { return inPair(v, orAbsent(row, ok)) })
	}, "in a x @1", "table a 1 @2", "in a y @3")
	// Output:
	// in a x @1 → a (x,∅) @1
	// table a 1 @2 →
	// in a y @3 → a (y,1) @3
}

func ExampleJoinTableGrace() {
	listJoined(func(topo *stream.Topology) texts {
		in, table := stream.From(topo, words), stream.VersionedTableFrom(topo, other, 100*ms)
		return operators.JoinTableGrace("join", in, table, 5*ms, inPair)
	}, "table a 1 @1", "in a x @12", "table a 2 @10", "in a y @11", "in a z @17", "in a w @12")
	// Output:
	// table a 1 @1 →
	// in a x @12 →
	// table a 2 @10 →
	// in a y @11 →
	// in a z @17 → a (y,2) @11, a (x,2) @12
	// in a w @12 → a (w,2) @12
}

func ExampleJoinGlobal() {
	listJoined(func(topo *stream.Topology) texts {
		named := func(_, currency string) (string, bool) { return currency, true }
		return operators.JoinGlobal(stream.From(topo, words), stream.GlobalTableFrom(topo, other), named,
			func(_, rate string) string { return rate })
	}, "table EUR 1.1 @1", "in a EUR @3", "table EUR 1.2 @5", "in b EUR @7", "in c USD @8")
	// Output:
	// table EUR 1.1 @1 →
	// in a EUR @3 → a 1.1 @3
	// table EUR 1.2 @5 →
	// in b EUR @7 → b 1.2 @7
	// in c USD @8 →
}

func ExampleLeftJoinGlobal() {
	listJoined(func(topo *stream.Topology) texts {
		named := func(_, currency string) (string, bool) { return currency, currency != "none" }
		return operators.LeftJoinGlobal(stream.From(topo, words), stream.GlobalTableFrom(topo, other), named,
			func(v, rate string, ok bool) string { return inPair(v, orAbsent(rate, ok)) })
	}, "table EUR 1.1 @1", "in a EUR @3", "in b USD @4", "in c none @5", "table USD 1 @6", "in b USD @7")
	// Output:
	// table EUR 1.1 @1 →
	// in a EUR @3 → a (EUR,1.1) @3
	// in b USD @4 → b (USD,∅) @4
	// in c none @5 → c (none,∅) @5
	// table USD 1 @6 →
	// in b USD @7 → b (USD,1) @7
}

func ExampleLeftJoinTableGrace() {
	listJoined(func(topo *stream.Topology) texts {
		in, table := stream.From(topo, words), stream.VersionedTableFrom(topo, other, 100*ms)
		return operators.LeftJoinTableGrace("join", in, table, 5*ms, func(v, row string, ok bool) string {
			return inPair(v, orAbsent(row, ok))
		})
	}, "in a x @8", "in a y @12", "table a 1 @10", "in b z @17")
	// Output:
	// in a x @8 →
	// in a y @12 →
	// table a 1 @10 →
	// in b z @17 → a (x,∅) @8, a (y,1) @12
}

func ExampleOuterJoinPanes() {
	tabulateJoin("outer-panes", "a k 0,10,1 @3", "b j 0,10,x,f @9", "a j 0,10,2,f @9", "b i 0,10,y,f @9",
		"a k 20,30,4 @25")
	// Output:
	// a k 0,10,1 @3 → k [0,10) 1- @3
	// b j 0,10,x,f @9 → j [0,10) -x @9
	// a j 0,10,2,f @9 → j [0,10) 2x final @9
	// b i 0,10,y,f @9 → i [0,10) -y @9
	// a k 20,30,4 @25 → k [20,30) 4- @25, i [0,10) -y final @9
}
