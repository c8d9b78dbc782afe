// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream"
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

// FuzzWords: whatever a text is, its word is read again as the text, and nothing else follows.
func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "a", "a b", `"`, "`", `{"a": "}"}`, "null", "@1", "\xff", "[1]x", "\\", "a\tb"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		word, rest, err := cutWord(quoted(text) + " rest")
		require.NoError(t, err)
		require.Equal(t, "rest", rest)
		got, err := plain(word)
		require.NoError(t, err)
		require.Equal(t, text, got)
		h, rest, err := parseHeader(strings.TrimPrefix(showHeaders([]stream.Header{{Key: text, Value: []byte(text)}}), " "))
		if text == "" {
			return // a header has a name
		}
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, stream.Header{Key: text, Value: []byte(text)}, h)
	})
}

// FuzzScripts: no text makes a script panic, neither when it is read nor when it is rewritten.
func FuzzScripts(f *testing.F) {
	f.Add("# a\nwatch x\ncase b c=d\nin x @1 k v h=1\n  got\nout x\n\tmore")
	f.Fuzz(func(t *testing.T, text string) {
		s := &script{topics: map[string]scriptTopic{"x": nil}}
		if _, err := s.parse(text); err != nil {
			return
		}
		for _, c := range s.cases {
			for _, cmd := range c.commands {
				cmd.ran, cmd.got = true, cmd.want
			}
		}
		again := &script{topics: s.topics}
		_, err := again.parse(s.rewritten())
		require.NoError(t, err)
		for _, c := range again.cases {
			for _, cmd := range c.commands {
				cmd.ran, cmd.got = true, cmd.want
			}
		}
		require.Equal(t, s.cases, again.cases)
	})
}
