// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Numbers whose bytes sort as their values do.
var (
	// Int64 is 8 bytes, big-endian, with the sign bit flipped: -1 is 7f ff ff ff ff ff ff ff, 0 is 80 00 00 00 00 00
	// 00 00. Order-preserving. Kafka's LongSerializer does not flip the bit: see [JavaLong].
	Int64 Codec[int64] = int64Codec{}

	// Int32 is 4 bytes, big-endian, with the sign bit flipped: -1 is 7f ff ff ff, 0 is 80 00 00 00. Order-preserving.
	// Kafka's IntegerSerializer does not flip the bit: see [JavaInteger].
	Int32 Codec[int32] = int32Codec{}

	// Uint64 is 8 bytes, big-endian: 1 is 00 00 00 00 00 00 00 01. Order-preserving. Below 2^63 the bytes are those
	// of Kafka's LongSerializer.
	Uint64 Codec[uint64] = uint64Codec{}

	// Float64 is the 8 bytes of the IEEE 754 number, big-endian, with the sign bit flipped for a positive number and
	// all bits flipped for a negative one: 1 is bf f0 00 00 00 00 00 00, -1 is 40 0f ff ff ff ff ff ff.
	// Order-preserving, with NaN after +Inf. Equal numbers have equal bytes: -0 is written as 0, every NaN as
	// one. Kafka's DoubleSerializer flips nothing: see [JavaDouble].
	Float64 Codec[float64] = float64Codec{}

	// Float32 is Float64 in 4 bytes: 1 is bf 80 00 00, -1 is 40 7f ff ff. Kafka's FloatSerializer flips nothing: see
	// [JavaFloat].
	Float32 Codec[float32] = float32Codec{}

	// Bool is one byte, 0 or 1, as Kafka's BooleanSerializer writes it. Order-preserving, false first.
	Bool Codec[bool] = boolCodec{}
)

// Numbers in the bytes of Kafka's own serializers: topics that Java programs read or write. They are
// order-preserving only among numbers that are not negative.
var (
	// JavaLong is 8 bytes, two's complement, big-endian, as LongSerializer writes it: -1 is ff ff ff ff ff ff ff ff.
	JavaLong Codec[int64] = javaLong{}

	// JavaInteger is 4 bytes, two's complement, big-endian, as IntegerSerializer writes it: -1 is ff ff ff ff.
	JavaInteger Codec[int32] = javaInteger{}

	// JavaDouble is the 8 bytes of the IEEE 754 number, big-endian, as DoubleSerializer writes it: 1 is 3f f0 00 00
	// 00 00 00 00.
	JavaDouble Codec[float64] = javaDouble{}

	// JavaFloat is the 4 bytes of the IEEE 754 number, big-endian, as FloatSerializer writes it: 1 is 3f 80 00 00.
	JavaFloat Codec[float32] = javaFloat{}
)

const (
	sign32 = 1 << 31
	sign64 = 1 << 63
)

type int64Codec struct{}

func (int64Codec) width() int { return 8 }

func (int64Codec) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)^sign64), nil
}

func (int64Codec) Decode(src []byte) (int64, error) {
	if len(src) != 8 {
		return 0, wrongLength("int64", 8, len(src))
	}
	return int64(binary.BigEndian.Uint64(src) ^ sign64), nil
}

type int32Codec struct{}

func (int32Codec) width() int { return 4 }

func (int32Codec) Append(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)^sign32), nil
}

func (int32Codec) Decode(src []byte) (int32, error) {
	if len(src) != 4 {
		return 0, wrongLength("int32", 4, len(src))
	}
	return int32(binary.BigEndian.Uint32(src) ^ sign32), nil
}

type uint64Codec struct{}

func (uint64Codec) width() int { return 8 }

func (uint64Codec) Append(dst []byte, v uint64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, v), nil
}

func (uint64Codec) Decode(src []byte) (uint64, error) {
	if len(src) != 8 {
		return 0, wrongLength("uint64", 8, len(src))
	}
	return binary.BigEndian.Uint64(src), nil
}

type float64Codec struct{}

func (float64Codec) width() int { return 8 }

func (float64Codec) Append(dst []byte, v float64) ([]byte, error) {
	switch {
	case v == 0:
		v = 0 // -0 too
	case v != v:
		v = math.NaN()
	}
	bits := math.Float64bits(v)
	if bits&sign64 != 0 {
		bits = ^bits
	} else {
		bits |= sign64
	}
	return binary.BigEndian.AppendUint64(dst, bits), nil
}

func (float64Codec) Decode(src []byte) (float64, error) {
	if len(src) != 8 {
		return 0, wrongLength("float64", 8, len(src))
	}
	bits := binary.BigEndian.Uint64(src)
	if bits&sign64 != 0 {
		bits &^= sign64
	} else {
		bits = ^bits
	}
	return math.Float64frombits(bits), nil
}

type float32Codec struct{}

func (float32Codec) width() int { return 4 }

func (float32Codec) Append(dst []byte, v float32) ([]byte, error) {
	switch {
	case v == 0:
		v = 0 // -0 too
	case v != v:
		v = float32(math.NaN())
	}
	bits := math.Float32bits(v)
	if bits&sign32 != 0 {
		bits = ^bits
	} else {
		bits |= sign32
	}
	return binary.BigEndian.AppendUint32(dst, bits), nil
}

func (float32Codec) Decode(src []byte) (float32, error) {
	if len(src) != 4 {
		return 0, wrongLength("float32", 4, len(src))
	}
	bits := binary.BigEndian.Uint32(src)
	if bits&sign32 != 0 {
		bits &^= sign32
	} else {
		bits = ^bits
	}
	return math.Float32frombits(bits), nil
}

type boolCodec struct{}

func (boolCodec) width() int { return 1 }

func (boolCodec) Append(dst []byte, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func (boolCodec) Decode(src []byte) (bool, error) {
	if len(src) != 1 {
		return false, wrongLength("bool", 1, len(src))
	}
	if src[0] > 1 {
		return false, fmt.Errorf("codec: bool takes one byte 0 or 1, got %#02x", src[0])
	}
	return src[0] == 1, nil
}

type javaLong struct{}

func (javaLong) width() int { return 8 }

func (javaLong) Append(dst []byte, v int64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
}

func (javaLong) Decode(src []byte) (int64, error) {
	if len(src) != 8 {
		return 0, wrongLength("Java long", 8, len(src))
	}
	return int64(binary.BigEndian.Uint64(src)), nil
}

type javaInteger struct{}

func (javaInteger) width() int { return 4 }

func (javaInteger) Append(dst []byte, v int32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, uint32(v)), nil
}

func (javaInteger) Decode(src []byte) (int32, error) {
	if len(src) != 4 {
		return 0, wrongLength("Java integer", 4, len(src))
	}
	return int32(binary.BigEndian.Uint32(src)), nil
}

type javaDouble struct{}

func (javaDouble) width() int { return 8 }

func (javaDouble) Append(dst []byte, v float64) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v)), nil
}

func (javaDouble) Decode(src []byte) (float64, error) {
	if len(src) != 8 {
		return 0, wrongLength("Java double", 8, len(src))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(src)), nil
}

type javaFloat struct{}

func (javaFloat) width() int { return 4 }

func (javaFloat) Append(dst []byte, v float32) ([]byte, error) {
	return binary.BigEndian.AppendUint32(dst, math.Float32bits(v)), nil
}

func (javaFloat) Decode(src []byte) (float32, error) {
	if len(src) != 4 {
		return 0, wrongLength("Java float", 4, len(src))
	}
	return math.Float32frombits(binary.BigEndian.Uint32(src)), nil
}
