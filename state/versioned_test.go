// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

var rates = state.Versioned[string, int64]{Name: "rates", Key: codec.String, Value: codec.Int64, History: 100}

// asOf reads a version as a line: its value and for how long it holds.
func asOf(s *state.VersionedStore[string, int64], t int64) any {
	v, from, until, ok := s.GetAsOf("k", t)
	if !ok {
		return nil
	}
	return [3]int64{v, from, until}
}

func TestVersionsOutOfOrder(t *testing.T) {
	t.Parallel()
	s := rates.Open(&place{t: t})
	put := func(v, at, want int64) {
		t.Helper()
		until, ok := s.Put("k", v, at)
		require.True(t, ok)
		require.Equal(t, want, until)
	}
	put(1, 10, state.Forever)
	put(3, 30, state.Forever)
	put(2, 20, 30) // late: it holds until the next one
	require.Nil(t, asOf(s, 9))
	require.Equal(t, [3]int64{1, 10, 20}, asOf(s, 10))
	require.Equal(t, [3]int64{2, 20, 30}, asOf(s, 29))
	require.Equal(t, [3]int64{3, 30, state.Forever}, asOf(s, 1000))

	until, ok := s.Delete("k", 15)
	require.True(t, ok)
	require.EqualValues(t, 20, until)
	require.Equal(t, [3]int64{1, 10, 15}, asOf(s, 14))
	require.Nil(t, asOf(s, 15))

	_, ok = s.Delete("k", 40)
	require.True(t, ok)
	_, _, ok = s.Get("k")
	require.False(t, ok)
	put(4, 35, 40) // before the deletion, and so gone again by it
	_, _, ok = s.Get("k")
	require.False(t, ok)
	require.Equal(t, [3]int64{4, 35, 40}, asOf(s, 39))
}

func TestDeletionOfNothingIsRemembered(t *testing.T) {
	t.Parallel()
	s := rates.Open(&place{t: t})
	s.Delete("k", 50)
	until, ok := s.Put("k", 1, 40)
	require.True(t, ok)
	require.EqualValues(t, 50, until)
	require.Nil(t, asOf(s, 50))
}

func TestOlderThanTheHistory(t *testing.T) {
	t.Parallel()
	s := rates.Open(&place{t: t})
	s.Put("old", 1, 10)
	s.Put("k", 1, 10)
	s.Put("k", 2, 20)
	s.Put("k", 3, 125)
	require.Equal(t, [3]int64{2, 20, 125}, asOf(s, 25))
	require.Nil(t, asOf(s, 24), "the history begins at 25")
	_, ok := s.Put("k", 9, 24)
	require.False(t, ok)
	v, from, ok := s.Get("old")
	require.True(t, ok, "the latest version stays however old it is")
	require.Equal(t, []int64{1, 10}, []int64{v, from})
	for _, at := range []int64{-1, state.Forever} {
		_, ok = s.Put("k", 9, at)
		require.False(t, ok)
	}
}
