// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"fmt"
)

// Slice is the elements one behind the other. If the length of an element never varies (numbers, Bool, Time,
// Duration, pairs of them) nothing else is stored, otherwise each has its length before it as a uvarint. A slice
// without elements, nil or not, is no bytes and comes back as nil. Not order-preserving.
func Slice[T any](element Codec[T]) Codec[[]T] {
	return sliceCodec[T]{element: element, size: widthOf(element)}
}

// maxPresize bounds what garbage can make Decode allocate before the first element turns out to be wrong.
const maxPresize = 4096

type sliceCodec[T any] struct {
	element Codec[T]
	size    int // the fixed width of an element, or 0
}

func (c sliceCodec[T]) Append(dst []byte, v []T) (_ []byte, err error) {
	for i, e := range v {
		start := len(dst)
		if c.size == 0 {
			dst = append(dst, 0)
		}
		if dst, err = c.element.Append(dst, e); err != nil {
			return dst, fmt.Errorf("element %d of %d: %w", i, len(v), err)
		}
		if c.size == 0 {
			dst = prefix(dst, start)
		}
	}
	return dst, nil
}

// prefix puts the length of dst[start+1:] at start. A byte was left for it, which mostly is enough.
func prefix(dst []byte, start int) []byte {
	n := len(dst) - start - 1
	if n < 0x80 {
		dst[start] = byte(n)
		return dst
	}
	var length [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(length[:], uint64(n))
	dst = append(dst, length[1:size]...) // room; overwritten next
	copy(dst[start+size:], dst[start+1:start+1+n])
	copy(dst[start:], length[:size])
	return dst
}

func (c sliceCodec[T]) Decode(src []byte) ([]T, error) {
	count, err := c.count(src)
	if count == 0 || err != nil {
		return nil, err
	}
	v := make([]T, 0, min(count, maxPresize))
	for len(src) > 0 {
		n := c.size
		if n == 0 {
			length, size := binary.Uvarint(src)
			n, src = int(length), src[size:]
		}
		e, err := c.element.Decode(src[:n:n])
		if err != nil {
			return nil, fmt.Errorf("element %d of %d: %w", len(v), count, err)
		}
		v, src = append(v, e), src[n:]
	}
	return v, nil
}

// count is the number of elements in src. It checks all lengths.
func (c sliceCodec[T]) count(src []byte) (count int, err error) {
	if c.size > 0 {
		if len(src)%c.size != 0 {
			return 0, fmt.Errorf("codec: slice takes a multiple of %d bytes, got %d", c.size, len(src))
		}
		return len(src) / c.size, nil
	}
	for at := 0; at < len(src); count++ {
		length, size := binary.Uvarint(src[at:])
		if size <= 0 {
			return 0, fmt.Errorf("codec: slice of %d byte(s): no length of element %d at %d", len(src), count, at)
		}
		at += size
		if length > uint64(len(src)-at) {
			return 0, fmt.Errorf("codec: slice of %d byte(s): element %d at %d has %d, but %d are left",
				len(src), count, at, length, len(src)-at)
		}
		at += int(length)
	}
	return count, nil
}
