// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/statetest"
)

// machine has a disk that loses in a crash what was not synced: all of it, some or nothing.
type machine struct {
	fs      *vfs.MemFS
	db      *DB
	crashes uint64
}

func newMachine(t testing.TB) statetest.Machine {
	m := &machine{fs: vfs.NewCrashableMem()}
	m.start(t)
	t.Cleanup(func() { require.NoError(t, m.db.Close()) })
	return m
}

func (m *machine) start(t testing.TB) {
	var err error
	m.db, err = Open("state", Options{Memory: minMemory, fs: m.fs})
	require.NoError(t, err)
}

func (m *machine) DB() state.DB { return m.db }

func (m *machine) Crash(t testing.TB) {
	m.crashes++
	after := m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: []int{0, 50, 100}[m.crashes%3], RNG: rand.New(rand.NewPCG(m.crashes, 0)),
	})
	require.NoError(t, m.db.Close())
	m.fs = after
	m.start(t)
}

func (m *machine) Restart(t testing.TB) {
	require.NoError(t, m.db.Close())
	m.start(t)
}

func TestStores(t *testing.T) {
	t.Parallel()
	statetest.Stores(t, 20, 500, newMachine)
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	statetest.Databases(t, 10, 300, newMachine)
}

func TestLockNamesTheProcessInTheWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := Open(dir, Options{})
	require.NoError(t, err)
	_, err = Open(dir, Options{})
	require.ErrorContains(t, err, "state directory "+dir+" is in use by process ")
	require.ErrorContains(t, err, "give each process its own StateDir")
	require.NoError(t, db.Close())
	db, err = Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
}
