// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"

	"github.com/irmak-go/irmak/stream/codec"
)

// MinBy keeps the value with the smallest score, of several the earliest. Scores compare as cmp.Compare has it, by
// which NaN is less than all else. To get the score alone take Min.
func MinBy[V any, N cmp.Ordered](score func(V) N, values codec.Codec[V]) Fold[V, Reduced[V]] {
	return scored(score, Reduce(func(earlier, later V) V {
		if cmp.Less(score(later), score(earlier)) {
			return later
		}
		return earlier
	}, values))
}

// MaxBy keeps the value with the largest score, of several the earliest. See [MinBy].
func MaxBy[V any, N cmp.Ordered](score func(V) N, values codec.Codec[V]) Fold[V, Reduced[V]] {
	return scored(score, Reduce(func(earlier, later V) V {
		if cmp.Less(score(earlier), score(later)) {
			return later
		}
		return earlier
	}, values))
}

func scored[V, A any, N cmp.Ordered](score func(V) N, fold Fold[V, A]) Fold[V, A] {
	fold.mistake = cmp.Or(given("score", score == nil), fold.mistake)
	return fold
}

// First keeps the value that came first, whatever its time. Between slices that windows share the order is that of
// time: see [AggregateWindows].
func First[V any](values codec.Codec[V]) Fold[V, Reduced[V]] {
	return Reduce(func(earlier, _ V) V { return earlier }, values)
}

// Last keeps the value that came last, whatever its time. Between slices that windows share the order is that of time:
// see [AggregateWindows].
func Last[V any](values codec.Codec[V]) Fold[V, Reduced[V]] {
	return Reduce(func(_, later V) V { return later }, values)
}
