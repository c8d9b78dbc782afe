// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// pair joins two rows as "a+b", an absent one as "-".
func pair(a string, hasA bool, b string, hasB bool) string {
	if !hasA {
		a = "-"
	}
	if !hasB {
		b = "-"
	}
	return a + "+" + b
}

// joins are the three joins of two tables, and which sides they need.
var joins = map[string]struct {
	join        func(a, b table) table
	left, right bool
}{
	"inner": {func(a, b table) table {
		return operators.JoinTables(a, b, func(a, b string) string { return a + "+" + b })
	}, true, true},
	"left": {func(a, b table) table {
		return operators.LeftJoinTables(a, b, func(a, b string, ok bool) string { return pair(a, true, b, ok) })
	}, true, false},
	"outer": {func(a, b table) table { return operators.OuterJoinTables(a, b, pair) }, false, false},
}

// joinOracle recomputes a join from the histories of both sides: words are left, other is right.
func joinOracle(needLeft, needRight bool) func(history []event) []string {
	return func(history []event) (want []string) {
		left, right := map[string]event{}, map[string]event{}
		now := func(k string) string {
			l, hasL := left[k]
			r, hasR := right[k]
			if needLeft && !hasL || needRight && !hasR || !hasL && !hasR {
				return "∅"
			}
			return pair(l.value, hasL, r.value, hasR)
		}
		for _, e := range history {
			mine, theirs := left, right
			if e.other {
				mine, theirs = right, left
			}
			if _, there := mine[e.key]; e.nullKey || e.null && !there {
				continue
			}
			before := now(e.key)
			if delete(mine, e.key); !e.null {
				mine[e.key] = e
			}
			if after := now(e.key); before != "∅" || after != "∅" {
				want = append(want, line(e.key, before+"→"+after, max(e.at, theirs[e.key].at)))
			}
		}
		return want
	}
}

func TestRandomJoinTables(t *testing.T) {
	for name, j := range joins {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build: func(topo *stream.Topology) {
					stream.To(arrows(j.join(stream.TableFrom(topo, words), stream.TableFrom(topo, other))), lines)
				},
				weather: updateInOrder,
				oracle:  joinOracle(j.left, j.right),
			})
		})
	}
}

// In the reference a join whose sides come of one table gives two results for each update of that: one that never was,
// and the right one twice.
func TestDiamondOfTablesHasNoGlitches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build func(table) table
		want  string
	}{
		"self": {func(x table) table { return operators.JoinTables(x, x, plus) }, "k ∅→11 @1, k 11→22 @2, k 22→∅ @3"},
		"views": {func(x table) table {
			return operators.JoinTables(upper(x), x, plus)
		}, "k ∅→<1>1 @1, k <1>1→<2>2 @2, k <2>2→∅ @3"},
		"stored later": {func(x table) table {
			return operators.JoinTables(x, operators.Materialize("m", upper(x), codec.String), plus)
		}, "k ∅→1<1> @1, k 1<1>→2<2> @2, k 2<2>→∅ @3"},
		"chain": {func(x table) table {
			return operators.JoinTables(operators.JoinTables(upper(x), x, plus), operators.JoinTables(x, upper(x), plus), plus)
		}, "k ∅→<1>11<1> @1, k <1>11<1>→<2>22<2> @2, k <2>22<2>→∅ @3"},
		"left": {func(x table) table {
			ones := operators.FilterTable(x, func(_, v string) bool { return v == "1" })
			return operators.LeftJoinTables(x, ones, func(a, b string, ok bool) string { return fmt.Sprint(a, b, ok) })
		}, "k ∅→11true @1, k 11true→2false @2, k 2false→∅ @3"},
		"disjoint": {func(x table) table {
			ones := operators.FilterTable(x, func(_, v string) bool { return v == "1" })
			twos := operators.FilterTable(x, func(_, v string) bool { return v == "2" })
			return operators.OuterJoinTables(ones, twos, pair)
		}, "k ∅→1+- @1, k 1+-→-+2 @2, k -+2→∅ @3"},
		"never": {func(x table) table {
			ones := operators.FilterTable(x, func(_, v string) bool { return v == "1" })
			twos := operators.FilterTable(x, func(_, v string) bool { return v == "2" })
			return operators.JoinTables(ones, twos, plus)
		}, ""},
		"aggregate": {func(x table) table {
			n := operators.Aggregate("n", operators.ToStream(x), operators.Count[string]())
			m := operators.MapTable(n, func(_ string, n int64) string { return fmt.Sprint(n) })
			return operators.JoinTables(x, m, plus)
		}, "k ∅→11 @1, k 11→22 @2, k 22→∅ @3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			stream.To(arrows(c.build(stream.TableFrom(topo, words))), lines)
			require.Equal(t, c.want, rigged(t, topo).play(words, "k 1 @1", "k 2 @2", "k ∅ @3"))
		})
	}
}

func upper(x table) table {
	return operators.MapTable(x, func(_, v string) string { return "<" + v + ">" })
}

// A net of joins over two tables: every change begins where the one before ended, none repeats, and the last one is
// what the tables say.
func TestRandomDiamond(t *testing.T) {
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			x, y := stream.TableFrom(topo, words), stream.TableFrom(topo, other)
			odd := operators.FilterTable(x, func(_, v string) bool { return number(v)%2 == 1 })
			xy := operators.OuterJoinTables(operators.Materialize("m", upper(x), codec.String), y, pair)
			left, right := operators.OuterJoinTables(odd, xy, pair), operators.OuterJoinTables(y, x, pair)
			net := operators.OuterJoinTables(left, right, pair)
			stream.To(arrows(net), lines)
		},
		weather: updateInOrder,
		oracle: func(history []event) (want []string) {
			x, y, before := map[string]event{}, map[string]event{}, map[string]string{}
			for _, e := range history {
				side := x
				if e.other {
					side = y
				}
				if _, there := side[e.key]; e.nullKey || e.null && !there {
					continue
				}
				if delete(side, e.key); !e.null {
					side[e.key] = e
				}
				xv, hasX := x[e.key]
				yv, hasY := y[e.key]
				after := "∅"
				if hasX || hasY {
					xy := pair("<"+xv.value+">", hasX, yv.value, hasY)
					left := pair(xv.value, hasX && number(xv.value)%2 == 1, xy, true)
					after = left + "+" + pair(yv.value, hasY, xv.value, hasX)
				}
				was := cmp.Or(before[e.key], "∅")
				want = append(want, line(e.key, was+"→"+after, max(e.at, xv.at, yv.at)))
				before[e.key] = after
			}
			return want
		},
	})
}

// A user's function that panics for one row does not take other rows of the record along, whether the join waits for
// both sides or not.
func TestJoinOfTablesThatFails(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	x := stream.TableFrom(topo, words)
	stream.To(arrows(operators.JoinTables(x, upper(x), func(a, b string) string {
		if a == "bad" {
			panic("bad")
		}
		return a + b
	})), lines)
	skip := stream.Policies{Process: stream.Policy{Action: stream.Skip}}
	d := streamtest.New(t, topo, streamtest.Options{Errors: skip, CommitEvery: 10})
	for _, r := range []string{"a 1 @1", "b bad @2", "a 3 @3"} {
		send(t, d, words, r)
	}
	require.Equal(t, "a ∅→1<1> @1, a 1<1>→3<3> @3", show(streamtest.Output(d, lines).Read()))
}
