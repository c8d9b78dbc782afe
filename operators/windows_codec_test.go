// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// What windows keep in stores comes back as it was, and what is cut short is an error, not a panic.
func TestWindowRowCodecs(t *testing.T) {
	t.Parallel()
	row := part[int64]{Value: -7, Time: math.MaxInt64 - 1, Stamp: 300}
	parts := partCodec[int64]{value: codec.Int64, every: true}
	comesBack(t, parts, row)
	comesBack(t, spellCodec[int64]{parts}, spell[int64]{part: row, First: 5, N: 300})
	comesBack(t, seenCodec{every: true}, seen{n: math.MaxInt64, stamp: 300})
	sliding := slidingCodec[int64]{parts}
	comesBack(t, sliding, slidingRow[int64]{part: row, Born: math.MaxInt64, Filled: true, Record: true})
	comesBack(t, sliding, slidingRow[int64]{Record: true})
	pane := window.Pane[int64]{Span: window.Span{Start: 5, End: 9}, Value: -7, Final: true}
	pair := panePair[int64, int64]{paneSide[int64]{true, 7, pane}, paneSide[int64]{true, 8, pane}}
	comesBack(t, panePairCodec[int64, int64]{PaneCodec(codec.Int64), PaneCodec(codec.Int64)}, pair)
	comesBack(t, sessionCodec[int64]{codec.Int64, true}, session[int64]{Value: 5, First: 12, Stamp: 300})

	enc, err := partCodec[int64]{value: codec.Int64}.Append(nil, row)
	require.NoError(t, err)
	got, err := parts.Decode(enc)
	require.NoError(t, err)
	row.Stamp = 0
	require.Equal(t, row, got, "stamps are for Every only, which can read what was written without")
}

func comesBack[T any](t *testing.T, c codec.Codec[T], v T) {
	t.Helper()
	enc, err := c.Append([]byte("before"), v)
	require.NoError(t, err)
	enc = enc[len("before"):]
	got, err := c.Decode(enc)
	require.NoError(t, err)
	require.Equal(t, v, got)
	for n := range enc {
		_, err := c.Decode(enc[:n:n])
		require.Error(t, err, "% x", enc[:n])
	}
}
