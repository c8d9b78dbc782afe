// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream/codec"
)

var errDisk = errors.New("disk on fire")

// broken is a database whose reads fail.
type broken struct{ *memory.DB }

func (broken) Get([]byte, []byte) ([]byte, bool, error)    { return nil, false, errDisk }
func (broken) Scan([]byte, []byte) (state.Iterator, error) { return nil, errDisk }

// witness remembers what stores report.
type witness struct {
	db   state.DB
	in   state.Instance
	errs []error
}

func (w *witness) OpenStore(_ state.Spec, open func(state.Backing) state.Instance) state.Instance {
	if w.in == nil {
		w.in = open(state.Backing{
			DB: w.db, Prefix: []byte("01234567"), Fail: func(err error) { w.errs = append(w.errs, err) },
		})
	}
	return w.in
}

func (w *witness) saw(t *testing.T, want ...string) {
	t.Helper()
	require.NotEmpty(t, w.errs)
	for _, err := range w.errs {
		for _, text := range want {
			require.ErrorContains(t, err, text)
		}
	}
	w.errs = nil
}

func TestReadErrorsFailTheTask(t *testing.T) {
	t.Parallel()
	w := &witness{db: broken{memory.New()}}
	m := counts.Open(w)
	w.saw(t, `store "counts": open`, "disk on fire")
	v, ok := m.Get("k")
	require.Zero(t, v)
	require.False(t, ok)
	m.Scan(func(string, *int64) bool { return true })
	m.Prefetch([]string{"a", "b"})
	w.saw(t, `store "counts"`, "disk on fire")

	w = &witness{db: broken{memory.New()}}
	panes.Open(w).Expire(10)
	w.saw(t, `store "panes": open`, "disk on fire")
}

// picky encodes and decodes only even numbers.
var picky = codec.Func(
	func(dst []byte, v int64) ([]byte, error) {
		if v%2 != 0 {
			return dst, errors.New("odd")
		}
		return codec.Int64.Append(dst, v)
	},
	func(src []byte) (int64, error) {
		v, err := codec.Int64.Decode(src)
		if v%2 != 0 {
			return 0, errors.New("odd")
		}
		return v, err
	})

func TestCodecErrorsFailTheTask(t *testing.T) {
	t.Parallel()
	w := &witness{db: memory.New()}
	m := state.Map[int64, int64]{Name: "even", Key: picky, Value: picky}.Open(w)
	m.Get(1)
	w.saw(t, `store "even": key 1: odd`)
	v, existed := m.Upsert(1)
	require.False(t, existed)
	*v = 2 // goes nowhere
	w.saw(t, `store "even": key 1: odd`)

	m.Put(2, 1)
	_, err := w.in.Flush(&kept{})
	require.ErrorContains(t, err, `store "even": changelog: value of key 8000000000000002: odd`)

	require.NoError(t, w.in.Forget())
	b := w.db.NewBatch()
	one, err := codec.Int64.Append(nil, 1)
	require.NoError(t, err)
	require.NoError(t, w.in.Restore(b, append([]byte{0x80}, make([]byte, 7)...), one, 0, 5))
	require.NoError(t, b.Commit())
	m.Get(0)
	w.saw(t, `store "even": value of key 0: odd`)
}

func TestDamagedChangelogNamesTheOffset(t *testing.T) {
	t.Parallel()
	w := &witness{db: memory.New()}
	panes.Open(w)
	err := w.in.Restore(w.db.NewBatch(), []byte("short"), nil, 0, 4711)
	require.ErrorContains(t, err, `store "panes": changelog record at offset 4711`)
}

func TestOneNameTwoTypes(t *testing.T) {
	t.Parallel()
	w := &witness{db: memory.New()}
	counts.Open(w)
	require.PanicsWithValue(t, `two stores are named "counts" and hold different types: give each its own name`, func() {
		state.Map[string, string]{Name: "counts", Key: codec.String, Value: codec.String}.Open(w)
	})
}

func TestPlannedStoresNeedNoDatabase(t *testing.T) {
	t.Parallel()
	w := &witness{}
	counts.Open(w)
	require.Equal(t, state.Spec{Name: "counts", Kind: state.KindMap}, w.in.Spec())
	w = &witness{}
	panes.Open(w)
	require.Equal(t, state.KindWindow, w.in.Spec().Kind)
	require.Empty(t, w.errs)
}
