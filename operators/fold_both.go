// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"errors"
	"fmt"

	"github.com/irmak-go/irmak/stream/codec"
)

// Both folds values in two ways at once: one window, or one table, for the pair of two accumulators. It has Merge if
// both folds have it, and Remove likewise.
//
//	habits := Both(Distinct(Call.Callee, codec.String), Distinct(Call.Cell, codec.String))
//	// p.First.Len() people were called from p.Second.Len() places
func Both[V, A, B any](a Fold[V, A], b Fold[V, B]) Fold[V, codec.Two[A, B]] {
	type pair = codec.Two[A, B]
	fold := Fold[V, pair]{mistake: errors.Join(a.check(), b.check())}
	if fold.mistake != nil {
		return fold
	}
	if a.Init != nil || b.Init != nil {
		fold.Init = func() pair { return pair{First: a.init(), Second: b.init()} }
	}
	fold.Add = func(acc pair, v V) pair { return pair{First: a.Add(acc.First, v), Second: b.Add(acc.Second, v)} }
	if a.Merge != nil && b.Merge != nil {
		fold.Merge = func(earlier, later pair) pair {
			return pair{First: a.Merge(earlier.First, later.First), Second: b.Merge(earlier.Second, later.Second)}
		}
	}
	if a.Remove != nil && b.Remove != nil {
		fold.Remove = func(acc pair, v V) pair {
			return pair{First: a.Remove(acc.First, v), Second: b.Remove(acc.Second, v)}
		}
	}
	fold.Codec = bothCodec[A, B]{a.Codec, b.Codec}
	return fold
}

// bothCodec writes the first accumulator after its length (4 bytes, big-endian), then the second.
type bothCodec[A, B any] struct {
	a codec.Codec[A]
	b codec.Codec[B]
}

func (c bothCodec[A, B]) Append(dst []byte, p codec.Two[A, B]) ([]byte, error) {
	dst, err := appendSized(dst, c.a, p.First)
	if err != nil {
		return dst, fmt.Errorf("first of both: %w", err)
	}
	if dst, err = c.b.Append(dst, p.Second); err != nil {
		return dst, fmt.Errorf("second of both: %w", err)
	}
	return dst, nil
}

func (c bothCodec[A, B]) Decode(src []byte) (p codec.Two[A, B], err error) {
	p.First, src, err = takeSized(src, c.a)
	if err != nil {
		return p, fmt.Errorf("first of both: %w", err)
	}
	if p.Second, err = c.b.Decode(src); err != nil {
		return p, fmt.Errorf("second of both: %w", err)
	}
	return p, nil
}
