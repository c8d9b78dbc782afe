// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// Sessions of a key that end together are apart, in the database and the changelog too.
func TestSessionsThatEndTogether(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	declared := state.Session[string, string]{Name: "sessions", Key: codec.String, Value: codec.String}
	sessions := declared.Open(p)
	reopen := func() {
		c := newCommitter(t, p, &dropped{})
		c.commit()
		c.behind(0)
		sessions = declared.Open(p)
	}
	sessions.Put("a", 3, 4, "short")
	sessions.Put("a", 0, 4, "long")
	sessions.Put("a", 1, 4, "")
	sessions.Put("a", 1, 4, "between")
	sessions.Put("b", 0, 4, "other")
	reopen()
	list := func() (all []string) {
		sessions.ScanEnds(0, 9, func(k string, first, last int64, v *string) bool {
			all = append(all, fmt.Sprintf("%s [%d,%d] %s", k, first, last, *v))
			return true
		})
		return all
	}
	require.Equal(t, []string{"a [0,4] long", "a [1,4] between", "a [3,4] short", "b [0,4] other"}, list())
	v, ok := sessions.Get("a", 1, 4)
	require.True(t, ok)
	require.Equal(t, "between", v)
	_, ok = sessions.Get("a", 2, 4)
	require.False(t, ok)
	sessions.Find("a", 0, 2, func(first, last int64, _ *string) bool { // which the one from 3 on does not touch
		require.True(t, sessions.Remove("a", first, last))
		return true
	})
	require.False(t, sessions.Remove("a", 0, 4))
	reopen()
	require.Equal(t, []string{"a [3,4] short", "b [0,4] other"}, list())
	var rows []string
	state.Each(p.in, func(key, value any, first int64) bool {
		rows = append(rows, fmt.Sprint(key, first, value))
		return true
	})
	require.Equal(t, []string{"a3 {4 short}", "b0 {4 other}"}, rows)
}
