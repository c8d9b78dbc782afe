// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

func number(v string) int { n, _ := strconv.Atoi(v); return n }

// lawful checks what a fold promises: its parts merged in time order are the whole, what is removed again leaves
// nothing behind, and an accumulator is what its codec makes of it.
func lawful[A any](t *testing.T, fold operators.Fold[int, A], show func(A) string) {
	t.Helper()
	empty := func() (acc A) {
		if fold.Init != nil {
			acc = fold.Init()
		}
		return acc
	}
	all := func(values []int) A {
		acc := empty()
		for _, v := range values {
			acc = fold.Add(acc, v)
		}
		return acc
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		values := make([]int, r.IntN(8))
		for i := range values {
			values[i] = r.IntN(100) - 50
		}
		whole := show(all(values))
		cut := r.IntN(len(values) + 1)
		require.Equal(t, whole, show(fold.Merge(all(values[:cut]), all(values[cut:]))), "%v at %d", values, cut)
		if fold.Remove != nil {
			acc := all(values)
			for _, v := range values[:cut] {
				acc = fold.Remove(acc, v)
			}
			require.Equal(t, show(all(values[cut:])), show(acc))
		}
		enc, err := fold.Codec.Append(nil, all(values))
		require.NoError(t, err)
		dec, err := fold.Codec.Decode(enc)
		require.NoError(t, err)
		require.Equal(t, whole, show(dec))
	}
}

func TestFoldsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	same := func(v int) int { return v }
	whole := func(n int64) string { return fmt.Sprint(n) }
	reduced := func(r operators.Reduced[int64]) string { return fmt.Sprint(r) }
	lawful(t, operators.Count[int](), whole)
	lawful(t, operators.Sum(same), whole)
	lawful(t, operators.SumFloat(func(v int) float64 { return float64(v) }),
		func(f float64) string { return fmt.Sprint(f) })
	wide := func(v int) int64 { return int64(v) }
	lawful(t, operators.Min(wide, codec.Int64), reduced)
	lawful(t, operators.Max(wide, codec.Int64), reduced)
	joined := operators.Reduce(func(a, b string) string { return a + "," + b }, codec.String)
	lawful(t, operators.Fold[int, operators.Reduced[string]]{
		Merge: joined.Merge, Codec: joined.Codec,
		Add: func(acc operators.Reduced[string], v int) operators.Reduced[string] {
			return joined.Add(acc, fmt.Sprint(v))
		},
	}, func(r operators.Reduced[string]) string { return fmt.Sprint(r) })
}

// folded gives the results of a fold over words as text.
func folded[A any](fold operators.Fold[string, A], say func(A) string) func(texts) texts {
	return func(in texts) texts {
		return operators.Map(operators.ToStream(operators.Aggregate("f", in, fold)), say)
	}
}

func TestFolds(t *testing.T) {
	t.Parallel()
	first := func(r operators.Reduced[string]) string { return r.Value }
	length := func(v string) int64 { return int64(len(v)) }
	reduced := func(r operators.Reduced[int64]) string { return fmt.Sprint(r.Value) }
	for name, c := range map[string]struct {
		build func(texts) texts
		want  string
	}{
		"count": {folded(operators.Count[string](), func(n int64) string { return fmt.Sprint(n) }), "1 2 3 4"},
		"sum":   {folded(operators.Sum(number), func(n int64) string { return fmt.Sprint(n) }), "3 -7 2 8"},
		"sum float": {folded(operators.SumFloat(func(v string) float64 { return float64(number(v)) / 2 }),
			func(f float64) string { return fmt.Sprint(f) }), "1.5 -3.5 1 4"},
		"min": {folded(operators.Min(length, codec.Int64), reduced), "1 1 1 1"},
		"max": {folded(operators.Max(length, codec.Int64), reduced), "1 3 3 3"},
		"reduce": {folded(operators.Reduce(func(a, b string) string { return a + b }, codec.String), first),
			"3 3-10 3-109 3-1096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, in, out := run(t, streamtest.Options{}, c.build)
			var got []string
			for i, v := range []string{"3", "-10", "9", "6"} {
				in.Send("k", v, int64(i))
				for _, r := range out.Read() {
					got = append(got, r.Value)
				}
				if i%2 == 0 {
					d.Restart()
				} else {
					d.Crash(streamtest.AfterCommit)
				}
			}
			require.Equal(t, c.want, fmt.Sprint(got)[1:len(fmt.Sprint(got))-1])
		})
	}
}

// Init is where a fold begins, and a fold that fails for a key's first value leaves no row behind.
func TestFoldThatFails(t *testing.T) {
	t.Parallel()
	fold := operators.Fold[string, int64]{
		Init: func() int64 { return 100 },
		Add: func(acc int64, v string) int64 {
			if v == "bad" {
				panic("bad")
			}
			return acc + 1
		},
		Codec: codec.Int64,
	}
	d, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip), CommitEvery: 2},
		folded(fold, func(n int64) string { return fmt.Sprint(n) }))
	for i, v := range []string{"bad", "x", "bad", "y"} {
		in.Send("k", v, int64(i))
	}
	in.Send("other", "bad", 9)
	d.Crash(streamtest.AfterCommit)
	in.Send("other", "z", 10)
	require.Equal(t, "k 101 @1, k 102 @3, other 101 @10", show(out.Read()))
}

func TestFoldMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	operators.Aggregate("a", in, operators.Fold[string, int64]{Codec: codec.Int64})
	operators.Aggregate("b", in, operators.Fold[string, int64]{Add: func(n int64, _ string) int64 { return n }})
	operators.Aggregate("", in, operators.Count[string]())
	err := topo.Build()
	require.ErrorContains(t, err, `aggregate "a": the fold has no Add function`)
	require.ErrorContains(t, err, `aggregate "b": the fold has no Codec`)
	require.ErrorContains(t, err, `aggregate: it needs a name`)
}
