// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// verdictOf goes by the last value: "!" shows, "." finishes, "x" forgets.
func verdictOf(_ string, r *text) operators.Verdict {
	switch r.Value {
	case "!":
		return operators.Show
	case ".":
		return operators.Finish
	case "x":
		return operators.Forget
	}
	return operators.Wait
}

// globalOf is an aggregation that ends by verdictOf; until knows one end only.
func globalOf(name string, in texts, fold operators.Fold[string, string]) stream.Stream[string, window.Pane[string]] {
	if name == "until" {
		return operators.AggregateUntil("windowed", in, fold, func(acc string, r *text) bool {
			return verdictOf(acc, r) == operators.Finish
		})
	}
	return operators.AggregateTriggered("windowed", in, fold, verdictOf)
}

// written down as text, to lines.
func paneTexts(panes stream.Stream[string, window.Pane[string]]) texts {
	return operators.Map(panes, paneText)
}

func TestRandomTriggered(t *testing.T) {
	for _, name := range []string{"until", "triggered"} {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build: piped(func(in texts) texts { return paneTexts(globalOf(name, in, written)) }),
				weather: func(c *climate, _ int) event {
					e := c.event()
					e.value = "abc!.x"[c.IntN(6):][:1]
					return e
				},
				oracle: func(history []event) (want []string) {
					type state struct {
						text        string
						first, last int64
					}
					all := map[string]state{}
					for _, e := range history {
						if e.nullKey {
							continue
						}
						s, ok := all[e.key]
						if !ok {
							s = state{"", e.at, e.at}
						}
						s = state{s.text + e.value, min(s.first, e.at), max(s.last, e.at)}
						all[e.key] = s
						span := window.Span{Start: s.first, End: s.last + 1}
						pane := window.Pane[string]{Span: span, Value: s.text, Final: e.value == "."}
						if e.value == "." || e.value == "!" && name != "until" {
							want = append(want, line(e.key, paneText(pane), s.last))
						}
						if e.value == "." || e.value == "x" && name != "until" {
							delete(all, e.key)
						}
					}
					return want
				},
			})
		})
	}
}

// A value for which the fold or the trigger fails is not taken in.
func TestTriggerThatFails(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, func(in texts) texts {
		return paneTexts(operators.AggregateTriggered("windowed", in, written, func(acc string, r *text) operators.Verdict {
			switch r.Value {
			case "panic":
				panic("no verdict")
			case "nonsense":
				return operators.Forget + 1
			}
			return verdictOf(acc, r)
		}))
	})
	for i, v := range []string{"panic", "a", "nonsense", "panic", "!", "panic", "."} {
		in.Send("k", v, int64(i))
	}
	require.Equal(t, "k [1,5) a! @4, k [1,7) a!. final @6", show(out.Read()))
}

func TestMistakesInAggregateUntil(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	operators.AggregateUntil("", in, written, func(string, *text) bool { return true })
	operators.AggregateUntil("no end", in, written, nil)
	operators.AggregateTriggered("no fold", in, operators.Fold[string, string]{}, verdictOf)
	err := topo.Build()
	for _, want := range []string{
		"it needs a name: what has begun is kept", "there is no function that says when it is done", "the fold has no Add",
		"aggregateuntil_test.go:",
	} {
		require.ErrorContains(t, err, want)
	}
}

// An order is done at a value of 0.
func ExampleAggregateUntil() {
	tabulatePanes(func(in texts) stream.Stream[string, window.Pane[int64]] {
		done := func(_ int64, r *text) bool { return r.Value == "0" }
		return operators.AggregateUntil("order", in, operators.Sum(number), done)
	}, "a 1 @5", "b 2 @7", "a 4 @3", "a 0 @6", "a 8 @9")
	// Output:
	// a 1 @5 →
	// b 2 @7 →
	// a 4 @3 →
	// a 0 @6 → a [3,7) 5 @6 Final
	// a 8 @9 →
}

func ExampleAggregateTriggered() {
	tabulatePanes(func(in texts) stream.Stream[string, window.Pane[int64]] {
		return operators.AggregateTriggered("sum", in, operators.Sum(number), func(sum int64, r *text) operators.Verdict {
			switch {
			case r.Value == "0":
				return operators.Forget
			case sum > 100:
				return operators.Finish
			case sum > 10:
				return operators.Show
			}
			return operators.Wait
		})
	}, "a 8 @1", "a 8 @2", "a 99 @3", "a 8 @4", "a 0 @5", "a 12 @6")
	// Output:
	// a 8 @1 →
	// a 8 @2 → a [1,3) 16 @2
	// a 99 @3 → a [1,4) 115 @3 Final
	// a 8 @4 →
	// a 0 @5 →
	// a 12 @6 → a [6,7) 12 @6
}
