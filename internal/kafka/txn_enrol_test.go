// SPDX-License-Identifier: Apache-2.0

package kafka

import "testing"

// An abort that came while the group was being enrolled waited for ever: the group was enrolled, and nobody wanted it.
func TestAGroupThatNobodyWantsAnyMoreIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	x := transaction{wanted: "app", enrolling: true}
	if x.quiet() {
		t.Fatal("a request is under way")
	}
	x.pending, x.wanted = nil, x.enrolled  // Abort
	x.enrolling, x.enrolled = false, "app" // the answer
	if !x.quiet() {
		t.Fatal("nothing is under way or due")
	}
}
