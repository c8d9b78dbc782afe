// SPDX-License-Identifier: Apache-2.0

package runner

import "iter"

// First gives the first n of a sequence, or all of it when n is 0: what -n means to a generator without end.
func First[T any](n int64, all iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		left := n
		for v := range all {
			if !yield(v) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}
