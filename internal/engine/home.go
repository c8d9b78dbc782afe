// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// home is the directory that makes a process the same one after a restart: its database and its instance id, which is
// part of the transactional ids, so that a restart fences its own unfinished transaction at once.
//
// Owner: the process, from open to close.
//
//  1. While a home is open no other process has it open: lock is held.
//  2. The instance id never changes once it is written.
type home struct {
	dir      string
	instance string
	lock     *dirLock
}

// errInUse means that another process holds the lock of a directory.
var errInUse = errors.New("in use")

// maxSlots bounds the search for a free default directory: more processes of one application on one machine should be
// given directories on purpose.
const maxSlots = 64

// openHome opens dir, or without one the first directory <temporary>/irmak/<app>/<n> that no process is using. Default
// directories survive the process, not always the machine's restart; then state is restored from the changelogs.
func openHome(dir, app string) (*home, error) {
	if dir != "" {
		return lockHome(dir)
	}
	base := filepath.Join(os.TempDir(), "irmak", app)
	for slot := range maxSlots {
		h, err := lockHome(filepath.Join(base, fmt.Sprint(slot)))
		if err == nil || !errors.Is(err, errInUse) {
			return h, err
		}
	}
	return nil, fmt.Errorf("%d processes use the default state directories below %s: give this one a StateDir",
		maxSlots, base)
}

func lockHome(dir string) (*home, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory %s cannot be made: %w: choose one that this user may write", dir, err)
	}
	lock, err := lockDir(filepath.Join(dir, "LOCK"))
	if err != nil {
		if errors.Is(err, errInUse) {
			return nil, fmt.Errorf("state directory %s is %w: give each process its own StateDir", dir, err)
		}
		return nil, fmt.Errorf("state directory %s cannot be written: %w: choose one that this user may write", dir, err)
	}
	instance, err := instanceID(filepath.Join(dir, "instance"))
	if err != nil {
		_ = lock.release()
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	return &home{dir: dir, instance: instance, lock: lock}, nil
}

func (h *home) database() string { return filepath.Join(h.dir, "db") }

func (h *home) close() error { return h.lock.release() }

// idBytes make instance ids unique without a registry.
const idBytes = 8

// instanceID reads the id in path, or makes one. It is written to a file of its own first: a crash leaves a whole id
// or none.
func instanceID(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		if id := strings.TrimSpace(string(b)); len(id) == hex.EncodedLen(idBytes) {
			return id, nil
		}
		return "", fmt.Errorf("%s does not hold an instance id: remove it, and unfinished transactions of this instance "+
			"time out instead of being aborted at once", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	raw := make([]byte, idBytes)
	_, _ = rand.Read(raw) // never fails, says its documentation
	id := hex.EncodeToString(raw)
	draft := path + ".new"
	if err := writeSynced(draft, id+"\n"); err != nil {
		return "", err
	}
	return id, os.Rename(draft, path)
}

// writeSynced writes a file that is whole after a power loss, or not there under its final name.
func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
