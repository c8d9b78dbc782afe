// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// directories are where the packages lie that docs/semantics.md names.
var directories = map[string]string{
	"stream": "stream", "operators": "operators", "window": "window", "task": "internal/task", "graph": "internal/graph",
	"kafka": "internal/kafka", "e2e": "internal/e2e", "state": "state", "memory": "state/memory", "pebble": "state/pebble",
}

// TestSemanticsAreShown holds the tests that docs/semantics.md names against those that there are.
func TestSemanticsAreShown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/semantics.md")
	require.NoError(t, err)
	there := map[string]bool{}
	for pkg, dir := range directories {
		files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
		require.NoError(t, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(src), -1) {
				there[pkg+"."+m[1]] = true
			}
		}
	}
	named := regexp.MustCompile("`(\\w+\\.Test\\w+)`").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		require.True(t, there[m[1]], "docs/semantics.md names %s, which there is not", m[1])
	}
}
