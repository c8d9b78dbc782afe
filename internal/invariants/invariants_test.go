// SPDX-License-Identifier: Apache-2.0

package invariants_test

import (
	"testing"

	"github.com/irmak-go/irmak/internal/invariants"
)

func TestCheckPanicsInCheckedBuildsOnly(t *testing.T) {
	t.Parallel()
	invariants.Check(true, "holds")
	defer func() {
		if p := recover(); (p != nil) != invariants.Enabled {
			t.Fatalf("panic %v, checked build %v", p, invariants.Enabled)
		}
	}()
	invariants.Check(false, "%d is not %d", 1, 2)
}
