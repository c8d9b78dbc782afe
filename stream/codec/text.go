// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding"
	"fmt"
	"sync"
)

// Text is the text of a T by its own methods, which may be those of *T: codec.Text[netip.Addr](),
// codec.Text[big.Int]().
func Text[T any, P interface {
	*T
	encoding.TextAppender
	encoding.TextUnmarshaler
}]() Codec[T] {
	return &selfCodec[T]{
		form:   "text",
		append: func(v *T, dst []byte) ([]byte, error) { return P(v).AppendText(dst) },
		decode: func(v *T, src []byte) error { return P(v).UnmarshalText(src) },
	}
}

// Binary is the binary form of a T by its own methods, which may be those of *T: codec.Binary[url.URL]().
func Binary[T any, P interface {
	*T
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}]() Codec[T] {
	return &selfCodec[T]{
		form:   "binary",
		append: func(v *T, dst []byte) ([]byte, error) { return P(v).AppendBinary(dst) },
		decode: func(v *T, src []byte) error { return P(v).UnmarshalBinary(src) },
	}
}

// selfCodec calls methods of *T. Their receiver is on the heap, because the compiler cannot see what they do with it:
// it comes from a pool.
type selfCodec[T any] struct {
	form   string
	append func(v *T, dst []byte) ([]byte, error)
	decode func(v *T, src []byte) error
	pool   sync.Pool // of *T, zero
}

func (c *selfCodec[T]) take() *T {
	if v, ok := c.pool.Get().(*T); ok {
		return v
	}
	return new(T)
}

func (c *selfCodec[T]) give(v *T) {
	var none T
	*v = none
	c.pool.Put(v)
}

func (c *selfCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	p := c.take()
	*p = v
	out, err := c.append(p, dst)
	c.give(p)
	if err != nil {
		return dst, fmt.Errorf("codec: encode %T as %s: %w", v, c.form, err)
	}
	return out, nil
}

func (c *selfCodec[T]) Decode(src []byte) (T, error) {
	p := c.take()
	err := c.decode(p, src)
	v := *p
	c.give(p)
	if err != nil {
		var none T
		return none, fmt.Errorf("codec: decode %d byte(s) of %s as %T: %w", len(src), c.form, none, err)
	}
	return v, nil
}
