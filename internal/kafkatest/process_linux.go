// SPDX-License-Identifier: Apache-2.0

package kafkatest

import "syscall"

// childAttributes put a broker into a process group of its own, so that a person's ^C reaches us and not it, and make
// the kernel kill it when we die without having done so.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
