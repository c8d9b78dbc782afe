// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The count is exact up to 2,048, then has the standard error that is documented.
func TestDistinctApproxIsAsExactAsItSays(t *testing.T) {
	t.Parallel()
	fold := operators.DistinctApprox(func(v int64) int64 { return v }, codec.Int64)
	const runs = 60
	squares := map[int64]float64{}
	for run := range int64(runs) {
		var c operators.Cardinality
		for i := range int64(50_000) {
			c = fold.Add(c, run<<32|i)
			c = fold.Add(c, run<<32|i/2) // again
			switch n := i + 1; {
			case n <= 2048:
				require.EqualValues(t, n, c.Estimate())
			case n == 2049 || n == 10_000 || n == 50_000:
				off := float64(c.Estimate())/float64(n) - 1
				require.Less(t, math.Abs(off), 0.04, "%d of %d", c.Estimate(), n)
				squares[n] += off * off / runs
			}
		}
	}
	for n, s := range squares {
		require.Less(t, math.Sqrt(s), 0.0105, "the standard error of %d", n) // 0.0081, and what 60 runs leave to chance
	}
}

// Parts of any sizes, merged in order, are the whole to the bit, on either side of where a sketch begins.
func TestSketchesOfPartsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	counts := operators.DistinctApprox(func(v int64) int64 { return v }, codec.Int64)
	numbers := operators.Quantiles(0.01, func(v int64) float64 {
		f := math.Exp(math.Abs(float64(v%2000)) / 10) // over more than the bins span
		return math.Copysign(f, float64(v%3-1))
	})
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		values := make([]int64, r.IntN(6000))
		for i := range values {
			values[i] = r.Int64N(5000)
		}
		mergesAnywhere(t, r, counts, values)
		mergesAnywhere(t, r, numbers, values)
	}
}

func mergesAnywhere[A any](t *testing.T, r *rand.Rand, fold operators.Fold[int64, A], values []int64) {
	t.Helper()
	var whole, merged A
	var err error
	for rest := values; len(rest) > 0; {
		n := 1 + r.IntN(len(rest))
		var part A
		for _, v := range rest[:n] {
			whole, part = fold.Add(whole, v), fold.Add(part, v)
		}
		merged, rest = fold.Merge(merged, part), rest[n:]
		if r.IntN(2) == 0 {
			whole, err = fold.Codec.Decode(encoded(t, fold, whole))
			require.NoError(t, err)
		}
	}
	require.Equal(t, encoded(t, fold, whole), encoded(t, fold, merged))
}

func encoded[V, A any](t *testing.T, fold operators.Fold[V, A], acc A) []byte {
	t.Helper()
	enc, err := fold.Codec.Append(nil, acc)
	require.NoError(t, err)
	return enc
}

// Each quantile is within the accuracy of the number that stands at its place.
func TestQuantilesAreAsExactAsTheySay(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for name, draw := range map[string]func() float64{
		"latencies": func() float64 { return math.Exp(r.NormFloat64()) * 10 },
		"balances":  func() float64 { return float64(r.IntN(2000) - 1000) },
		"even":      func() float64 { return 0.001 + r.Float64() },
		"one":       func() float64 { return 42 },
	} {
		for _, accuracy := range []float64{0.05, 0.01, 0.003} {
			fold := operators.Quantiles(accuracy, func(v float64) float64 { return v })
			var d operators.Distribution
			var all []float64
			for range 5000 {
				v := draw()
				all, d = append(all, v), fold.Add(d, v)
			}
			slices.Sort(all)
			require.EqualValues(t, len(all), d.Count())
			for q := 0.0; q <= 1; q += 0.01 {
				want := all[int(q*float64(len(all)-1))]
				require.InDelta(t, want, d.Quantile(q), math.Abs(want)*accuracy*1.0001, "%s %v %v", name, q, accuracy)
			}
			require.Equal(t, d.Quantile(0), d.Quantile(-1))
			require.Equal(t, d.Quantile(0), d.Quantile(math.NaN()))
			require.Equal(t, d.Quantile(1), d.Quantile(7))
		}
	}
	require.Zero(t, operators.Distribution{}.Quantile(0.5))
}

// What cannot be counted fails its record and leaves the accumulator as it was; another accuracy is another store.
func TestQuantilesMistakes(t *testing.T) {
	t.Parallel()
	fold := operators.Quantiles(0.01, func(v float64) float64 { return v })
	d := fold.Add(operators.Distribution{}, 5)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.Panics(t, func() { fold.Add(d, v) })
	}
	require.EqualValues(t, 1, d.Count())
	_, err := operators.Quantiles(0.02, func(v float64) float64 { return v }).Codec.Decode(encoded(t, fold, d))
	require.ErrorContains(t, err, "an accuracy of 0.01, not 0.02: give its operator a new name")
}

// FuzzFoldCodecs feeds garbage to the codecs of accumulators: an error or an accumulator, no panic, and what is an
// accumulator comes back from its bytes.
func FuzzFoldCodecs(f *testing.F) {
	number := func(v int64) int64 { return v }
	avg, counts := operators.Avg(number), operators.Distinct(number, codec.Int64)
	texts := operators.Distinct(func(v int64) string { return fmt.Sprint(v) }, codec.String)
	approx, quantiles := operators.DistinctApprox(number, codec.Int64), operators.Quantiles(0.01, number)
	top := operators.TopN(3, number, codec.Int64)
	last := operators.Collect(3, codec.Pair(codec.String, codec.Int64))
	first := operators.First(codec.String)
	t := new(testing.T)
	for n := range int64(4) {
		f.Add(encoded(t, avg, seeded(avg, n)))
		f.Add(encoded(t, counts, seeded(counts, n)))
		f.Add(encoded(t, texts, seeded(texts, n)))
		f.Add(encoded(t, approx, seeded(approx, n*1000)))
		f.Add(encoded(t, quantiles, seeded(quantiles, n)))
		f.Add(encoded(t, top, seeded(top, n)))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		steadyFold(t, avg, src)
		steadyFold(t, counts, src)
		steadyFold(t, texts, src)
		steadyFold(t, approx, src)
		steadyFold(t, quantiles, src)
		steadyFold(t, top, src)
		steadyFold(t, last, src)
		steadyFold(t, first, src)
	})
}

// seeded is a fold of the numbers from -n to n.
func seeded[A any](fold operators.Fold[int64, A], n int64) (acc A) {
	for v := -n; v <= n; v++ {
		acc = fold.Add(acc, v)
	}
	return acc
}

func steadyFold[V, A any](t *testing.T, fold operators.Fold[V, A], src []byte) {
	t.Helper()
	acc, err := fold.Codec.Decode(src)
	if err != nil {
		return
	}
	enc := encoded(t, fold, acc)
	again, err := fold.Codec.Decode(enc)
	require.NoError(t, err)
	require.Equal(t, enc, encoded(t, fold, again))
	_ = fold.Merge(acc, again)
}

// Adding to an accumulator that has seen such values allocates nothing.
func TestFoldsAddWithoutAllocating(t *testing.T) {
	same := func(v int64) int64 { return v }
	float := func(v int64) float64 { return float64(v) }
	allocationFree(t, "count", operators.Count[int64](), 0)
	allocationFree(t, "sum", operators.Sum(same), 0)
	allocationFree(t, "sum float", operators.SumFloat(float), 0)
	allocationFree(t, "avg", operators.Avg(same), 0)
	allocationFree(t, "min", operators.Min(same, codec.Int64), 0)
	allocationFree(t, "max", operators.Max(same, codec.Int64), 0)
	allocationFree(t, "min by", operators.MinBy(same, codec.Int64), 0)
	allocationFree(t, "max by", operators.MaxBy(same, codec.Int64), 0)
	allocationFree(t, "first", operators.First(codec.Int64), 0)
	allocationFree(t, "last", operators.Last(codec.Int64), 0)
	allocationFree(t, "top n", operators.TopN(3, same, codec.Int64), 10)
	allocationFree(t, "collect", operators.Collect(3, codec.Int64), 10)
	allocationFree(t, "distinct", operators.Distinct(same, codec.Int64), 10)
	allocationFree(t, "distinct approx", operators.DistinctApprox(same, codec.Int64), 10)
	allocationFree(t, "sketch", operators.DistinctApprox(same, codec.Int64), 3000)
	allocationFree(t, "quantiles", operators.Quantiles(0.01, same), 10)
}

func allocationFree[A any](t *testing.T, name string, fold operators.Fold[int64, A], warm int64) {
	t.Helper()
	acc := seeded(fold, warm)
	require.Zero(t, testing.AllocsPerRun(100, func() { acc = fold.Add(acc, warm) }), name)
}

// A number that quantiles cannot count is an error of its record.
func TestQuantilesOfWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, folded(
		operators.Quantiles(0.01, func(v string) float64 { return 1 / float64(number(v)) }),
		func(d operators.Distribution) string { return fmt.Sprintf("%d %.2f", d.Count(), d.Quantile(0.5)) }))
	for i, v := range []string{"0", "2", "0", "2"} {
		in.Send("k", v, int64(i))
	}
	d.Crash(streamtest.AfterCommit)
	in.Send("k", "0", 7)
	in.Send("k", "2", 8)
	require.Equal(t, "k 1 0.50 @1, k 2 0.50 @3, k 3 0.50 @8", show(out.Read()))
}

// Bytes that earlier versions of the libraries have written are read, and written the same.
func TestSketchesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	same := func(v int64) int64 { return v }
	approx, quantiles := operators.DistinctApprox(same, codec.Int64), operators.Quantiles(0.01, same)
	few, _ := hex.DecodeString("01043de1bbaf3419942dba37a4e405904fa7299a58d03a1d0c")
	c, err := approx.Codec.Decode(few)
	require.NoError(t, err)
	require.EqualValues(t, 3, c.Estimate())
	require.Equal(t, few, encoded(t, approx, seeded(approx, 1)))
	sketch := encoded(t, approx, seeded(approx, 2000))
	require.EqualValues(t, 0xf17cddb3, crc32.ChecksumIEEE(sketch))
	c, err = approx.Codec.Decode(sketch)
	require.NoError(t, err)
	require.EqualValues(t, 3983, c.Estimate()) // of 4001

	written, _ := hex.DecodeString("3f847ae147ae147b0103da94020122011401da94020122011401")
	d, err := quantiles.Codec.Decode(written)
	require.NoError(t, err)
	require.EqualValues(t, 7, d.Count())
	require.Equal(t, written, encoded(t, quantiles, seeded(quantiles, 3)))
}
