// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write what the rules find into testdata")

// TestTheTreeKeepsTheRules is the check itself. `go test ./internal/lint` prints what is to be mended.
func TestTheTreeKeepsTheRules(t *testing.T) {
	t.Parallel()
	files, err := Load(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, finding := range Check(files, Rules()) {
		t.Error(finding)
	}
}

// TestTheGuideStaysShort keeps docs/ARCHITECTURE.md something that one reads.
func TestTheGuideStaysShort(t *testing.T) {
	t.Parallel()
	const most = 400
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if os.IsNotExist(err) {
		t.Skip("there is no docs/ARCHITECTURE.md yet")
	}
	require.NoError(t, err)
	if n := strings.Count(string(guide), "\n"); n > most {
		t.Errorf("docs/ARCHITECTURE.md:%d: size: %d lines, at most %d", n, n, most)
	}
}

// TestEachRule shows what the rules find, one file of testdata per rule: the sources under "-- path --", then the
// findings under "-- found --".
func TestEachRule(t *testing.T) {
	t.Parallel()
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			golden := filepath.Join("testdata", strings.ReplaceAll(rule.Name, " ", "-")+".txt")
			text, err := os.ReadFile(golden)
			require.NoError(t, err)
			sources, want, ok := strings.Cut(string(text), "-- found --\n")
			require.True(t, ok, "%s has no -- found --", golden)
			var got strings.Builder
			for _, finding := range Check(parseAll(t, sources), []Rule{rule}) {
				got.WriteString(finding.String() + "\n")
			}
			if *rewrite {
				text = []byte(sources + "-- found --\n" + got.String())
				require.NoError(t, os.WriteFile(golden, text, 0o644))
				return
			}
			require.Equal(t, want, got.String())
			require.NotEmpty(t, want, "a rule that finds nothing is not tested")
		})
	}
}

// parseAll takes "-- path --" and the source up to the next one. %LONG% stands for 100 letters and %MANY% for 75 lines.
func parseAll(t *testing.T, text string) []*File {
	t.Helper()
	text = strings.NewReplacer("%LONG%", strings.Repeat("x", 100), "%MANY%", strings.Repeat("\n", 75)).Replace(text)
	var files []*File
	for _, part := range strings.Split("\n"+text, "\n-- ")[1:] {
		name, src, ok := strings.Cut(part, " --\n")
		require.True(t, ok, "%q", part)
		if !strings.HasSuffix(src, "\n") {
			src += "\n"
		}
		f, err := Parse(name, src)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

func TestTheTableIsRead(t *testing.T) {
	t.Parallel()
	rows, err := parseLattice("# table\na  only\nb  only a\n   + m.org/x m.org/y\nc/...\n")
	require.NoError(t, err)
	require.Equal(t, []row{
		{pkg: "a", narrowed: true},
		{pkg: "b", narrowed: true, only: []string{"a"}, modules: []string{"m.org/x", "m.org/y"}},
		{pkg: "c/..."},
	}, rows)
	_, err = parseLattice("a\nb a\n")
	require.ErrorContains(t, err, "lattice.txt:2")
}
