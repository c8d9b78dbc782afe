// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// layout is where a window row lies in the database: [segment, 8 bytes][key][offset of the start in the segment]. The
// offset takes as many bytes as the largest one needs. It is the offset and not the start for the sake of order: with
// starts that are multiples of the segment it is all zeros, and only then do the rows of a segment lie in the order of
// their keys even if one key is the beginning of another. docs/formats/pebble-keys.md
type layout struct {
	segment int64
	width   int // bytes of an offset, 0 to 8
}

// segmentLen is the length of a segment's number in a key.
const segmentLen = 8

func newLayout(segment int64) layout {
	return layout{segment, (bits.Len64(uint64(segment-1)) + 7) / 8}
}

// of is the number of the segment that start lies in.
func (l layout) of(start int64) int64 { return start / l.segment }

// first and last are the lowest and the highest start in a segment.
func (l layout) first(segment int64) int64 { return segment * l.segment }

func (l layout) last(segment int64) int64 {
	first := l.first(segment)
	return first + min(l.segment-1, math.MaxInt64-first)
}

// begin appends what comes before the key, finish what comes after it.
func (l layout) begin(dst []byte, start int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(l.of(start)))
}

func (l layout) finish(dst []byte, start int64) []byte {
	offset := uint64(start % l.segment)
	for i := l.width - 1; i >= 0; i-- {
		dst = append(dst, byte(offset>>(8*i)))
	}
	return dst
}

// parse takes apart what begin and finish put around key.
func (l layout) parse(src []byte) (segment int64, key []byte, offset int64, err error) {
	if len(src) < segmentLen+l.width {
		return 0, nil, 0, fmt.Errorf("window row %x: key of %d bytes is too short", src, len(src))
	}
	segment = int64(binary.BigEndian.Uint64(src))
	key, tail := src[segmentLen:len(src)-l.width], src[len(src)-l.width:]
	var u uint64
	for _, b := range tail {
		u = u<<8 | uint64(b)
	}
	if segment < 0 || segment > math.MaxInt64/l.segment || u >= uint64(l.segment) ||
		int64(u) > math.MaxInt64-l.first(segment) {
		return 0, nil, 0, fmt.Errorf("window row %x: no start in segments of %d ms", src, l.segment)
	}
	return segment, key, int64(u), nil
}

// startLen is the length of the start behind the key in the changelog.
const startLen = 8

// appendStart completes a changelog key.
func appendStart(dst []byte, start int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(start))
}

// parseStart takes a changelog key apart.
func parseStart(src []byte) (key []byte, start int64, err error) {
	if len(src) < startLen {
		return nil, 0, fmt.Errorf("key %x is too short for a window row", src)
	}
	n := len(src) - startLen
	start = int64(binary.BigEndian.Uint64(src[n:]))
	if start < 0 {
		return nil, 0, fmt.Errorf("key %x has the start %d", src, start)
	}
	return src[:n], start, nil
}

// The mark, how far rows have expired, is a record of its own in the changelog, with a key that is too short for a row.
var markKey = []byte{markTag}

func isMark(key []byte) bool { return len(key) == 1 && key[0] == markTag }

func appendMark(dst []byte, expired int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(expired))
}

func parseMark(src []byte) (int64, error) {
	if len(src) != 8 || src[0] > math.MaxInt8 {
		return 0, fmt.Errorf("expiry mark %x is not a time", src)
	}
	return int64(binary.BigEndian.Uint64(src)), nil
}
