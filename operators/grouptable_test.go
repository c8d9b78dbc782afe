// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// trail writes down what is added and removed, in order.
var trail = operators.Fold[string, string]{
	Add:    func(acc, v string) string { return acc + "+" + v },
	Remove: func(acc, v string) string { return acc + "-" + v },
	Codec:  codec.String,
}

// byLetter groups rows by the letter before their number; "" is in no group.
func byLetter(_ string, v string) (string, bool) {
	if v == "" || v[0] == '!' {
		return "", false
	}
	return v[:1], true
}

func grouped2(t table) table {
	return operators.GroupTable("groups", t, codec.String, byLetter, trail)
}

func TestMistakesInGroupTable(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rows := stream.TableFrom(topo, words)
	noRemove := trail
	noRemove.Remove = nil
	operators.GroupTable("a", rows, codec.String, byLetter, noRemove)
	operators.GroupTable("", rows, codec.String, byLetter, trail)
	operators.GroupTable("c", rows, nil, byLetter, trail)
	operators.GroupTable[string, string, string]("d", rows, codec.String, nil, trail)
	operators.GroupTable("e", operators.MapTable(rows, plus), codec.String, byLetter, trail)
	operators.GroupTable("f", rows, codec.String, byLetter, operators.Fold[string, string]{})
	err := topo.Build()
	for _, want := range []string{
		`group table "a": rows leave their groups, so the fold needs a Remove function`,
		`group table: it needs a name`,
		`group table "c-groups": the codec of the keys is missing`,
		`group table "d": there is no function that gives the group of a row`,
		`group table "e": the codec of the table's values is not known`,
		`group table "f": the fold has no Add function`,
	} {
		require.ErrorContains(t, err, want)
	}
}

// Sums by group, over several partitions, against the rows as they are after each update; of a versioned table, after
// each that is in order.
func TestRandomGroupTable(t *testing.T) {
	equivalentFor(t, func(r *rand.Rand) scenario {
		tables := [...]string{"plain", "versioned"}[r.IntN(2)]
		return scenario{
			build: func(topo *stream.Topology) {
				sums := operators.GroupTable("sums", wordTables[tables](topo), codec.String, byLetter,
					operators.Sum(func(v string) int { return number(v[1:]) }))
				stream.To(operators.MapRecord(arrows(sums), func(r, out *text) { out.Value, out.Time = r.Value, 0 }), lines)
			},
			weather: func(c *climate, _ int) event {
				e := c.nullable(c.event())
				if !e.null {
					e.value = "abc!"[c.IntN(4):][:1] + fmt.Sprint(c.IntN(5))
				}
				return e
			},
			global: true,
			oracle: func(history []event) []string { return groupSumsOracle(inOrder(tables, history)) },
			equal:  changesEndIn,
		}
	})
}

func groupSumsOracle(history []event) (want []string) {
	rows, sums := map[string]string{}, map[string]int{}
	for _, e := range history {
		if e.nullKey {
			continue
		}
		from, leaves := byLetter("", rows[e.key])
		to, enters := byLetter("", e.value)
		if leaves {
			sums[from] -= number(rows[e.key][1:])
		}
		if enters {
			sums[to] += number(e.value[1:])
		}
		rows[e.key] = e.value
	}
	for g, n := range sums {
		want = append(want, fmt.Sprint(g, " ", n))
	}
	return want
}

// bag is a fold that changes its accumulator in place.
func bag() operators.Fold[string, map[string]int] {
	return operators.Fold[string, map[string]int]{
		Init:   func() map[string]int { return map[string]int{} },
		Add:    func(acc map[string]int, v string) map[string]int { acc[v]++; return acc },
		Remove: func(acc map[string]int, v string) map[string]int { acc[v]--; return acc },
		Merge: func(a, b map[string]int) map[string]int {
			for k, n := range b {
				a[k] += n
			}
			return a
		},
		Codec: codec.JSON[map[string]int](),
	}
}

// Old is what was sent before, also where the fold changes its accumulators in place; whoever keeps New has it as it
// was.
func TestOldOfAccumulatorsThatChangeInPlace(t *testing.T) {
	t.Parallel()
	type bags = map[string]int
	size := func(_ string, m bags) int { return len(m) }
	panes := operators.PaneCodec(bag().Codec)
	for name, c := range map[string]struct {
		build func(texts) texts
		want  string
	}{
		"aggregate": {func(in texts) texts {
			return arrows(operators.MapTable(operators.Aggregate("a", in, bag()), size))
		}, "k ∅→1 @1, k 1→2 @2"},
		"group": {func(in texts) texts {
			rows := operators.ToTable("rows", in, codec.String)
			all := func(k, _ string) (string, bool) { return k, true }
			return arrows(operators.MapTable(operators.GroupTable("a", rows, codec.String, all, bag()), size))
		}, "k ∅→1 @1, k 1→2 @2"},
		"kept": {func(in texts) texts {
			a := operators.Materialize("m", operators.Aggregate("a", in, bag()), bag().Codec)
			return arrows(operators.MapTable(a, size))
		}, "k ∅→1 @1, k 1→2 @2"},
		"to table": {func(in texts) texts {
			a := operators.ToTable("t", operators.ToStream(operators.Aggregate("a", in, bag())), bag().Codec)
			return arrows(operators.MapTable(a, size))
		}, "k ∅→1 @1, k 1→2 @2"},
		"windows": {func(in texts) texts {
			w := operators.AggregateWindows("a", in, window.Tumbling{Size: time.Second}, bag())
			a := operators.ToTable("t", w.Out, panes)
			return arrows(operators.MapTable(a, func(_ string, p window.Pane[bags]) int { return len(p.Value) }))
		}, "k ∅→1 @1, k 1→2 @2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			stream.To(c.build(stream.From(topo, words)), lines)
			d := rigged(t, topo, streamtest.Options{CommitEvery: 2})
			send(t, d.Driver, words, "k x @1")
			require.Equal(t, c.want, d.play(words, "k y @2"))
		})
	}
}

func ExampleGroupTable() {
	sum := operators.Sum(func(v string) int { return number(v[1:]) })
	listChanges(func(t, _ table) table {
		return operators.MapTable(operators.GroupTable("sums", t, codec.String, byLetter, sum),
			func(_ string, n int64) string { return fmt.Sprint(n) })
	}, "table x a1 @1", "table y a2 @2", "table x a5 @3", "table x b5 @4", "table y ∅ @5")
	// Output:
	// table x a1 @1 → a 1 @1
	// table y a2 @2 → a 3 @2
	// table x a5 @3 → a 7 @3
	// table x b5 @4 → a 2 @4, b 5 @4
	// table y ∅ @5 → a 0 @5
}
