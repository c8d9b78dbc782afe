// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"reflect"
	"strings"
	"unsafe"

	"github.com/irmak-go/irmak/stream/codec"
)

// owner makes values of T independent of the memory that they were cut from. A record's key and value usually alias
// the fetched batch, and a row that lives for hours must not keep a megabyte alive for its twelve bytes.
//
// Decoding again from fresh memory would do it for every type, at the price of a decode. Instead the strings and byte
// slices that are fields of T, of structs in it and of short arrays are cloned; their places are looked up once per
// store. What lies behind pointers, maps and other slices is the codec's to have allocated.
type owner[T any] struct {
	codec codec.Codec[T]
	plain bool // T has no pointers at all
	texts []text
}

// text is a string or a byte slice in a value.
type text struct {
	offset uintptr
	bytes  bool
}

func ownerOf[T any](c codec.Codec[T]) owner[T] {
	t := reflect.TypeFor[T]()
	return owner[T]{codec: c, plain: !pointers(t), texts: texts(nil, t, 0)}
}

// longArray is a length up to which the elements of an array are looked at.
const longArray = 16

// texts appends the places of a type that lies at offset.
func texts(dst []text, t reflect.Type, offset uintptr) []text {
	switch t.Kind() {
	case reflect.String:
		return append(dst, text{offset, false})
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return append(dst, text{offset, true})
		}
	case reflect.Array:
		for i := range min(t.Len(), longArray) {
			dst = texts(dst, t.Elem(), offset+uintptr(i)*t.Elem().Size())
		}
	case reflect.Struct:
		for i := range t.NumField() {
			dst = texts(dst, t.Field(i).Type, offset+t.Field(i).Offset)
		}
	}
	return dst
}

// pointers says whether a value of type t leads to memory of its own.
func pointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64,
		reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && pointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if pointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return true
}

// own gives *v memory of its own.
func (o *owner[T]) own(v *T) {
	for _, f := range o.texts {
		at := unsafe.Add(unsafe.Pointer(v), f.offset)
		if f.bytes {
			*(*[]byte)(at) = bytes.Clone(*(*[]byte)(at))
		} else {
			*(*string)(at) = strings.Clone(*(*string)(at))
		}
	}
}

// clone is v with memory of its own.
func (o *owner[T]) clone(v T) T {
	if len(o.texts) > 0 {
		o.own(&v)
	}
	return v
}

// size is what the strings and byte slices of v take.
func (o *owner[T]) size(v *T) (n int) {
	for _, f := range o.texts {
		n += len(*(*string)(unsafe.Add(unsafe.Pointer(v), f.offset))) // a slice, too, has its length in the second word
	}
	return n
}

// decode decodes from memory that is about to be used again.
func (o *owner[T]) decode(src []byte) (T, error) {
	if !o.plain {
		src = append(make([]byte, 0, len(src)), src...)
	}
	return o.codec.Decode(src)
}
