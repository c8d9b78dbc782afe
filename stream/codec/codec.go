// SPDX-License-Identifier: Apache-2.0

// Package codec turns values into bytes and back. A codec is a value: it is written once, in a topic or a store, and
// there is no registry to enter it in and no reflection between a record and a function.
//
//	var payments = stream.Topic[string, Payment]{Name: "payments", Key: codec.String, Value: codec.JSON[Payment]()}
//
// # Order
//
// A store that scans ranges of keys scans them in the order of their bytes. [Int32], [Int64], [Uint64], [Float32],
// [Float64], [Bool], [Time], [Duration], [String], [Bytes] and [Unit] are order-preserving: comparing the bytes gives
// what comparing the values gives, for negative numbers too. [Pair] and [Nullable] are as order-preserving as what
// they hold. [JSON], [Text], [Binary], [Message] and [Slice] are not, in general.
//
// # Java
//
// String, Bytes, Bool and Uint64 (below 2^63) have the bytes of Kafka's own serializers. Signed and floating-point
// numbers do not, because Java's bytes put negative numbers after positive ones: to share a topic with Java programs
// take [JavaLong], [JavaInteger], [JavaDouble] and [JavaFloat].
//
// # Keys
//
// Keys that are equal must have equal bytes, or they land on different partitions and count as two. All codecs of
// this package whose values can be compared with == keep to that, [JSON] for types without maps of floats or custom
// methods that say otherwise. [Message] does when the encoder is told to be deterministic.
package codec

import "fmt"

// Codec encodes and decodes values of type T. Its methods may be called from several goroutines at once.
//
// An absent value (Kafka's null) never reaches a codec: the engine carries it as a flag.
type Codec[T any] interface {
	// Append appends the bytes of v to dst and returns the extended slice, as the built-in append does. It must not
	// keep dst, nor read or change dst[:len(dst)]. With an error, what it returns is dropped.
	Append(dst []byte, v T) ([]byte, error)

	// Decode reads a value that takes up the whole of src. It must not change src, and it must return an error, not
	// panic, when src is shorter, longer or otherwise not what Append produces. The value may alias src: the engine
	// never reuses the memory behind it, and stores copy what they keep.
	Decode(src []byte) (T, error)
}

// Func makes a codec of two functions, which must do what [Codec] asks of its methods.
func Func[T any](append func(dst []byte, v T) ([]byte, error), decode func(src []byte) (T, error)) Codec[T] {
	return funcCodec[T]{append, decode}
}

type funcCodec[T any] struct {
	append func(dst []byte, v T) ([]byte, error)
	decode func(src []byte) (T, error)
}

func (c funcCodec[T]) Append(dst []byte, v T) ([]byte, error) { return c.append(dst, v) }
func (c funcCodec[T]) Decode(src []byte) (T, error)           { return c.decode(src) }

// fixed is a codec whose encodings all have the same length, at least 1. Composite codecs need no delimiter after
// one.
type fixed interface{ width() int }

// widthOf is the length of every encoding of c, or 0 when it varies.
func widthOf[T any](c Codec[T]) int {
	if f, ok := c.(fixed); ok {
		return f.width()
	}
	return 0
}

// wrongLength is the error of a fixed-width codec that was given another number of bytes.
func wrongLength(what string, want, got int) error {
	return fmt.Errorf("codec: %s takes %d byte(s), got %d: was it written with another codec?", what, want, got)
}
