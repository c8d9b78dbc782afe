// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package kafkatest

import "syscall"

// childAttributes put a broker into a process group of its own, so that a person's ^C reaches us and not it.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
