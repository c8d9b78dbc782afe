// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/stream/codec"
)

// ordered checks that bytes compare as values do, for all pairs of them.
func ordered[T any](t *testing.T, c codec.Codec[T], compare func(a, b T) int, values ...T) {
	t.Helper()
	for _, a := range values {
		for _, b := range values {
			left, errA := c.Append(nil, a)
			right, errB := c.Append(nil, b)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if got, want := bytes.Compare(left, right), compare(a, b); got != want {
				t.Errorf("%v (% x) and %v (% x) compare as %d, want %d", a, left, b, right, got, want)
			}
		}
	}
}

func compareTwo(a, b two) int {
	return cmp.Or(strings.Compare(a.First, b.First), cmp.Compare(a.Second, b.Second))
}

func TestOrderOfBytesIsOrderOfValues(t *testing.T) {
	t.Parallel()
	ordered(t, codec.Int64, cmp.Compare,
		math.MinInt64, math.MinInt64+1, -256, -255, -2, -1, 0, 1, 2, 255, 256, math.MaxInt64)
	ordered(t, codec.Int32, cmp.Compare, math.MinInt32, -65536, -256, -255, -1, 0, 1, 255, 256, 65536, math.MaxInt32)
	ordered(t, codec.Uint64, cmp.Compare, 0, 1, 255, 256, math.MaxInt64, math.MaxInt64+1, math.MaxUint64)
	floats := []float64{math.Inf(-1), -math.MaxFloat64, -1e9, -1.5, -1, -math.SmallestNonzeroFloat64,
		math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64, 0.5, 1, 1.5, 1e9, math.MaxFloat64, math.Inf(1)}
	ordered(t, codec.Float64, cmp.Compare, floats...)
	for _, f := range floats {
		a, _ := codec.Float64.Append(nil, f)
		if nan, _ := codec.Float64.Append(nil, math.NaN()); bytes.Compare(a, nan) >= 0 {
			t.Errorf("%v does not sort before NaN", f)
		}
	}
	ordered(t, codec.Float32, cmp.Compare, float32(math.Inf(-1)), -math.MaxFloat32, -1.5, -1,
		-math.SmallestNonzeroFloat32, 0, math.SmallestNonzeroFloat32, 0.5, 1, math.MaxFloat32, float32(math.Inf(1)))
	ordered(t, codec.Bool, func(a, b bool) int { return cmp.Compare(number(a), number(b)) }, false, true)
	ordered(t, codec.Time, time.Time.Compare, time.Time{}, time.UnixMilli(-1), time.UnixMilli(0), time.UnixMilli(1),
		time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	ordered(t, codec.Duration, cmp.Compare, math.MinInt64, -time.Second, 0, 1, time.Hour)
	ordered(t, codec.String, strings.Compare, "", "\x00", "a", "a\x00", "ab", "b", "\xff")
}

func TestOrderOfPairs(t *testing.T) {
	t.Parallel()
	var pairs []two
	for _, first := range []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01",
		"a", "a\x00", "a\x00b", "a\x01", "ab", "\xff"} {
		for _, second := range []int64{-1, 0, 1} {
			pairs = append(pairs, two{first, second})
		}
	}
	byString := codec.Pair(codec.String, codec.Int64)
	ordered(t, byString, compareTwo, pairs...)

	var nested []codec.Two[two, string]
	for _, p := range pairs {
		for _, s := range []string{"", "\x00", "b"} {
			nested = append(nested, codec.Two[two, string]{First: p, Second: s})
		}
	}
	ordered(t, codec.Pair(byString, codec.String), func(a, b codec.Two[two, string]) int {
		return cmp.Or(compareTwo(a.First, b.First), strings.Compare(a.Second, b.Second))
	}, nested...)

	ordered(t, codec.Pair(codec.Int32, codec.Bool), func(a, b nums) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(number(a.Second), number(b.Second)))
	}, nums{-1, false}, nums{-1, true}, nums{0, false}, nums{0, true}, nums{256, false})
}

func TestOrderOfNullables(t *testing.T) {
	t.Parallel()
	a, b := int64(-1), int64(1)
	ordered(t, codec.Nullable(codec.Int64), func(x, y *int64) int {
		if x == nil || y == nil {
			return cmp.Compare(number(x != nil), number(y != nil))
		}
		return cmp.Compare(*x, *y)
	}, nil, &a, &b)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
