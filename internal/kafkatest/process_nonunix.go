// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package kafkatest

import (
	"fmt"
	"syscall"
)

func childAttributes() *syscall.SysProcAttr { return nil }

func lockFile(string) (func(), error) {
	return nil, fmt.Errorf("%w: it needs the file locks of a Unix system", errMissing)
}
