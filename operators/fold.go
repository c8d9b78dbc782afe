// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	"github.com/irmak-go/irmak/stream/codec"
)

// Fold says how many values become one: an aggregator as a value.
//
// The accumulator is a plain value. Add, Merge and Remove return the new one, and may change the old one in place
// (Merge the earlier one): where a table keeps results, they are copied through Codec before. Who keeps them elsewhere,
// in a store of its own behind ToStream or windows, would see them change. They are never called by two goroutines for
// one key, but by several for different keys.
type Fold[V, A any] struct {
	// Init gives the accumulator of nothing. Where it is given, sessions that become one are merged into it, so together
	// with another accumulator it should be no more than that. Defaults to the zero value.
	Init func() A
	// Add takes a value in. It has no default.
	Add func(acc A, v V) A
	// Merge combines the accumulators of an earlier and a later part. With it hopping and sliding windows share their
	// slices, which promises that partial results combined in time order are as good as values added one by one.
	// Session windows need it.
	Merge func(earlier, later A) A
	// Remove takes a value out again that was added before. Grouped tables need it.
	Remove func(acc A, v V) A
	// Codec encodes accumulators in stores. It has no default.
	Codec codec.Codec[A]

	mistake error // in what the fold was made of, for Build to report
}

func (f *Fold[V, A]) check() error {
	switch {
	case f.mistake != nil:
		return f.mistake
	case f.Add == nil:
		return errors.New("the fold has no Add function")
	case f.Codec == nil:
		return errors.New("the fold has no Codec: its accumulators are kept in a store")
	}
	return nil
}

func (f *Fold[V, A]) init() (acc A) {
	if f.Init != nil {
		acc = f.Init()
	}
	return acc
}

// given is the mistake that a function which makes a fold was not given what it needs.
func given(what string, missing bool) error {
	if missing {
		return fmt.Errorf("the fold was made without its %s", what)
	}
	return nil
}

// some is the mistake that a fold should keep no values at all.
func some(n int) error {
	if n < 1 {
		return fmt.Errorf("the fold keeps %d values: give it at least 1", n)
	}
	return nil
}

// kept gives values memory of their own, so that an accumulator which keeps one does not keep all that it was read
// with. A value that cannot be encoded fails the record.
func kept[V any](values codec.Codec[V]) func(V) V {
	if plain(reflect.TypeFor[V]()) {
		return func(v V) V { return v }
	}
	return func(v V) V {
		enc, err := values.Append(nil, v)
		if err == nil {
			v, err = values.Decode(enc)
		}
		if err != nil {
			panic(fmt.Errorf("keeping a %T: %w", v, err))
		}
		return v
	}
}

// plus is acc, or if there is none the accumulator of nothing, with v in it.
func (f *Fold[V, A]) plus(acc A, has bool, v V) A {
	if !has {
		acc = f.init()
	}
	return f.Add(acc, v)
}

// Number is what can be added up.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~float32 | ~float64
}

// Count counts values.
func Count[V any]() Fold[V, int64] {
	return Fold[V, int64]{
		Add:    func(n int64, _ V) int64 { return n + 1 },
		Merge:  func(a, b int64) int64 { return a + b },
		Remove: func(n int64, _ V) int64 { return n - 1 },
		Codec:  codec.Int64,
	}
}

// Sum adds up what pick takes from each value, as a 64-bit integer. It wraps around silently, as Go's integers do.
func Sum[V any, N ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32](pick func(V) N) Fold[V, int64] {
	return Fold[V, int64]{
		Add:    func(sum int64, v V) int64 { return sum + int64(pick(v)) },
		Merge:  func(a, b int64) int64 { return a + b },
		Remove: func(sum int64, v V) int64 { return sum - int64(pick(v)) },
		Codec:  codec.Int64, mistake: given("function", pick == nil),
	}
}

// SumFloat adds up what pick takes from each value. Floating-point addition depends on the order, so windows that share
// slices may differ from a plain loop in the last digits.
func SumFloat[V any](pick func(V) float64) Fold[V, float64] {
	return Fold[V, float64]{
		Add:    func(sum float64, v V) float64 { return sum + pick(v) },
		Merge:  func(a, b float64) float64 { return a + b },
		Remove: func(sum float64, v V) float64 { return sum - pick(v) },
		Codec:  codec.Float64, mistake: given("function", pick == nil),
	}
}

// Reduce combines values with f into one of the same type; the first value stands for itself. f must be associative:
// f(f(a, b), c) equal to f(a, f(b, c)). It is given the earlier value first.
//
// It has no Remove, as only you know whether f can be undone. Where it can, set it on the fold, for GroupTable:
//
//	product := Reduce(times, codec.Float64)
//	product.Remove = func(acc Reduced[float64], v float64) Reduced[float64] { acc.Value /= v; return acc }
func Reduce[V any](f func(earlier, later V) V, values codec.Codec[V]) Fold[V, Reduced[V]] {
	return Fold[V, Reduced[V]]{
		mistake: cmp.Or(given("function", f == nil), given("codec", values == nil)),
		Add: func(acc Reduced[V], v V) Reduced[V] {
			if !acc.Any {
				return Reduced[V]{Value: v, Any: true}
			}
			return Reduced[V]{Value: f(acc.Value, v), Any: true}
		},
		Merge: func(a, b Reduced[V]) Reduced[V] {
			switch {
			case !a.Any:
				return b
			case !b.Any:
				return a
			}
			return Reduced[V]{Value: f(a.Value, b.Value), Any: true}
		},
		Codec: reducedCodec[V]{values},
	}
}

// Reduced is the accumulator of Reduce. Where records come out of an aggregation Any is true.
type Reduced[V any] struct {
	Value V
	Any   bool
}

// reducedCodec writes an accumulator without values as no bytes, others after a marker byte.
type reducedCodec[V any] struct{ values codec.Codec[V] }

func (c reducedCodec[V]) Append(dst []byte, r Reduced[V]) ([]byte, error) {
	if !r.Any {
		return dst, nil
	}
	return c.values.Append(append(dst, 1), r.Value)
}

func (c reducedCodec[V]) Decode(src []byte) (r Reduced[V], err error) {
	if len(src) == 0 {
		return r, nil
	}
	r.Any = true
	r.Value, err = c.values.Decode(src[1:])
	return r, err
}

// Min keeps the smallest of what pick takes from the values, Max the largest.
func Min[V any, N cmp.Ordered](pick func(V) N, numbers codec.Codec[N]) Fold[V, Reduced[N]] {
	return Over(pick, Reduce(func(a, b N) N { return min(a, b) }, numbers))
}

// Max keeps the largest of what pick takes from the values.
func Max[V any, N cmp.Ordered](pick func(V) N, numbers codec.Codec[N]) Fold[V, Reduced[N]] {
	return Over(pick, Reduce(func(a, b N) N { return max(a, b) }, numbers))
}

// Over is fold over what pick takes from each value: how a fold of amounts becomes one of payments, or one of minutes
// one of the panes that hold them.
//
//	largest := Over(func(p window.Pane[int64]) int64 { return p.Value }, Collect(3, codec.Int64))
func Over[V, N, A any](pick func(V) N, fold Fold[N, A]) Fold[V, A] {
	over := Fold[V, A]{
		Init: fold.Init, Merge: fold.Merge, Codec: fold.Codec,
		mistake: cmp.Or(given("function", pick == nil), fold.check()),
		Add:     func(acc A, v V) A { return fold.Add(acc, pick(v)) },
	}
	if fold.Remove != nil {
		over.Remove = func(acc A, v V) A { return fold.Remove(acc, pick(v)) }
	}
	return over
}
