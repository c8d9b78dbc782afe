// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream/codec"
)

func (l layout) row(key string, start int64) []byte {
	return l.finish(append(l.begin(nil, start), key...), start)
}

func FuzzLayout(f *testing.F) {
	f.Add("", "", int64(0), int64(0), int64(1))
	f.Add("a", "a\x00", int64(1_700_000_000_000), int64(1_700_000_060_000), int64(60_000))
	f.Add("\x00", "\xff", int64(math.MaxInt64), int64(math.MaxInt64-1), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, k1, k2 string, s1, s2, segment int64) {
		if s1 < 0 || s2 < 0 || segment < 1 {
			t.Skip("starts are not negative, segments are not empty")
		}
		l := newLayout(segment)
		a, b := l.row(k1, s1), l.row(k2, s2)
		seg, key, offset, err := l.parse(a)
		require.NoError(t, err)
		require.Equal(t, k1, string(key))
		require.Equal(t, s1, l.first(seg)+offset)
		require.LessOrEqual(t, l.first(seg), s1)
		require.GreaterOrEqual(t, l.last(seg), s1)

		require.Equal(t, k1 == k2 && s1 == s2, bytes.Equal(a, b))
		switch {
		case l.of(s1) != l.of(s2):
			require.Equal(t, cmp.Compare(s1, s2), bytes.Compare(a, b), "segments lie in the order of time")
		case k1 == k2:
			require.Equal(t, cmp.Compare(s1, s2), bytes.Compare(a, b), "rows of a key in the order of time")
		case offset == 0 && s1 == s2:
			require.Equal(t, strings.Compare(k1, k2), bytes.Compare(a, b), "rows of one start in the order of keys")
		}
	})
}

// FuzzParse feeds the parsers of everything durable with what nobody wrote: errors are fine, panics are not, and what
// is accepted is what would be written.
func FuzzParse(f *testing.F) {
	f.Add([]byte{}, int64(1))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01key\x05"), int64(60))
	f.Add([]byte("key\x00\x04name"), int64(60_000))
	f.Fuzz(func(t *testing.T, src []byte, segment int64) {
		if segment > 0 {
			l := newLayout(segment)
			if seg, key, offset, err := l.parse(src); err == nil {
				require.Equal(t, src, l.row(string(key), l.first(seg)+offset))
			}
		}
		if key, start, err := parseStart(src); err == nil {
			require.Equal(t, src, appendStart(bytes.Clone(key), start))
			require.False(t, isMark(src))
		}
		if at, err := parseMark(src); err == nil {
			require.Equal(t, src, appendMark(nil, at))
		}
		if shape, p, err := parsePosition(src); err == nil {
			require.Equal(t, src, appendPosition(nil, shape, p))
		}
		same(t, timerCodec[string]{codec.String}, src)
		same(t, versionCodec[int64]{codec.Int64}, src)
	})
}

func same[T any](t *testing.T, c codec.Codec[T], src []byte) {
	v, err := c.Decode(src)
	if err != nil {
		return
	}
	again, err := c.Append(nil, v)
	require.NoError(t, err)
	require.True(t, bytes.Equal(src, again), "%x and %x", src, again)
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "ab": "ac", "\x00": "\x01"} {
		require.Equal(t, want, string(after([]byte(in))))
	}
	require.Nil(t, after([]byte("\xff\xff")))
	require.Nil(t, after(nil))
}
