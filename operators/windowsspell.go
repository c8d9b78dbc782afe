// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/irmak-go/irmak/window"
)

// spell is what some records of a key add up to that came one after the other: a window, or a slice of one, that knows
// how many there are and where they lie. The zero value has none.
type spell[A any] struct {
	part[A]
	First int64 // the lowest event time in it
	N     int64 // how many records
}

// with is s with one record more, at a time; value is what its accumulator is then.
func (s spell[A]) with(value A, at int64) spell[A] {
	if s.N == 0 {
		s.First, s.Time = at, at
	}
	s.Value, s.First, s.Time = value, min(s.First, at), max(s.Time, at)
	s.N++
	return s
}

// span goes from the first time in it to the last. There is one.
func (s *spell[A]) span() window.Span { return window.Span{Start: s.First, End: later(s.Time, 1)} }

// spellCodec writes how many records there are (a uvarint), the lowest time (8 bytes, big-endian), the part.
type spellCodec[A any] struct{ part partCodec[A] }

func (c spellCodec[A]) Append(dst []byte, s spell[A]) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(s.N))
	return c.part.Append(binary.BigEndian.AppendUint64(dst, uint64(s.First)), s.part)
}

func (c spellCodec[A]) Decode(src []byte) (s spell[A], err error) {
	n, size := binary.Uvarint(src)
	if size <= 0 || n > math.MaxInt64 || len(src) < size+8 {
		return s, fmt.Errorf("records of a window: %d bytes that were not written as such", len(src))
	}
	s.N, s.First = int64(n), int64(binary.BigEndian.Uint64(src[size:]))
	s.part, err = c.part.Decode(src[size+8:])
	return s, err
}
