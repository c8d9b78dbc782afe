// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	db := memory.New()
	c, err := state.OpenCatalogue(db)
	require.NoError(t, err)
	a, err := c.Prefix("a", 0)
	require.NoError(t, err)
	b, err := c.Prefix("b", 0)
	require.NoError(t, err)
	b7, err := c.Prefix("b", 7)
	require.NoError(t, err)
	require.Len(t, a, 8)
	require.NotEqual(t, a, b)
	require.NotEqual(t, b, b7)
	require.NotEqual(t, make([]byte, 4), a[:4], "what begins with zeros is not a store's")

	again, err := state.OpenCatalogue(db)
	require.NoError(t, err)
	same, err := again.Prefix("b", 7)
	require.NoError(t, err)
	require.Equal(t, b7, same)
	other, err := again.Prefix("c", 0)
	require.NoError(t, err)
	require.NotEqual(t, a[:4], other[:4])
	require.NotEqual(t, b[:4], other[:4])
}

func TestHeldAndDropped(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	m := counts.Open(p)
	c, err := state.OpenCatalogue(p.db)
	require.NoError(t, err)
	held, err := c.Held()
	require.NoError(t, err)
	require.Empty(t, held)

	m.Put("k", 1)
	w := newCommitter(t, p, &kept{})
	w.offset = 40
	w.commit()
	w.behind(0)
	held, err = c.Held()
	require.NoError(t, err)
	at := state.Position{Offset: 41, At: w.now.UnixMilli()}
	require.Equal(t, []state.Held{{Store: "counts", Partition: 0, Position: at}}, held)

	require.NoError(t, c.Drop("counts", 0))
	held, err = c.Held()
	require.NoError(t, err)
	require.Empty(t, held)
	require.NoError(t, p.in.Forget())
	require.False(t, m.Has("k"))
}

func TestLaterFormatIsRefused(t *testing.T) {
	t.Parallel()
	db := memory.New()
	b := db.NewBatch()
	require.NoError(t, b.Set([]byte("\x00\x00\x00\x00v"), []byte{2}))
	require.NoError(t, b.Commit())
	_, err := state.OpenCatalogue(db)
	require.ErrorContains(t, err, "format 02, this program writes 1")
}
