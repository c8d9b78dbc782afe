// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"maps"
	"math"
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
// nothing behind, and an accumulator is what its codec makes of it, always in the same bytes.
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
		later := all(values[cut:])
		require.Equal(t, whole, show(fold.Merge(all(values[:cut]), later)), "%v at %d", values, cut)
		require.Equal(t, show(all(values[cut:])), show(later), "merging changed the later part")
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
		again, err := fold.Codec.Append([]byte("x"), dec)
		require.NoError(t, err)
		require.Equal(t, "x"+string(enc), string(again), "the same accumulator has the same bytes")
		for n := range enc {
			_, _ = fold.Codec.Decode(enc[:n:n]) // which does not panic
		}
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
	lawful(t, operators.Avg(same), func(m operators.Mean) string { return fmt.Sprint(m, m.Value()) })
	tens := func(v int64) int64 { return v / 10 } // with ties
	for _, fold := range []operators.Fold[int64, operators.Reduced[int64]]{
		operators.MinBy(tens, codec.Int64), operators.MaxBy(tens, codec.Int64),
		operators.First(codec.Int64), operators.Last(codec.Int64),
	} {
		lawful(t, over(fold), reduced)
	}
	list := func(l []int64) string { return fmt.Sprint(l) }
	for n := 1; n < 6; n++ {
		lawful(t, over(operators.TopN(n, tens, codec.Int64)), list)
		lawful(t, over(operators.Collect(n, codec.Int64)), list)
	}
	lawful(t, over(operators.Distinct(tens, codec.Int64)), func(c operators.Tally[int64]) string {
		return fmt.Sprint(c.Len(), c.Count(0), c.Count(1), c.Top(3), c.Top(100), maps.Collect(c.All()))
	})
	lawful(t, over(operators.DistinctApprox(tens, codec.Int64)), func(c operators.Cardinality) string {
		return fmt.Sprint(c.Estimate())
	})
	lawful(t, operators.Quantiles(0.01, same), func(d operators.Distribution) string {
		return fmt.Sprint(d.Count(), d.Quantile(0), d.Quantile(0.3), d.Quantile(0.5), d.Quantile(1))
	})
}

// over is a fold of 64-bit integers over integers.
func over[A any](fold operators.Fold[int64, A]) operators.Fold[int, A] {
	return operators.Over(func(v int) int64 { return int64(v) }, fold)
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
	length := func(v string) int { return len(v) }
	operators.Aggregate("d", in, operators.TopN(0, length, codec.String))
	operators.Aggregate("e", in, operators.Collect(-1, codec.String))
	operators.Aggregate("f", in, operators.MinBy[string, int](nil, codec.String))
	operators.Aggregate("g", in, operators.MaxBy(length, nil))
	operators.Aggregate("h", in, operators.Avg[string, int](nil))
	operators.Aggregate("i", in, operators.Distinct(length, nil))
	operators.Aggregate("j", in, operators.DistinctApprox(length, nil))
	operators.Aggregate("k", in, operators.Quantiles(1, length))
	operators.Aggregate("l", in, operators.Quantiles(math.NaN(), length))
	operators.Aggregate("m", in, operators.Sum[string, int](nil))
	operators.Aggregate("n", in, operators.SumFloat[string](nil))
	operators.Aggregate("o", in, operators.Min[string](nil, codec.Int64))
	operators.Aggregate("p", in, operators.Over(length, operators.Fold[int, int64]{}))
	err := topo.Build()
	require.ErrorContains(t, err, `aggregate "m": the fold was made without its function`)
	require.ErrorContains(t, err, `aggregate "n": the fold was made without its function`)
	require.ErrorContains(t, err, `aggregate "o": the fold was made without its function`)
	require.ErrorContains(t, err, `aggregate "p": the fold has no Add function`)
	require.ErrorContains(t, err, `aggregate "a": the fold has no Add function`)
	require.ErrorContains(t, err, `aggregate "b": the fold has no Codec`)
	require.ErrorContains(t, err, `aggregate: it needs a name`)
	require.ErrorContains(t, err, `aggregate "d": the fold keeps 0 values: give it at least 1`)
	require.ErrorContains(t, err, `aggregate "e": the fold keeps -1 values: give it at least 1`)
	require.ErrorContains(t, err, `aggregate "f": the fold was made without its score`)
	require.ErrorContains(t, err, `aggregate "g": the fold was made without its codec`)
	require.ErrorContains(t, err, `aggregate "h": the fold was made without its function`)
	require.ErrorContains(t, err, `aggregate "i": the fold was made without its codec`)
	require.ErrorContains(t, err, `aggregate "j": the fold was made without its codec`)
	require.ErrorContains(t, err, `aggregate "k": the accuracy of quantiles is 1: give it one from 0.0001 to below 1`)
	require.ErrorContains(t, err, `aggregate "l": the accuracy of quantiles is NaN`)
}
