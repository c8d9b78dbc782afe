// SPDX-License-Identifier: Apache-2.0

package window

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every record is in exactly the windows that hold it by the definition, and the records of a slice share them all.
func TestCountWindowsByTheirDefinition(t *testing.T) {
	t.Parallel()
	for size := 1; size <= 9; size++ {
		for advance := 0; advance <= size; advance++ {
			w := Count{Size: size, Advance: advance}
			require.NoError(t, w.Validate())
			step := int64(advance)
			if advance == 0 {
				step = int64(size)
			}
			require.Equal(t, step < int64(size), w.Overlapping())
			windows := func(i int64) (ends []int64) {
				for end := step; end <= i+int64(size); end += step {
					if i < end && i >= end-int64(size) {
						ends = append(ends, end)
					}
				}
				return ends
			}
			for i := range int64(50) {
				first, last := w.Ends(i)
				var got []int64
				for end := first; end <= last; end += step {
					got = append(got, end)
				}
				require.Equal(t, windows(i), got, "%+v, record %d", w, i)
				from, end := w.Filling(i)
				require.Equal(t, [2]int64{max(first-int64(size), 0), first}, [2]int64{from, end}, "%+v, record %d", w, i)
				slice := w.Slice(i)
				require.LessOrEqual(t, slice, i)
				require.Equal(t, slice, w.Slice(slice), "%+v, record %d", w, i)
				require.Equal(t, windows(slice), windows(i), "%+v, record %d and its slice", w, i)
			}
		}
	}
}
