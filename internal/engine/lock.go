// SPDX-License-Identifier: Apache-2.0

//go:build unix

package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// dirLock is a lock on a file that ends with the process, however it ends.
type dirLock struct{ file *os.File }

// lockDir takes the lock of path, or says which process has it.
func lockDir(path string) (*dirLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // only for the message
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s", errInUse, strings.TrimSpace(string(holder[:n])))
		}
		return nil, err
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
		if err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return &dirLock{f}, nil
}

// release gives the lock up. The file stays: removing it would let two processes lock two files of one name.
func (l *dirLock) release() error { return l.file.Close() }
