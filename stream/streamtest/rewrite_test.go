// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Only results change, and only those of commands that ran: comments, empty lines and other cases stay as they are.
func TestRewriteKeepsTheRest(t *testing.T) {
	t.Parallel()
	s := &script{topics: map[string]scriptTopic{}}
	_, err := s.parse("# about\n\ncase a\ndrops\n  old\n  older\n# more\ndrops\ncase b\ndrops\n\tkept\n\n")
	require.NoError(t, err)
	require.Len(t, s.cases, 2)
	first, second := s.cases[0].commands[0], s.cases[0].commands[1]
	require.Equal(t, []string{"old", "older"}, first.want)
	first.ran, first.got = true, []string{"new"}
	second.ran, second.got = true, []string{"more", "of it"}
	want := "# about\n\ncase a\ndrops\n  new\n# more\ndrops\n  more\n  of it\ncase b\ndrops\n\tkept\n\n"
	require.Equal(t, want, s.rewritten())
}
