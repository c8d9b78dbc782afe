// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
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

// TestRandomSuppress compares update by update, in one partition's order.
func TestRandomSuppress(t *testing.T) {
	const after = 300
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			held := operators.Suppress("held", tableOfWords(topo), after*time.Millisecond, operators.Limits{})
			stream.To(operators.ToStream(held), lines)
		},
		weather: anyUpdate,
		group:   func(line string) string { return line[:2] },
		oracle: func(history []event) (want []string) {
			type entry struct {
				key        string
				since      int64
				value      string
				null, sent bool
				at         int64
			}
			rows, sent, clock := map[string]string{}, map[string]bool{}, int64(-1)
			var held []entry
			for _, e := range history {
				_, there := rows[e.key]
				if e.nullKey || e.null && !there {
					continue
				}
				if clock = max(clock, e.at); e.null {
					delete(rows, e.key)
				} else {
					rows[e.key] = e.value
				}
				i := slices.IndexFunc(held, func(h entry) bool { return h.key == e.key })
				if i < 0 {
					i, held = len(held), append(held, entry{key: e.key, since: e.at})
				}
				held[i].value, held[i].null, held[i].at = e.value, e.null, e.at
				if e.null && !sent[e.key] {
					held = slices.Delete(held, i, i+1)
				}
				slices.SortFunc(held, func(a, b entry) int {
					return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.key, b.key))
				})
				for len(held) > 0 && held[0].since <= clock-after {
					h := held[0]
					held, sent[h.key] = held[1:], !h.null
					value := h.value
					if h.null {
						value = "∅"
					}
					want = append(want, line(h.key, value, h.at))
				}
			}
			return want
		},
	})
}

// TestRandomSuppressUntilClose compares with what OnClose gives.
func TestRandomSuppressUntilClose(t *testing.T) {
	for name, kinds := range map[string]func(window.Emit) window.Kind{
		"tumbling": func(e window.Emit) window.Kind {
			return window.Tumbling{Size: 200 * time.Millisecond, Grace: 50 * time.Millisecond, Emit: e}
		},
		"hopping": func(e window.Emit) window.Kind {
			return window.Hopping{
				Size: 200 * time.Millisecond, Advance: 100 * time.Millisecond, Grace: 50 * time.Millisecond, Emit: e,
			}
		},
		"session": func(e window.Emit) window.Kind {
			return window.Session{Gap: 60 * time.Millisecond, Grace: 50 * time.Millisecond, Emit: e}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			topo := stream.New("test")
			in := stream.From(topo, words)
			grace := 50 * time.Millisecond
			if name == "session" {
				grace += 60 * time.Millisecond // a session closes once the clock is past last + Gap + Grace
			}
			each := operators.AggregateWindows("each", in, kinds(window.EachUpdate), operators.Count[string]()).Out
			held := operators.SuppressUntilClose("held", each, grace, operators.Limits{})
			stream.To(operators.Map(held, sayPane), lines)
			final := operators.AggregateWindows("final", in, kinds(window.OnClose), operators.Count[string]()).Out
			stream.To(operators.Map(final, sayPane), wanted)
			d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 7, CacheBytes: 2000})
			for i := range 1500 {
				e := draw(r, i)
				e.send(d, 1)
				switch r.IntN(40) {
				case 0:
					d.Restart()
				case 1:
					d.Crash(streamtest.Step(r.IntN(int(streamtest.Steps))))
				}
			}
			want := streamtest.Output(d, wanted).Read()
			require.NotEmpty(t, want)
			require.Equal(t, show(want), show(streamtest.Output(d, lines).Read()))
		})
	}
}

var wanted = stream.Topic[string, string]{Name: "wanted", Key: codec.String, Value: codec.String}

func sayPane(p window.Pane[int64]) string {
	return fmt.Sprintf("[%d,%d)=%d,%v", p.Span.Start, p.Span.End, p.Value, p.Final)
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
