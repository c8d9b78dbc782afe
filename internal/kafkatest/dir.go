// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"errors"
	"os"
	"path/filepath"
)

const dirPattern = "irmak-kafka-*"

// makeDir makes a temporary directory that is locked until unlock or the end of this process, and removes those whose
// processes did not live to do it themselves.
func makeDir() (dir string, unlock func(), err error) {
	sweep(filepath.Join(os.TempDir(), dirPattern))
	if dir, err = os.MkdirTemp("", dirPattern); err != nil {
		return "", nil, err
	}
	// The file gets its name when it is locked: under this name nobody ever sees it free while we live. The lock
	// belongs to the file, not to the name.
	fresh := filepath.Join(dir, "lock.new")
	if unlock, err = lockFile(fresh); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err = os.Rename(fresh, filepath.Join(dir, "lock")); err != nil {
		unlock()
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, unlock, nil
}

// sweep removes the directories that match pattern and hold a lock that nobody has.
func sweep(pattern string) {
	dirs, _ := filepath.Glob(pattern)
	for _, dir := range dirs {
		lock := filepath.Join(dir, "lock")
		if _, err := os.Stat(lock); err != nil {
			continue // somebody is just making it, or removing it
		}
		if unlock, err := lockFile(lock); err == nil {
			_ = os.RemoveAll(dir) // a file of somebody else's stays; the next one tries again
			unlock()
		}
	}
}
