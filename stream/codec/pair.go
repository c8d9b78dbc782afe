// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"bytes"
	"fmt"
)

// Two is a pair of values. It can be a key if both parts can.
type Two[A, B any] struct {
	First  A
	Second B
}

// Pair puts the bytes of a and b one behind the other. It is order-preserving if both are: pairs sort by First, then
// by Second, and all pairs with the same First lie together.
//
// A first part whose length never varies (numbers, Bool, Time, Duration, pairs of them) stands as it is. Any other
// one is escaped, a zero byte as 00 ff, and ended by 00 01, so that "a" sorts before "a\x00" and "ab" whatever comes
// second. Decoding copies the first part only if it has a zero byte in it.
func Pair[A, B any](a Codec[A], b Codec[B]) Codec[Two[A, B]] {
	return pairCodec[A, B]{a: a, b: b, first: widthOf(a), second: widthOf(b)}
}

const (
	escape     = 0x00 // stands before one of the next two
	escapedNul = 0xff
	terminator = 0x01
)

type pairCodec[A, B any] struct {
	a             Codec[A]
	b             Codec[B]
	first, second int // their fixed widths, or 0
}

func (c pairCodec[A, B]) width() int {
	if c.first == 0 || c.second == 0 {
		return 0
	}
	return c.first + c.second
}

func (c pairCodec[A, B]) Append(dst []byte, v Two[A, B]) ([]byte, error) {
	start := len(dst)
	dst, err := c.a.Append(dst, v.First)
	if err != nil {
		return dst, fmt.Errorf("first of a pair: %w", err)
	}
	if c.first == 0 {
		dst = delimit(dst, start)
	}
	if dst, err = c.b.Append(dst, v.Second); err != nil {
		return dst, fmt.Errorf("second of a pair: %w", err)
	}
	return dst, nil
}

// delimit escapes dst[start:] in place and ends it.
func delimit(dst []byte, start int) []byte {
	from := len(dst)
	zeros := bytes.Count(dst[start:], []byte{0})
	for range zeros {
		dst = append(dst, 0)
	}
	for to := len(dst); to > from; { // they meet at the first zero
		from--
		to--
		dst[to] = dst[from]
		if dst[from] == 0 {
			dst[to] = escapedNul
			to--
			dst[to] = escape
		}
	}
	return append(dst, escape, terminator)
}

func (c pairCodec[A, B]) Decode(src []byte) (v Two[A, B], err error) {
	first, rest, err := c.split(src)
	if err != nil {
		return v, err
	}
	if v.First, err = c.a.Decode(first); err != nil {
		return Two[A, B]{}, fmt.Errorf("first of a pair: %w", err)
	}
	if v.Second, err = c.b.Decode(rest); err != nil {
		return Two[A, B]{}, fmt.Errorf("second of a pair: %w", err)
	}
	return v, nil
}

// split finds the end of the first part and takes its escapes out.
func (c pairCodec[A, B]) split(src []byte) (first, rest []byte, err error) {
	if c.first > 0 {
		if len(src) < c.first {
			return nil, nil, fmt.Errorf("codec: a pair takes at least %d bytes, got %d", c.first, len(src))
		}
		return src[:c.first:c.first], src[c.first:], nil
	}
	for at := 0; ; {
		i := bytes.IndexByte(src[at:], escape)
		if i < 0 || at+i+1 == len(src) {
			return nil, nil, fmt.Errorf("codec: pair of %d byte(s): the first part has no end (00 01)", len(src))
		}
		i += at
		switch src[i+1] {
		case terminator:
			if first == nil {
				return src[:i:i], src[i+2:], nil // nothing was escaped
			}
			return append(first, src[at:i]...), src[i+2:], nil
		case escapedNul:
			if first == nil {
				first = make([]byte, 0, len(src))
			}
			first = append(append(first, src[at:i]...), 0)
			at = i + 2
		default:
			return nil, nil, fmt.Errorf("codec: pair of %d byte(s): 00 %02x at %d, want 00 01 or 00 ff",
				len(src), src[i+1], i)
		}
	}
}
