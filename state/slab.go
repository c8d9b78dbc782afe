// SPDX-License-Identifier: Apache-2.0

package state

// slab holds values of one type under small numbers, in chunks: growing copies nothing, a pointer to a value stays
// valid until the value is released, and when T has no pointers the garbage collector has nothing to walk.
//
//  1. Number 0 is nobody's, so that a zero link means "none".
//  2. A number is either live or in free, never both; a released value is zero.
type slab[T any] struct {
	chunks []*[chunkLen]T
	free   []int32
	top    int32 // the highest number ever given
}

const (
	chunkShift = 8
	chunkLen   = 1 << chunkShift
)

// at is the value of number i, which must be live.
func (s *slab[T]) at(i int32) *T { return &s.chunks[uint32(i)>>chunkShift][i&(chunkLen-1)] }

// alloc gives a number whose value is zero.
func (s *slab[T]) alloc() (int32, *T) {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i, s.at(i)
	}
	s.top++
	if int(s.top)>>chunkShift == len(s.chunks) {
		s.chunks = append(s.chunks, new([chunkLen]T))
	}
	return s.top, s.at(s.top)
}

// release takes number i back.
func (s *slab[T]) release(i int32) {
	var zero T
	*s.at(i) = zero
	s.free = append(s.free, i)
}

// live is how many numbers are in use.
func (s *slab[T]) live() int { return int(s.top) - len(s.free) }

// clear gives everything back to the garbage collector.
func (s *slab[T]) clear() { *s = slab[T]{} }
