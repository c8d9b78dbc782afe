// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// hour is a place whose clocks the test moves.
type hour struct {
	place
	now int64
}

func (h *hour) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	return h.place.OpenStore(spec, func(b state.Backing) state.Instance {
		b.EventTime = func() int64 { return h.now }
		return open(b)
	})
}

var shortLived = state.Map[string, int64]{
	Name: "short", Key: codec.String, Value: codec.Int64, TTL: state.TTL{After: time.Hour},
}

const hourMs = int64(time.Hour / time.Millisecond)

// What has died is not seen at once. Then it goes, a bounded part with each commit: from the changelog, from the cache
// and from the database, where nothing is left of it.
func TestDeadRowsGoFromEverywhere(t *testing.T) {
	t.Parallel()
	h := &hour{place: place{t: t, limit: 32 << 10}}
	m := shortLived.Open(h)
	log := &kept{}
	c := newCommitter(t, &h.place, log)
	const rows = 3000
	for i := range rows {
		m.Put(fmt.Sprint("k", i), int64(i))
		if i%100 == 99 {
			c.commit()
		}
	}
	h.now = hourMs / 2
	m.Put("k7", 7) // lives on
	c.commit()
	c.behind(0)
	h.now = hourMs
	require.False(t, m.Has("k8"))
	require.True(t, m.Has("k7"))
	seen := 0
	m.Scan(func(string, *int64) bool { seen++; return true })
	require.Equal(t, 1, seen)

	h.now += hourMs / 16
	written, commits := len(log.records), 0
	for ; c.commit() > 0; commits++ {
		require.LessOrEqual(t, len(log.records)-written, 600, "a bounded part of the work")
		written = len(log.records)
	}
	require.Greater(t, commits, rows/600)
	c.behind(0)
	last := map[string]bool{}
	for _, r := range log.records {
		last[r.key] = r.deleted
	}
	require.Len(t, last, rows)
	for k, deleted := range last {
		require.Equal(t, k != "k7", deleted, k)
	}
	require.Equal(t, 2, stored(t, h.db), "a row and its entry")

	h.now += hourMs
	require.Equal(t, 1, c.commit())
	c.behind(0)
	require.Zero(t, stored(t, h.db))
}

// stored counts the rows of a database, and what stands beside them.
func stored(t *testing.T, db state.DB) (n int) {
	it, err := db.Scan([]byte{0, 0, 0, 0, 'e'}, []byte{0, 0, 0, 0, 'f'})
	require.NoError(t, err)
	for it.Next() {
		n++
	}
	require.NoError(t, it.Close())
	it, err = db.Scan([]byte{0, 0, 0, 1}, nil)
	require.NoError(t, err)
	for it.Next() {
		n++
	}
	require.NoError(t, it.Close())
	return n
}

// A row that is written again and again has one entry for each segment in which it would have died, not for each write.
func TestRewrittenRowsHaveFewEntries(t *testing.T) {
	t.Parallel()
	h := &hour{place: place{t: t}}
	m := shortLived.Open(h)
	c := newCommitter(t, &h.place, &dropped{})
	for range 5000 {
		h.now += hourMs / 500
		m.Put("k", h.now)
		c.commit()
		c.behind(0)
		require.LessOrEqual(t, stored(t, h.db), 16+3)
	}
	require.True(t, m.Has("k"))
}

// A value without a time is one of a store that had no time to live.
func TestTTLForAnOldStore(t *testing.T) {
	t.Parallel()
	h := &hour{}
	h.t = t
	shortLived.Open(h)
	err := h.in.Restore(h.db.NewBatch(), []byte("k"), []byte("short"), 0, 1)
	require.ErrorContains(t, err, "a store that gets a TTL needs a new name")
}
