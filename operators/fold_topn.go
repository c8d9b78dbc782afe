// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"slices"

	"github.com/irmak-go/irmak/stream/codec"
)

// TopN keeps the n values with the highest scores, the highest first, of equal ones the earlier first. Scores compare
// as cmp.Compare has it, by which NaN is less than all else. n is at least 1, and bounds the accumulator.
//
// It has no Remove: what made room for a value that is taken out again is lost. In a grouped table, Distinct keeps all.
//
//	in:  a 3    a 5       a 1       a 5           n = 2
//	out: a [3]  a [5 3]   a [5 3]   a [5 5]
func TopN[V any, N cmp.Ordered](n int, score func(V) N, values codec.Codec[V]) Fold[V, []V] {
	fold := Fold[V, []V]{
		mistake: cmp.Or(some(n), given("score", score == nil), given("codec", values == nil)),
	}
	if fold.mistake != nil {
		return fold
	}
	keep := kept(values)
	fold.Add = func(top []V, v V) []V { return ranked(top, n, v, score, keep) }
	fold.Merge = func(earlier, later []V) []V {
		top := make([]V, 0, min(n, len(earlier)+len(later)))
		for len(top) < n && len(earlier)+len(later) > 0 {
			if len(later) == 0 || len(earlier) > 0 && !cmp.Less(score(earlier[0]), score(later[0])) {
				top, earlier = append(top, earlier[0]), earlier[1:]
			} else {
				top, later = append(top, later[0]), later[1:]
			}
		}
		return top
	}
	fold.Codec = codec.Slice(values)
	return fold
}

// ranked puts v behind those in top whose score is no lower, if it is among the first n then, as what keep makes of it.
func ranked[V any, N cmp.Ordered](top []V, n int, v V, score func(V) N, keep func(V) V) []V {
	own := score(v)
	if len(top) > n { // it was kept by a fold with a higher n
		clear(top[n:])
		top = top[:n]
	}
	if len(top) == n && !cmp.Less(score(top[n-1]), own) {
		return top
	}
	at, _ := slices.BinarySearchFunc(top, own, func(e V, own N) int {
		if cmp.Less(score(e), own) {
			return 1
		}
		return -1
	})
	if len(top) == n {
		copy(top[at+1:], top[at:])
		top[at] = keep(v)
		return top
	}
	return slices.Insert(top, at, keep(v))
}
