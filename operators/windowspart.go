// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// part is what the store of a windowed aggregation has under a key and a start: a window's or a slice's accumulator.
type part[A any] struct {
	Value A
	Time  int64 // the highest event time in it
	Stamp int64 // of its last change: see windowTask.stamp; kept for Every only
}

// partCodec writes a part as its stamp (a varint, 0 without Every), its time (8 bytes, big-endian), its value.
type partCodec[A any] struct {
	value codec.Codec[A]
	every bool
}

func (c partCodec[A]) Append(dst []byte, p part[A]) ([]byte, error) {
	dst = appendStamp(dst, p.Stamp, c.every)
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(p.Time)), p.Value)
}

func (c partCodec[A]) Decode(src []byte) (p part[A], err error) {
	if p.Stamp, src, err = takeStamp(src); err != nil {
		return p, err
	}
	if len(src) < 8 {
		return p, fmt.Errorf("part of a window: %d bytes are left for its time and value", len(src))
	}
	p.Time = int64(binary.BigEndian.Uint64(src))
	p.Value, err = c.value.Decode(src[8:])
	return p, err
}

func appendStamp(dst []byte, stamp int64, every bool) []byte {
	if !every {
		stamp = 0
	}
	return binary.AppendUvarint(dst, uint64(stamp))
}

func takeStamp(src []byte) (stamp int64, rest []byte, err error) {
	u, n := binary.Uvarint(src)
	if n <= 0 || u > math.MaxInt64 {
		return 0, nil, fmt.Errorf("part of a window: % x begins with no stamp", src[:min(len(src), binary.MaxVarintLen64)])
	}
	return int64(u), src[n:], nil
}

// copier gives a function that copies values through their codec, so that a copy shares no memory with its original.
// Types for which alike is true are left as they are.
func copier[T any](c codec.Codec[T], alike func(reflect.Type) bool, failed func(error)) func(T) T {
	if alike(reflect.TypeFor[T]()) {
		return func(v T) T { return v }
	}
	var scratch []byte
	return func(v T) T {
		enc, err := c.Append(scratch[:0], v)
		if err == nil {
			scratch = enc
			v, err = c.Decode(append(make([]byte, 0, len(enc)), enc...))
		}
		if err != nil {
			failed(fmt.Errorf("copying a %T: %w", v, err))
		}
		return v
	}
}

// plain says whether a value of type t leads to no other memory: it can be kept without keeping what it was read from.
func plain(t reflect.Type) bool { return t.Kind() != reflect.String && within(t, plain) }

// immutable says whether nothing behind a value of type t can be written to.
func immutable(t reflect.Type) bool { return within(t, immutable) }

// within says whether all parts of t are as wanted, none of which may be a pointer of any kind but a string.
func within(t reflect.Type, wanted func(reflect.Type) bool) bool {
	switch t.Kind() {
	case reflect.Array:
		return wanted(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !wanted(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
		return false
	}
	return true
}

// PaneCodec writes panes: start and end of the window (8 bytes each, big-endian), a byte of flags (1 Final, 2
// Retracted), the value. The panes that AggregateWindows gives are encoded with it where they pass through a topic
// between operators.
func PaneCodec[A any](value codec.Codec[A]) codec.Codec[window.Pane[A]] { return paneCodec[A]{value} }

type paneCodec[A any] struct{ value codec.Codec[A] }

const (
	paneFinal     = 1
	paneRetracted = 2
	paneHead      = 17 // bytes before the value
)

func (c paneCodec[A]) Append(dst []byte, p window.Pane[A]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Span.Start))
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.Span.End))
	flags := byte(0)
	if p.Final {
		flags |= paneFinal
	}
	if p.Retracted {
		flags |= paneRetracted
	}
	return c.value.Append(append(dst, flags), p.Value)
}

func (c paneCodec[A]) Decode(src []byte) (p window.Pane[A], err error) {
	if len(src) < paneHead {
		return p, fmt.Errorf("pane: %d bytes are too few", len(src))
	}
	p.Span.Start = int64(binary.BigEndian.Uint64(src))
	p.Span.End = int64(binary.BigEndian.Uint64(src[8:]))
	flags := src[16]
	if flags&^(paneFinal|paneRetracted) != 0 || p.Span.Start < 0 || p.Span.Empty() {
		return p, errors.New("pane: it was not written by PaneCodec")
	}
	p.Final, p.Retracted = flags&paneFinal != 0, flags&paneRetracted != 0
	p.Value, err = c.value.Decode(src[paneHead:])
	return p, err
}
