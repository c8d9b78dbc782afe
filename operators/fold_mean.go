// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/irmak-go/irmak/stream/codec"
)

// Mean is the accumulator of Avg.
type Mean struct {
	Sum   float64
	Count int64
}

// Value is the average, and 0 where there are no values.
func (m Mean) Value() float64 {
	if m.Count == 0 {
		return 0
	}
	return m.Sum / float64(m.Count)
}

// Avg is the average of what pick takes from the values: see [Mean.Value]. The sum is a floating-point number, exact
// for whole numbers up to 2^53; what is said of SumFloat holds for it. A group that has lost all its values is Mean{}.
func Avg[V any, N Number](pick func(V) N) Fold[V, Mean] {
	return Fold[V, Mean]{
		Add: func(m Mean, v V) Mean { return Mean{m.Sum + float64(pick(v)), m.Count + 1} },
		Merge: func(a, b Mean) Mean {
			return Mean{a.Sum + b.Sum, a.Count + b.Count}
		},
		Remove: func(m Mean, v V) Mean {
			if m.Count == 1 {
				return Mean{} // and nothing that rounding has left
			}
			return Mean{m.Sum - float64(pick(v)), m.Count - 1}
		},
		Codec:   meanCodec{},
		mistake: given("function", pick == nil),
	}
}

// meanCodec writes a mean as its sum (8 bytes, those of codec.Float64) and its count (a varint).
type meanCodec struct{}

func (meanCodec) Append(dst []byte, m Mean) ([]byte, error) {
	dst, err := codec.Float64.Append(dst, m.Sum)
	return binary.AppendVarint(dst, m.Count), err
}

func (meanCodec) Decode(src []byte) (m Mean, err error) {
	if len(src) < 9 {
		return m, fmt.Errorf("mean: %d bytes are too few", len(src))
	}
	count, n := binary.Varint(src[8:])
	if n != len(src)-8 {
		return m, errors.New("mean: it does not end with a count")
	}
	m.Count = count
	m.Sum, err = codec.Float64.Decode(src[:8])
	return m, err
}
