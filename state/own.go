// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"reflect"
	"strings"
	"unsafe"

	"github.com/irmak-go/irmak/stream/codec"
)

// A record's key and value usually alias the fetched batch. A row that lives for hours must not keep a megabyte alive
// for its twelve bytes, so a store clones what it keeps. Which way is decided once per store, from the type.

// pointers says whether a value of type t leads to memory of its own, which the garbage collector must walk.
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

// owner makes values of T independent of whatever memory they were cut from.
type owner[T any] struct {
	kind  ownKind
	codec codec.Codec[T]
}

type ownKind uint8

const (
	ownPlain  ownKind = iota // nothing to clone
	ownString                // a string type
	ownBytes                 // a byte slice type
	ownCodec                 // anything else: encode and decode from fresh memory
)

func ownerOf[T any](c codec.Codec[T]) owner[T] {
	t := reflect.TypeFor[T]()
	o := owner[T]{ownCodec, c}
	switch {
	case !pointers(t):
		o.kind = ownPlain
	case t.Kind() == reflect.String:
		o.kind = ownString
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		o.kind = ownBytes
	}
	return o
}

// shallow clones v when that is a copy of bytes, and leaves it as it is otherwise.
func (o owner[T]) shallow(v T) T {
	switch o.kind {
	case ownString:
		s := strings.Clone(*(*string)(unsafe.Pointer(&v)))
		return *(*T)(unsafe.Pointer(&s))
	case ownBytes:
		s := bytes.Clone(*(*[]byte)(unsafe.Pointer(&v)))
		return *(*T)(unsafe.Pointer(&s))
	}
	return v
}

// deep clones v entirely.
func (o owner[T]) deep(v T) (T, error) {
	if o.kind != ownCodec {
		return o.shallow(v), nil
	}
	b, err := o.codec.Append(nil, v)
	if err != nil {
		return v, err
	}
	return o.codec.Decode(b)
}

// decode decodes from scratch memory that is about to be used again.
func (o owner[T]) decode(src []byte) (T, error) {
	if o.kind != ownPlain {
		src = append(make([]byte, 0, len(src)), src...)
	}
	return o.codec.Decode(src)
}

// size is what v takes beyond its type's size, as far as it is known without encoding it.
func (o owner[T]) size(v T) int {
	switch o.kind {
	case ownString, ownBytes: // the first word but one of either is its length
		return len(*(*string)(unsafe.Pointer(&v)))
	}
	return 0
}
