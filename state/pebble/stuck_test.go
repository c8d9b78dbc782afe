// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
)

// onDisk opens a database on a disk that is full while full is set.
func onDisk(t *testing.T) (db *DB, full *atomic.Bool, c *clock.Manual) {
	full, c = &atomic.Bool{}, clock.NewManual(time.Unix(1_800_000_000, 0))
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpFileWrite) &&
			!strings.Contains(op.Path, ownerFile) {
			return syscall.ENOSPC
		}
		return nil
	}))
	db, err := Open("state", Options{Memory: minMemory, Clock: c, fs: fs})
	require.NoError(t, err)
	return db, full, c
}

func set(t *testing.T, db *DB, size int) error {
	b := db.NewBatch()
	require.NoError(t, b.Set([]byte("k"), make([]byte, size)))
	err := b.Commit()
	require.NoError(t, b.Close())
	return err
}

// givesUp moves the clock until done has an error.
func givesUp(t *testing.T, c *clock.Manual, done <-chan error) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		c.Advance(time.Second)
		select {
		case err = <-done:
			return true
		default:
			return false
		}
	}, time.Minute, time.Millisecond)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "make room on its disk")
}

func TestFlushOnAFullDisk(t *testing.T) {
	t.Parallel()
	db, full, c := onDisk(t)
	full.Store(true)
	require.NoError(t, set(t, db, 1), "only in memory")
	done := make(chan error, 1)
	go func() { done <- db.Flush() }()
	givesUp(t, c, done)
	require.ErrorIs(t, set(t, db, 1), syscall.ENOSPC)
	require.ErrorIs(t, db.Close(), syscall.ENOSPC)
}

// A writer waits inside of Pebble for a memtable; it gets out as well.
func TestCommitOnAFullDisk(t *testing.T) {
	t.Parallel()
	db, full, c := onDisk(t)
	full.Store(true)
	done := make(chan error, 1)
	go func() {
		for {
			if err := set(t, db, 100_000); err != nil {
				done <- err
				return
			}
		}
	}()
	givesUp(t, c, done)
	require.ErrorIs(t, db.Close(), syscall.ENOSPC)
	full.Store(false)
}

func TestDiskThatHasRoomAgain(t *testing.T) {
	t.Parallel()
	db, full, c := onDisk(t)
	full.Store(true)
	require.NoError(t, set(t, db, 1))
	done := make(chan error, 1)
	go func() { done <- db.Flush() }()
	require.Eventually(t, func() bool {
		db.watch.mu.Lock()
		defer db.watch.mu.Unlock()
		return !db.watch.since.IsZero()
	}, time.Minute, time.Millisecond)
	c.Advance(stuckAfter - time.Second)
	full.Store(false)
	require.NoError(t, <-done)
	c.Advance(stuckAfter)
	require.NoError(t, set(t, db, 1))
	require.NoError(t, db.Close())
}
