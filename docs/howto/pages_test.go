// SPDX-License-Identifier: Apache-2.0

package howto

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each block of Go code in a page stands, as it is, in the test file named after the page. The index has the page.
func TestPagesShowWhatIsTested(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("README.md")
	require.NoError(t, err)
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```")
	for _, name := range pages {
		if name == "README.md" {
			continue
		}
		require.Contains(t, string(index), "("+name+")", "the index lacks the page")
		page, err := os.ReadFile(name)
		require.NoError(t, err)
		file := strings.ReplaceAll(strings.TrimSuffix(name, ".md"), "-", "_") + "_test.go"
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		found := blocks.FindAllSubmatch(page, -1)
		require.NotEmpty(t, found, "%s has no code", name)
		for _, block := range found {
			require.Contains(t, string(code), string(block[1]), "%s shows what %s does not have", name, file)
		}
	}
}
