// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/axiomhq/hyperloglog"
	"github.com/cespare/xxhash/v2"

	"github.com/irmak-go/irmak/stream/codec"
)

// DistinctApprox counts the different items that pick takes from the values. Two items are the same when their bytes
// are. Up to 2,048 of them the count is exact; beyond, it is a HyperLogLog's, with a standard error of 0.8 %: two of
// three counts are nearer than that, 19 of 20 nearer than twice that. Which items came, and in which order, makes no
// difference to the error; parts merged give the same count as all values in one.
//
// The accumulator takes 8 bytes for each item at first, and 16 KiB for good from the 2,049th on, in memory and in the
// store. An item that cannot be encoded fails the record.
//
// It has no Remove, for which one would have to know how often each item came. Distinct does.
func DistinctApprox[V, T any](pick func(V) T, items codec.Codec[T]) Fold[V, Cardinality] {
	fold := Fold[V, Cardinality]{mistake: cmp.Or(given("function", pick == nil), given("codec", items == nil))}
	if fold.mistake != nil {
		return fold
	}
	fold.Add = func(c Cardinality, v V) Cardinality {
		enc, err := items.Append(c.scratch[:0], pick(v))
		if err != nil {
			panic(fmt.Errorf("distinct: %w", err))
		}
		c.scratch = enc
		c.add(xxhash.Sum64(enc))
		return c
	}
	fold.Merge = func(earlier, later Cardinality) Cardinality {
		earlier.merge(&later)
		return earlier
	}
	fold.Codec = cardinalityCodec{}
	return fold
}

// Cardinality is a set of which only its size is known, roughly. It is the accumulator of DistinctApprox, which changes
// it in place.
//
//  1. What is in it follows from which items came alone, not from their order, nor from what was merged or stored when.
//  2. hashes ascend, and are at most exactItems; with a sketch there are none.
type Cardinality struct {
	hashes  []uint64
	sketch  *hyperloglog.Sketch // of all items, once they are more; never a sparse one, of which 1 would not hold
	scratch []byte              // an item's bytes, while it is added
}

// exactItems is how many items are kept one by one: those that take as much memory as a sketch.
const exactItems = 2048

// Estimate is the number of different items: see [DistinctApprox].
func (c Cardinality) Estimate() uint64 {
	if c.sketch == nil {
		return uint64(len(c.hashes))
	}
	return c.sketch.Estimate()
}

func (c *Cardinality) add(hash uint64) {
	if c.sketch != nil {
		c.sketch.InsertHash(hash)
		return
	}
	if at, found := slices.BinarySearch(c.hashes, hash); !found {
		c.hashes = slices.Insert(c.hashes, at, hash)
		c.outgrow()
	}
}

// outgrow gives the hashes up when they are too many.
func (c *Cardinality) outgrow() {
	if len(c.hashes) > exactItems {
		c.approximate()
	}
}

// approximate makes a sketch of the hashes.
func (c *Cardinality) approximate() {
	c.sketch = hyperloglog.NewNoSparse()
	for _, hash := range c.hashes {
		c.sketch.InsertHash(hash)
	}
	c.hashes = nil
}

// merge takes all of other in, and leaves it as it is.
func (c *Cardinality) merge(other *Cardinality) {
	switch {
	case other.sketch != nil:
		if c.sketch == nil {
			c.approximate()
		}
		if err := c.sketch.Merge(other.sketch); err != nil {
			panic(fmt.Errorf("distinct: %w", err)) // all have one precision
		}
	case c.sketch != nil:
		for _, hash := range other.hashes {
			c.sketch.InsertHash(hash)
		}
	default:
		all := append(slices.Clone(c.hashes), other.hashes...)
		slices.Sort(all)
		c.hashes = slices.Compact(all)
		c.outgrow()
	}
}

// cardinalityCodec writes an empty set as no bytes, else a byte that says what follows: the hashes, ascending, 8 bytes
// each, big-endian, or the sketch in its library's format.
type cardinalityCodec struct{}

const (
	cardinalityHashes = 1
	cardinalitySketch = 2
)

// sketchHead is how a sketch begins that is not sparse: the version of the format, the precision, no bias, not sparse.
var sketchHead = []byte{2, 14, 0, 0}

func (cardinalityCodec) Append(dst []byte, c Cardinality) ([]byte, error) {
	if c.sketch != nil {
		return c.sketch.AppendBinary(append(dst, cardinalitySketch))
	}
	if len(c.hashes) > 0 {
		dst = append(dst, cardinalityHashes)
	}
	for _, hash := range c.hashes {
		dst = binary.BigEndian.AppendUint64(dst, hash)
	}
	return dst, nil
}

func (cardinalityCodec) Decode(src []byte) (c Cardinality, err error) {
	if len(src) == 0 {
		return c, nil
	}
	kind, src := src[0], src[1:]
	switch {
	case kind == cardinalitySketch && bytes.HasPrefix(src, sketchHead):
		c.sketch = new(hyperloglog.Sketch)
		if err := c.sketch.UnmarshalBinary(src); err != nil {
			return Cardinality{}, fmt.Errorf("cardinality: %w", err)
		}
		return c, nil
	case kind != cardinalityHashes || len(src) == 0 || len(src)%8 != 0 || len(src)/8 > exactItems:
		return c, fmt.Errorf("cardinality: %d bytes that begin with % x", len(src)+1, kind)
	}
	c.hashes = make([]uint64, len(src)/8)
	for i := range c.hashes {
		c.hashes[i] = binary.BigEndian.Uint64(src[8*i:])
		if i > 0 && c.hashes[i] <= c.hashes[i-1] {
			return Cardinality{}, fmt.Errorf("cardinality: hash %d of %d is out of order", i, len(c.hashes))
		}
	}
	return c, nil
}
