// SPDX-License-Identifier: Apache-2.0

//go:build invariants

package invariants

// Enabled is true in checked builds (-tags invariants).
const Enabled = true
