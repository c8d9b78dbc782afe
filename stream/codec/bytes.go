// SPDX-License-Identifier: Apache-2.0

package codec

import "unsafe"

var (
	// String is the bytes of a string, UTF-8 by convention and not checked. Order-preserving, by bytes.
	//
	// Decode copies nothing: the string aliases what was fetched and keeps the whole fetched batch in memory as long
	// as it lives. That is right for a record on its way; a program that keeps strings for long should strings.Clone
	// them. The engine never reuses fetched memory, and its stores clone the keys they keep.
	String Codec[string] = stringCodec{}

	// Bytes is a byte slice as it is. Order-preserving. Decode returns src itself: to be read, not written, and to be
	// cloned when it is kept for long.
	Bytes Codec[[]byte] = bytesCodec{}

	// Unit is no bytes at all, for keys or values that say nothing but "here". Decode accepts only that; to ignore a
	// value whatever it is, use Bytes.
	Unit Codec[struct{}] = unitCodec{}
)

type stringCodec struct{}

func (stringCodec) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }

func (stringCodec) Decode(src []byte) (string, error) {
	return unsafe.String(unsafe.SliceData(src), len(src)), nil
}

type bytesCodec struct{}

func (bytesCodec) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (bytesCodec) Decode(src []byte) ([]byte, error)           { return src, nil }

type unitCodec struct{}

func (unitCodec) Append(dst []byte, _ struct{}) ([]byte, error) { return dst, nil }

func (unitCodec) Decode(src []byte) (struct{}, error) {
	if len(src) != 0 {
		return struct{}{}, wrongLength("unit", 0, len(src))
	}
	return struct{}{}, nil
}
