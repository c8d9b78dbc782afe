// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

func foreign(a, b table) table {
	return operators.JoinForeign("join", a, b, byLetter, func(a, b string) string { return a + "+" + b })
}

func leftForeign(a, b table) table {
	return operators.LeftJoinForeign("join", a, b, byLetter, func(a, b string, ok bool) string {
		return pair(a, true, b, ok)
	})
}

// A table joined with itself: who manages whom.
func TestForeignSelfJoin(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	people := stream.TableFrom(topo, words)
	bosses := operators.JoinForeign("boss", people, people,
		func(_, v string) (string, bool) { return v, v != "" }, func(a, b string) string { return a + "<" + b })
	stream.To(arrows(bosses), lines)
	d := rigged(t, topo, streamtest.Options{Partitions: 3})
	require.Equal(t, "a ∅→b<c @2, c ∅→c<c @3, b ∅→c<c @3", d.play(words, "a b @1", "b c @2", "c c @3"))
	require.Equal(t, "a b<c→b<a @4, b c<c→a<b @4", d.play(words, "b a @4"))
}

// The rows of a join are read as they were sent, also by a join of its result with the left table.
func TestForeignJoinIsRead(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	left, right := stream.TableFrom(topo, words), stream.TableFrom(topo, other)
	both := operators.JoinTables(foreign(left, right), left, func(a, b string) string { return a + "/" + b })
	stream.To(arrows(both), lines)
	d := rigged(t, topo)
	require.Empty(t, d.play(words, "x a1 @1"))
	require.Equal(t, "x ∅→a1+A/a1 @2", d.play(other, "a A @2"))
	// The left row is new at once, the answer takes its way through a topic.
	require.Equal(t, "x a1+A/a1→a1+A/a2 @3, x a1+A/a2→a2+A/a2 @3", d.play(words, "x a2 @3"))
	d.Restart()
	require.Equal(t, "x a2+A/a2→∅ @4", d.play(other, "a ∅ @4"))
}

func TestMistakesInJoinForeign(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := stream.TableFrom(topo, words), stream.TableFrom(topo, other)
	operators.JoinForeign("", a, b, byLetter, plus)
	operators.JoinForeign[string, string, string, string, string]("k", a, b, nil, plus)
	operators.JoinForeign[string, string, string, string, string]("f", a, b, byLetter, nil)
	operators.JoinForeign("l", operators.MapTable(a, plus), b, byLetter, plus)
	operators.JoinForeign("r", a, operators.MapTable(b, plus), byLetter, plus)
	err := topo.Build()
	for _, want := range []string{
		`join foreign: it needs a name: its topics and stores are called after it`,
		`join foreign "k": there is no function that gives a row's foreign key`,
		`join foreign "f": there is no function that makes the results`,
		`join foreign "l": left: the codec of the table's values is not known`,
		`join foreign "r": right: the codec of the table's values is not known`,
	} {
		require.ErrorContains(t, err, want)
	}
}

// Random updates of both sides, with crashes at each step: the last result of each left row is what the tables say, and
// each change begins where the one before it ended. The sides have different numbers of partitions, but where they have
// versions, which are late by what else is in their partition.
func TestRandomJoinForeign(t *testing.T) {
	for _, name := range []string{"inner", "left"} {
		t.Run(name, func(t *testing.T) {
			equivalentFor(t, func(r *rand.Rand) scenario {
				tables := [...]string{"plain", "versioned"}[r.IntN(2)]
				return scenario{
					build:   func(topo *stream.Topology) { stream.To(arrows(foreignOf(topo, name, tables)), lines) },
					weather: foreignUpdate,
					global:  true,
					oracle:  func(history []event) []string { return foreignOracle(name, inOrder(tables, history)) },
					equal:   changesEndIn,
				}
			})
		})
	}
}

func foreignOf(topo *stream.Topology, name, tables string) table {
	join := map[string]func(a, b table) table{"inner": foreign, "left": leftForeign}[name]
	if tables == "versioned" {
		const history = versionedFor * time.Millisecond
		return join(stream.VersionedTableFrom(topo, words, history), stream.VersionedTableFrom(topo, other, history))
	}
	wide := words
	wide.NullValues = true
	left := operators.ToTable("left", operators.Repartition("wide", 5, stream.From(topo, wide)), codec.String)
	return join(left, stream.TableFrom(topo, other))
}

func foreignUpdate(c *climate, _ int) event {
	e := c.nullable(c.event())
	if e.other = c.IntN(3) == 0; e.other {
		e.key = "abcde"[c.IntN(5):][:1]
	} else if !e.null {
		e.value = "abcdef!"[c.IntN(7):][:1] + e.value
	}
	return e
}

func foreignOracle(name string, history []event) (want []string) {
	left, right := map[string]string{}, map[string]string{}
	for _, e := range history {
		switch {
		case e.nullKey:
		case e.other && e.null:
			delete(right, e.key)
		case e.other:
			right[e.key] = e.value
		default:
			left[e.key] = e.value
		}
	}
	for k, v := range left {
		letter, _ := byLetter(k, v)
		w, ok := right[letter]
		if result := pair(v, true, w, ok); v != "" && (ok || name == "left") {
			want = append(want, k+" "+result)
		} else {
			want = append(want, k+" ∅")
		}
	}
	return want
}

// changesEndIn: what a row came to, and that each change of it began where the one before ended.
func changesEndIn(t *testing.T, want, got []string, msg string) {
	t.Helper()
	now := "∅"
	for _, g := range got {
		_, text, _ := strings.Cut(g, " ")
		text, _, _ = strings.Cut(text, " @")
		before, after, _ := strings.Cut(text, "→")
		require.Equal(t, now, before, msg)
		now = after
	}
	_, last, _ := strings.Cut(want[0], " ")
	require.Equal(t, last, now, msg)
}

func ExampleJoinForeign() {
	listChanges(func(a, b table) table { return operators.JoinForeign("join", a, b, byLetter, plus) },
		"left x a1 @1", "right a A @3", "left y a2 @4", "right a AA @5", "left x b3 @6", "left y ∅ @8")
	// Output:
	// left x a1 @1 →
	// right a A @3 → x a1A @3
	// left y a2 @4 → y a2A @4
	// right a AA @5 → x a1AA @5, y a2AA @5
	// left x b3 @6 → x ∅ @6
	// left y ∅ @8 → y ∅ @8
}

func ExampleLeftJoinForeign() {
	letter := func(_, v string) (string, bool) { return v[:1], v != "-" }
	listChanges(func(a, b table) table {
		return operators.LeftJoinForeign("join", a, b, letter, func(v, w string, _ bool) string { return fmt.Sprint(v, w) })
	}, "left x a1 @1", "left y - @2", "right a A @3", "left x b3 @6", "left x ∅ @7")
	// Output:
	// left x a1 @1 → x a1 @1
	// left y - @2 → y - @2
	// right a A @3 → x a1A @3
	// left x b3 @6 → x b3 @6
	// left x ∅ @7 → x ∅ @7
}
