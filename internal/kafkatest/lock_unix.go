// SPDX-License-Identifier: Apache-2.0

//go:build unix

package kafkatest

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile takes the lock of the file, which it creates, or says errLocked. The lock ends with unlock or the process;
// Go opens files close-on-exec, so a broker does not inherit it.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w (%w)", path, errLocked, err)
	}
	return func() { f.Close() }, nil
}
