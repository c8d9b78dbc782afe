// SPDX-License-Identifier: Apache-2.0

package lint

// Rules are all of them, in the order of CONTRIBUTING.md.
func Rules() []Rule {
	return []Rule{
		{"format", perFile(format)},
		{"spdx", perFile(spdx)},
		{"size", perFile(size)},
		{"lattice", lattice},
		{"clock", perFile(wallClock)},
		{"exit", perFile(exit)},
		{"open end", perFile(openEnd)},
		{"doc", docs},
		{"config", perFile(config)},
		{"table", tables},
	}
}
