// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"slices"

	"github.com/irmak-go/irmak/stream/codec"
)

// Collect keeps the last n values, in the order in which they came. n is at least 1, and bounds the accumulator.
//
// It has no Remove: which of two equal values left could not be said, and what made room for it is lost.
//
//	in:  a x    a y       a z           n = 2
//	out: a [x]  a [x y]   a [y z]
func Collect[V any](n int, values codec.Codec[V]) Fold[V, []V] {
	fold := Fold[V, []V]{mistake: cmp.Or(some(n), given("codec", values == nil))}
	if fold.mistake != nil {
		return fold
	}
	keep := kept(values)
	fold.Add = func(last []V, v V) []V {
		v = keep(v)
		return append(slices.Delete(last, 0, max(0, len(last)+1-n)), v)
	}
	fold.Merge = func(earlier, later []V) []V {
		later = later[max(0, len(later)-n):]
		return append(slices.Delete(earlier, 0, max(0, len(earlier)+len(later)-n)), later...)
	}
	fold.Codec = codec.Slice(values)
	return fold
}
