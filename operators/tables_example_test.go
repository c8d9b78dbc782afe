// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
)

// listChanges prints what each record does to a table of two topics, words and other. Records are written as TOPIC KEY
// VALUE @TIME.
func listChanges(build func(words, other table) table, records ...string) {
	topo := stream.New("example")
	changes := operators.ToStream(build(stream.TableFrom(topo, words), stream.TableFrom(topo, other)))
	stream.To(changes, lines)
	d := rigged(inExample{}, topo)
	for _, text := range records {
		name, record, _ := strings.Cut(text, " ")
		topic := map[string]stream.Topic[string, string]{"left": words, "table": words, "right": other}[name]
		fmt.Println(strings.TrimSpace(text + " → " + d.play(topic, record)))
	}
}

func ExampleFilterTable() {
	listChanges(func(t, _ table) table {
		return operators.FilterTable(t, func(_, v string) bool { return v > "4" })
	}, "table a 1 @1", "table a 5 @2", "table a 6 @3", "table a 2 @4", "table a ∅ @5")
	// Output:
	// table a 1 @1 →
	// table a 5 @2 → a 5 @2
	// table a 6 @3 → a 6 @3
	// table a 2 @4 → a ∅ @4
	// table a ∅ @5 →
}

func ExampleMapTable() {
	listChanges(func(t, _ table) table {
		return operators.MapTable(t, func(_, v string) string { return fmt.Sprint(2 * number(v)) })
	}, "table a 1 @1", "table a 5 @2", "table a ∅ @3", "table b ∅ @4")
	// Output:
	// table a 1 @1 → a 2 @1
	// table a 5 @2 → a 10 @2
	// table a ∅ @3 → a ∅ @3
	// table b ∅ @4 →
}

func ExampleJoinTables() {
	listChanges(func(a, b table) table { return operators.JoinTables(a, b, plus) },
		"left a 1 @1", "right a x @3", "left a 2 @4", "right a y @2", "left a ∅ @6", "right a ∅ @7")
	// Output:
	// left a 1 @1 →
	// right a x @3 → a 1x @3
	// left a 2 @4 → a 2x @4
	// right a y @2 → a 2y @4
	// left a ∅ @6 → a ∅ @6
	// right a ∅ @7 →
}

func ExampleLeftJoinTables() {
	listChanges(func(a, b table) table {
		return operators.LeftJoinTables(a, b, func(l, r string, ok bool) string { return pair(l, true, r, ok) })
	}, "left a 1 @1", "right a x @3", "right a ∅ @4", "left a ∅ @5")
	// Output:
	// left a 1 @1 → a 1+- @1
	// right a x @3 → a 1+x @3
	// right a ∅ @4 → a 1+- @4
	// left a ∅ @5 → a ∅ @5
}

func ExampleOuterJoinTables() {
	listChanges(func(a, b table) table { return operators.OuterJoinTables(a, b, pair) },
		"left a 1 @1", "right a x @3", "left a ∅ @4", "right a ∅ @7")
	// Output:
	// left a 1 @1 → a 1+- @1
	// right a x @3 → a 1+x @3
	// left a ∅ @4 → a -+x @4
	// right a ∅ @7 → a ∅ @7
}
