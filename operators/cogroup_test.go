// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

var text2 = operators.Group[string]{Merge: concat, Codec: codec.String}

// wordsAndLengths puts words and the lengths of others into one accumulator.
func wordsAndLengths(topo *stream.Topology) (a, b operators.Grouped[string, string]) {
	letters, numbers := words, other
	letters.NullValues, numbers.NullValues = true, true
	return wordsAndLengthsOf(stream.From(topo, letters), stream.From(topo, numbers))
}

func wordsAndLengthsOf(in, others texts) (a, b operators.Grouped[string, string]) {
	lengths := operators.Map(others, func(v string) int { return len(v) })
	return operators.With(in, concat),
		operators.With(lengths, func(acc string, n int) string { return fmt.Sprint(acc, "+", n) })
}

func TestRandomCogroup(t *testing.T) {
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			a, b := wordsAndLengths(topo)
			stream.To(operators.ToStream(operators.Cogroup("group", text2, a, b)), lines)
		},
		weather: updateInOrder,
		oracle: func(history []event) (want []string) {
			acc := map[string]string{}
			for _, e := range history {
				switch {
				case e.nullKey || e.null:
					continue
				case e.other:
					acc[e.key] += fmt.Sprint("+", len(e.value))
				default:
					acc[e.key] += e.value
				}
				want = append(want, line(e.key, acc[e.key], e.at))
			}
			return want
		},
	})
}

func TestCogroupMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := wordsAndLengths(topo)
	bad := operators.With[string, string, string](stream.From(topo, lines), nil)
	operators.Cogroup("a", operators.Group[string]{}, a, b)
	operators.Cogroup("", text2, a)
	operators.Cogroup("c", text2, bad)
	noMerge := operators.Group[string]{Codec: codec.String}
	operators.CogroupWindows("d", window.Session{Gap: ms}, noMerge, a, b)
	err := topo.Build()
	require.ErrorContains(t, err, `cogroup "a": the fold has no Codec`)
	require.ErrorContains(t, err, `cogroup: it needs a name`)
	require.ErrorContains(t, err, `with: it has no function`)
	require.ErrorContains(t, err, `cogroup windows "d": sessions grow together`)
	require.ErrorContains(t, err, "cogroup_test.go:")
}

func TestCogroupOfTheZeroStream(t *testing.T) { // not parallel: a zero Stream's mistake goes to the next Build
	require.NotPanics(t, func() {
		none := operators.With(stream.Stream[string, string]{}, concat)
		operators.Cogroup("a", text2, none)
		operators.CogroupWindows("b", window.Tumbling{Size: ms}, text2, none)
	})
	require.ErrorContains(t, stream.New("next").Build(), "with: its input is the zero Stream")
}

func TestCogroupAllocatesNothing(t *testing.T) {
	topo := stream.New("pumped")
	begin := stream.From(topo, numbers)
	in := stream.Attach(stream.NewOp(topo, "pump", ""), begin, codec.Int64,
		func(_ *stream.Task, out stream.Next[string, int64]) stream.Next[string, int64] {
			return func(*stream.Record[string, int64]) {
				rec := stream.Record[string, int64]{Key: "k", Value: 1, Time: 1}
				out(&rec)
				require.Zero(t, testing.AllocsPerRun(100, func() { out(&rec) }))
			}
		})
	add := func(acc, v int64) int64 { return acc + v }
	operators.Cogroup("sum", operators.Group[int64]{Codec: codec.Int64}, operators.With(in, add), operators.With(in, add))
	streamtest.Input(streamtest.New(t, topo), numbers).Send("go", 0, 0)
}
