// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// Quantiles keeps the distribution of what pick takes from the values: see [Distribution.Quantile]. accuracy is the
// relative error of each quantile, from 0.0001 to below 1: with 0.01 one that is 200 is given as 198 to 202, whatever
// the distribution. Parts merged give the same answers as all values in one.
//
// Numbers are counted in bins whose widths grow with them, up to 2,048 for positive ones and as many for negative ones.
// So the error holds for what is not below the largest by more than a factor of ((1+accuracy)/(1-accuracy))^2047, which
// is 10^17 for 0.01 and 60 for 0.001; smaller numbers are counted in one bin. In memory a bin takes 8 bytes, used or
// not: 5 KiB for 1 ms to 100 s at 0.01, 32 KiB at most. In the store, empty bins take none, others two or three.
//
// A number that is NaN or infinite fails the record. Other accuracy is another accumulator, which needs a store of
// another name. It has no Remove.
func Quantiles[V any, N Number](accuracy float64, pick func(V) N) Fold[V, Distribution] {
	bins, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil || math.IsNaN(accuracy) || accuracy < minAccuracy {
		err = fmt.Errorf("the accuracy of quantiles is %v: give it one from %v to below 1", accuracy, minAccuracy)
	}
	fold := Fold[V, Distribution]{mistake: cmp.Or(err, given("function", pick == nil))}
	if fold.mistake != nil {
		return fold
	}
	fold.Add = func(d Distribution, v V) Distribution {
		if d.sketch == nil {
			d = newDistribution(bins)
		}
		n := float64(pick(v))
		if err := d.sketch.Add(n); err != nil {
			panic(fmt.Errorf("quantiles: %v: %w", n, err))
		}
		return d
	}
	fold.Merge = func(earlier, later Distribution) Distribution {
		if later.sketch == nil {
			return earlier
		}
		if earlier.sketch == nil {
			earlier = newDistribution(bins)
		}
		if err := earlier.sketch.MergeWith(later.sketch); err != nil {
			panic(fmt.Errorf("quantiles: %w", err)) // the codec lets no other accuracy in
		}
		return earlier
	}
	fold.Codec = distributionCodec{accuracy, bins}
	return fold
}

const (
	// minAccuracy is where the bins of Quantiles still span a factor of 1.5.
	minAccuracy = 0.0001
	// maxBins is how many bins Quantiles keeps for positive numbers, and for negative ones.
	maxBins = 2048
)

// Distribution is the accumulator of Quantiles, which changes it in place.
type Distribution struct{ sketch *ddsketch.DDSketch }

func newDistribution(bins mapping.IndexMapping) Distribution {
	positive, negative := store.NewCollapsingLowestDenseStore(maxBins), store.NewCollapsingLowestDenseStore(maxBins)
	return Distribution{ddsketch.NewDDSketch(bins, positive, negative)}
}

// Count is the number of values.
func (d Distribution) Count() int64 {
	if d.sketch == nil {
		return 0
	}
	return int64(d.sketch.GetCount())
}

// Quantile gives the number that a share of q of the others lies below, within the accuracy: of n in order, the one at
// the place q(n-1), counted from 0 and rounded down. So 0 gives the smallest, 0.5 the median, 1 the largest. It is 0
// where there are no numbers. What is below 0 counts as 0, what is above 1 as 1.
func (d Distribution) Quantile(q float64) float64 {
	if d.Count() == 0 {
		return 0
	}
	if !(q > 0) { // or NaN
		q = 0
	}
	place := math.Floor(min(q, 1) * (d.sketch.GetCount() - 1)) // which the library rounds up below 0
	negative, zeros := d.sketch.GetNegativeValueStore(), d.sketch.GetZeroCount()
	below := negative.TotalCount()
	switch {
	case place < below:
		return -d.sketch.Value(negative.KeyAtRank(below - 1 - place))
	case place < below+zeros:
		return 0
	}
	return d.sketch.Value(d.sketch.GetPositiveValueStore().KeyAtRank(place - below - zeros))
}

// distributionCodec writes nothing as no bytes, else the accuracy (8 bytes, big-endian), how many numbers are 0 (a
// uvarint), how many bins are for negative numbers (a uvarint), these, and those for positive ones. A bin is the
// distance of its index to the one before (a uvarint; of the first to the lowest there is), and how many numbers are in
// it (a uvarint).
type distributionCodec struct {
	accuracy float64
	bins     mapping.IndexMapping
}

// maxInBin is up to where the counts of bins, which are floating-point numbers, are exact.
const maxInBin = 1 << 53

var errDistribution = errors.New("distribution: it is cut short or was not written by Quantiles")

func (c distributionCodec) Append(dst []byte, d Distribution) ([]byte, error) {
	if d.Count() == 0 {
		return dst, nil
	}
	dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(c.accuracy))
	dst = binary.AppendUvarint(dst, uint64(d.sketch.GetZeroCount()))
	negative, n := d.sketch.GetNegativeValueStore(), 0
	negative.ForEach(func(int, float64) bool { n++; return false })
	dst = binary.AppendUvarint(dst, uint64(n))
	for _, bins := range []store.Store{negative, d.sketch.GetPositiveValueStore()} {
		last := c.lowest()
		bins.ForEach(func(index int, count float64) bool {
			dst = binary.AppendUvarint(dst, uint64(index-last))
			dst = binary.AppendUvarint(dst, uint64(count))
			last = index
			return false
		})
	}
	return dst, nil
}

func (c distributionCodec) lowest() int  { return c.bins.Index(c.bins.MinIndexableValue()) }
func (c distributionCodec) highest() int { return c.bins.Index(c.bins.MaxIndexableValue()) }

func (c distributionCodec) Decode(src []byte) (Distribution, error) {
	if len(src) == 0 {
		return Distribution{}, nil
	}
	if len(src) < 8 {
		return Distribution{}, errDistribution
	}
	if got := math.Float64frombits(binary.BigEndian.Uint64(src)); got != c.accuracy {
		return Distribution{}, fmt.Errorf(
			"distribution: it has an accuracy of %v, not %v: give its operator a new name, or the old accuracy", got, c.accuracy)
	}
	d := newDistribution(c.bins)
	zeros, src, ok := uvarint(src[8:], maxInBin)
	if !ok {
		return Distribution{}, errDistribution
	}
	if err := d.sketch.AddWithCount(0, float64(zeros)); err != nil {
		return Distribution{}, fmt.Errorf("distribution: %w", err)
	}
	negative, src, ok := uvarint(src, maxBins)
	if !ok {
		return Distribution{}, errDistribution
	}
	if src, ok = c.fill(d.sketch.GetNegativeValueStore(), src, int(negative)); !ok {
		return Distribution{}, errDistribution
	}
	if _, ok = c.fill(d.sketch.GetPositiveValueStore(), src, -1); !ok || d.Count() == 0 {
		return Distribution{}, errDistribution
	}
	return d, nil
}

// fill reads n bins into to, or with -1 all that are left.
func (c distributionCodec) fill(to store.Store, src []byte, n int) (rest []byte, ok bool) {
	index, first := c.lowest(), true
	lowest, highest := index, c.highest()
	for ; n > 0 || n < 0 && len(src) > 0; n-- {
		var gap, count uint64
		if gap, src, ok = uvarint(src, uint64(highest-index)); !ok || gap == 0 && !first {
			return nil, false
		}
		if count, src, ok = uvarint(src, maxInBin); !ok || count == 0 {
			return nil, false
		}
		if index += int(gap); first {
			lowest, first = index, false
		}
		if index-lowest >= maxBins {
			return nil, false
		}
		to.AddWithCount(index, float64(count))
	}
	return src, true
}

// uvarint takes a number of at most limit from src.
func uvarint(src []byte, limit uint64) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(src)
	if n <= 0 || v > limit {
		return 0, nil, false
	}
	return v, src[n:], true
}
