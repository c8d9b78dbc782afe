// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Readme wants the README of the program to show its plan as Topology.Describe prints it, between the lines
// <!-- topology --> and <!-- /topology -->. With -rewrite it puts it there.
func Readme(t *testing.T, p runner.Program) {
	t.Helper()
	const begin, end = "<!-- topology -->\n```\n", "```\n<!-- /topology -->"
	topology := stream.New(p.Name)
	p.Topology(topology)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(readme), begin)
	require.True(t, found, "the README has no place for the plan")
	shown, after, found := strings.Cut(rest, end)
	require.True(t, found, "the plan in the README has no end")
	plan := strings.TrimRight(topology.Describe(), "\n") + "\n"
	if streamtest.Rewriting() {
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+plan+end+after), 0o644))
		return
	}
	require.Equal(t, plan, shown, "go test ./examples/%s -run Readme -rewrite brings it up to date", p.Name)
}
