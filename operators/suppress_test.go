// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// suppressed is a table of words whose updates are held back for 10 ms.
func suppressed(t *testing.T, limits operators.Limits, opts ...streamtest.Options) *rig {
	t.Helper()
	topo := stream.New("test")
	held := operators.Suppress("held", stream.TableFrom(topo, words), 10*time.Millisecond, limits)
	stream.To(arrows(held), lines)
	return rigged(t, topo, opts...)
}

func TestSuppressWithinLimits(t *testing.T) {
	t.Parallel()
	d := suppressed(t, operators.Limits{Records: 2})
	require.Equal(t, "a ∅→2 @9", d.play(words, "a 1 @1", "b 1 @2", "a 2 @9", "c 1 @3"), "the one held longest")
	d.Crash(streamtest.BeforeCommit)
	require.Equal(t, "b ∅→1 @2", d.play(words, "d 1 @4"), "what is held is counted after a crash")

	d = suppressed(t, operators.Limits{Bytes: 170})
	require.Empty(t, d.play(words, "a 1 @1"))
	require.Equal(t, "a ∅→1 @1", d.play(words, "b 123456789012345678901234567890123456789012345678901234567890 @2"))

	var stopped error
	expect := func(err error) { stopped = err }
	d = suppressed(t, operators.Limits{Records: 1, Stop: true}, streamtest.Options{Expect: expect})
	require.Empty(t, d.play(words, "a 1 @1", "a 2 @2"))
	require.NoError(t, stopped)
	require.Empty(t, d.play(words, "b 1 @3"))
	require.ErrorContains(t, stopped, `suppress "held": it holds 2 records back`)
	require.ErrorContains(t, stopped, "raise them, hold records back for less long, or have it send early")
}

func TestMistakesInSuppress(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rows := stream.TableFrom(topo, words)
	operators.Suppress("", rows, time.Second, operators.Limits{})
	operators.Suppress("b", rows, -time.Second, operators.Limits{})
	operators.Suppress("c", rows, time.Microsecond, operators.Limits{})
	operators.Suppress("d", rows, time.Second, operators.Limits{Records: -1})
	operators.Suppress("e", operators.MapTable(rows, plus), time.Second, operators.Limits{})
	panes := operators.AggregateWindows("f", stream.From(topo, other), window.Tumbling{Size: time.Second},
		operators.Count[string]()).Out
	operators.SuppressUntilClose("", panes, 0, operators.Limits{})
	operators.SuppressUntilClose("g", panes, -time.Second, operators.Limits{})
	operators.SuppressUntilClose("h", panes, 0, operators.Limits{Records: 5})
	operators.SuppressUntilClose("i", operators.Map(panes, func(p window.Pane[int64]) window.Pane[string] {
		return window.Pane[string]{Span: p.Span}
	}), 0, operators.Limits{})
	err := topo.Build()
	for _, want := range []string{
		"suppress: it needs a name", `suppress "b": it holds updates back for -1s`,
		`suppress "c": it holds updates back for 1µs`,
		`suppress "d": the limits are -1 records`,
		`suppress "e": the codec of the table's values is not known`,
		"suppress until close: it needs a name", `suppress until close "g": the grace is -1s`,
		`suppress until close "h": its limits must Stop`, `suppress until close "i": the codec of the panes is not known`,
		"suppress_test.go:",
	} {
		require.ErrorContains(t, err, want)
	}
}

// TestRandomSuppress compares update by update, in one partition's order: without limits, and with some that send
// early. SuppressUntilClose is tested with windows.
func TestRandomSuppress(t *testing.T) {
	equivalentFor(t, func(r *rand.Rand) scenario {
		after := 1 + r.Int64N(400)
		var limits operators.Limits
		if r.IntN(3) == 0 {
			limits.Records = 1 + r.Int64N(6)
		}
		if r.IntN(3) == 0 {
			limits.Bytes = 20 + r.Int64N(200)
		}
		return scenario{
			build: func(topo *stream.Topology) {
				by := time.Duration(after) * time.Millisecond
				held := operators.Suppress("held", tableOfWords(topo), by, limits)
				stream.To(operators.ToStream(held), lines)
			},
			weather: anyUpdate,
			group:   func(line string) string { return line[:2] },
			oracle: func(history []event) []string {
				return suppressOracle(history, after, limits)
			},
		}
	})
}

type heldUpdate struct {
	event
	since int64
}

// overLimits says whether what is held is too much, of keys of which these values were sent. An entry has 18 bytes
// beside its key and values, and 4 for the length of an old value.
func overLimits(held []heldUpdate, sent map[string]string, limits operators.Limits) bool {
	records, bytes := int64(len(held)), 0
	for _, u := range held {
		bytes += 18 + len(u.key) + len(u.value)
		if old := sent[u.key]; old != "" {
			bytes += 4 + len(old)
		}
	}
	return limits.Records > 0 && records > limits.Records ||
		limits.Bytes > 0 && int64(bytes) > limits.Bytes
}

func suppressOracle(history []event, after int64, limits operators.Limits) (want []string) {
	there, sent, clock := map[string]bool{}, map[string]string{}, int64(-1)
	var held []heldUpdate
	for _, e := range history {
		if e.nullKey || e.null && !there[e.key] {
			continue
		}
		clock, there[e.key] = max(clock, e.at), !e.null
		now := heldUpdate{e, e.at}
		if i := slices.IndexFunc(held, func(u heldUpdate) bool { return u.key == e.key }); i >= 0 {
			now.since = held[i].since
			held = slices.Delete(held, i, i+1)
		}
		if !e.null || sent[e.key] != "" {
			held = append(held, now)
		}
		slices.SortFunc(held, func(a, b heldUpdate) int {
			return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.key, b.key))
		})
		for len(held) > 0 && (held[0].since <= clock-after || overLimits(held, sent, limits)) {
			u := held[0]
			if held, sent[u.key] = held[1:], u.value; u.null {
				u.value = "∅"
			}
			want = append(want, line(u.key, u.value, u.at))
		}
	}
	return want
}

func ExampleSuppress() {
	listChanges(func(t, _ table) table {
		return operators.Suppress("held", t, 10*time.Millisecond, operators.Limits{})
	}, "table a 1 @1", "table a 2 @5", "table b 1 @6", "table b ∅ @8", "table a 3 @11", "table c 1 @12", "table d 1 @30")
	// Output:
	// table a 1 @1 →
	// table a 2 @5 →
	// table b 1 @6 →
	// table b ∅ @8 →
	// table a 3 @11 → a 3 @11
	// table c 1 @12 →
	// table d 1 @30 → c 1 @12
}
