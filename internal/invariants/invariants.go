// SPDX-License-Identifier: Apache-2.0

// Package invariants holds the assertions of checked builds. A type that is durable or shared numbers its
// invariants in its doc comment; each of them is a Check somewhere. Without -tags invariants the checks cost nothing.
package invariants

import "fmt"

// Check panics in checked builds when ok is false. On a hot path stand it behind `if invariants.Enabled`, so that
// the arguments are not evaluated in ordinary builds either.
func Check(ok bool, format string, args ...any) {
	if Enabled && !ok {
		panic("invariant broken: " + fmt.Sprintf(format, args...))
	}
}
