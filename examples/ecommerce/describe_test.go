// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// The README shows the plan as it is.
func TestReadmeShowsTheTopology(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- topology -->\n```\n", "```\n<!-- /topology -->"
	topology := stream.New(application)
	shop(topology)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(readme), begin)
	require.True(t, found)
	shown, after, found := strings.Cut(rest, end)
	require.True(t, found)
	plan := strings.TrimRight(topology.Describe(), "\n") + "\n"
	if streamtest.Rewriting() {
		require.NoError(t, os.WriteFile("README.md", []byte(before+begin+plan+end+after), 0o644))
		return
	}
	require.Equal(t, plan, shown, "go test ./examples/ecommerce -run Readme -rewrite brings it up to date")
}
