// SPDX-License-Identifier: Apache-2.0

package codec

import "fmt"

// Nullable is a value that may be absent, as a pointer: one byte 0 for nil, or one byte 1 and then what c writes. It
// is order-preserving if c is, nil first.
//
// For use inside other values and in stores. A record whose value is Kafka's null is no matter of codecs.
func Nullable[T any](c Codec[T]) Codec[*T] { return nullableCodec[T]{c} }

type nullableCodec[T any] struct{ c Codec[T] }

func (c nullableCodec[T]) Append(dst []byte, v *T) ([]byte, error) {
	if v == nil {
		return append(dst, 0), nil
	}
	return c.c.Append(append(dst, 1), *v)
}

func (c nullableCodec[T]) Decode(src []byte) (*T, error) {
	switch {
	case len(src) == 1 && src[0] == 0:
		return nil, nil
	case len(src) == 0 || src[0] != 1:
		return nil, fmt.Errorf("codec: nullable takes one byte 0, or a byte 1 and a value, got %d byte(s)", len(src))
	}
	v, err := c.c.Decode(src[1:])
	if err != nil {
		return nil, err
	}
	return &v, nil
}
