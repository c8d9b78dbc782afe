// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The date of a position says how old the database is, not how long ago its store changed.
func TestPositionIsDated(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	m := counts.Open(p)
	w := newCommitter(t, p, &kept{})
	at := func() (offset, ms int64) {
		pos, ok, err := p.in.Position()
		require.NoError(t, err)
		require.True(t, ok)
		return pos.Offset, pos.At
	}
	m.Put("k", 1)
	w.commit()
	w.behind(0)
	offset, first := at()
	require.Equal(t, w.now.UnixMilli(), first)

	w.commit()
	_, ms := at()
	require.Equal(t, first, ms, "not at every commit")
	w.now = w.now.Add(2 * time.Hour)
	w.commit()
	same, ms := at()
	require.Equal(t, offset, same)
	require.Equal(t, w.now.UnixMilli(), ms)

	require.NoError(t, p.in.Forget()) // nothing was acknowledged since
	w.now = w.now.Add(time.Minute)
	w.behind(0)
	same, ms = at()
	require.Equal(t, offset, same)
	require.Equal(t, w.now.UnixMilli(), ms, "a graceful stop")
}
