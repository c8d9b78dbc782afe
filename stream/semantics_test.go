// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// directories are where the packages lie that docs/semantics.md names.
var directories = map[string]string{
	"stream": "stream", "operators": "operators", "window": "window", "task": "internal/task", "graph": "internal/graph",
	"kafka": "internal/kafka", "changelog": "internal/changelog", "e2e": "internal/e2e", "engine": "internal/engine",
	"state": "state", "memory": "state/memory", "pebble": "state/pebble",
}

// scripts is where the scripts lie that docs/semantics.md names.
const scripts = "../operators/testdata"

var (
	aTest   = regexp.MustCompile("`(\\w+\\.Test\\w+)`")
	aScript = regexp.MustCompile("`([\\w/-]+\\.txt)(?:: ([^`]+))?`")
)

// TestSemanticsAreShown holds docs/semantics.md against the code: each row names a test or a script, and each that it
// names is there.
func TestSemanticsAreShown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/semantics.md")
	require.NoError(t, err)
	tests, cases := namedTests(t), namedCases(t)
	used := map[string]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| rule |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		require.Len(t, cells, 3, "docs/semantics.md:%d: a row is rule, operators, test", i+1)
		n := 0
		for _, m := range aTest.FindAllStringSubmatch(cells[2], -1) {
			n++
			require.True(t, tests[m[1]], "docs/semantics.md:%d names %s, which there is not", i+1, m[1])
		}
		for _, m := range aScript.FindAllStringSubmatch(cells[2], -1) {
			n++
			require.Contains(t, cases, m[1], "docs/semantics.md:%d", i+1)
			used[m[1]] = true
			require.True(t, begins(cases[m[1]], m[2]), "docs/semantics.md:%d: no case of %s begins with %q", i+1, m[1], m[2])
		}
		require.Positive(t, n, "docs/semantics.md:%d: no test shows it", i+1)
	}
	for name := range cases {
		require.True(t, used[name], "docs/semantics.md: no row names the script %s", name)
	}
	for name := range tests {
		if strings.HasPrefix(name, "operators.TestBetter") {
			require.Contains(t, string(text), name, "a place that is better than the reference belongs into docs/semantics.md")
		}
	}
}

func begins(cases []string, with string) bool {
	for _, c := range cases {
		if strings.HasPrefix(c, with) {
			return true
		}
	}
	return false
}

// namedTests are the tests of all packages.
func namedTests(t *testing.T) map[string]bool {
	t.Helper()
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
	return there
}

// namedCases are the cases of the operators' scripts by file, without the first word, which names the topology.
func namedCases(t *testing.T) map[string][]string {
	t.Helper()
	cases := map[string][]string{}
	for _, dir := range []string{"", "windows"} {
		files, err := filepath.Glob(filepath.Join(scripts, dir, "*.txt"))
		require.NoError(t, err)
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			name := filepath.ToSlash(filepath.Join(dir, filepath.Base(file)))
			for _, m := range regexp.MustCompile(`(?m)^case \S+ ?(.*)$`).FindAllStringSubmatch(string(src), -1) {
				cases[name] = append(cases[name], m[1])
			}
		}
	}
	return cases
}
