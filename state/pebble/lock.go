// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/irmak-go/irmak/internal/clock"
)

// ownerFile says, for people, who holds the lock and since when. It is not the lock: it stays behind after a crash.
const ownerFile = "OWNER"

// lock is the exclusive use of a directory.
type lock struct {
	held *pebble.Lock
	fs   vfs.FS
	file string
}

// lockDir locks dir for this process.
func lockDir(fs vfs.FS, dir string, c clock.Clock) (*lock, error) {
	file := fs.PathJoin(dir, ownerFile)
	held, err := pebble.LockDirectory(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("state directory %s is in use by %s: give each process its own StateDir (%w)",
			dir, owner(fs, file), err)
	}
	l := &lock{held, fs, file}
	text := fmt.Sprintf("process %d (lock held since %s)\n", os.Getpid(), c.Now().Format(time.RFC3339))
	if err := l.sign(text); err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", dir, err), held.Close())
	}
	return l, nil
}

func (l *lock) sign(text string) error {
	f, err := l.fs.Create(l.file, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// owner reads who is in the way.
func owner(fs vfs.FS, file string) string {
	f, err := fs.Open(file)
	if err != nil {
		return "another process"
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 200))
	if err != nil || len(text) == 0 {
		return "another process"
	}
	return strings.TrimSpace(string(text))
}

func (l *lock) release() error {
	err := l.fs.Remove(l.file)
	return errors.Join(err, l.held.Close())
}
