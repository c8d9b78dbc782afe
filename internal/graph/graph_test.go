// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out into testdata")

// The cases of testdata/split.txt begin with "== what it shows". A line "name = kind input…" adds a node: source with
// the topic's partitions, exchange with how many it is to have, op, join (its inputs are matched by key), sink. A
// source may be "keyed by" a codec and "placed by" a function. Below "--" stands what Split, PartitionCounts and
// Validate make of it.
func TestSplitAndPartitionCounts(t *testing.T) {
	t.Parallel()
	const file = "testdata/split.txt"
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, _ := strings.Cut(string(src), "\n== ")
	out := head
	for _, c := range strings.Split(rest, "\n== ") {
		title, body, _ := strings.Cut(c, "\n")
		script, _, _ := strings.Cut(body, "--\n")
		got := interpret(t, script)
		require.Equal(t, got, interpret(t, script), "the same program is split alike each time: %s", title)
		out += "\n== " + title + "\n" + script + "--\n" + got
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(out), 0o644))
		return
	}
	require.Equal(t, string(src), out)
}

// interpret builds the graph of a script and says what is known of it.
func interpret(t *testing.T, script string) string {
	t.Helper()
	g := New("app")
	nodes := map[string]*Node{}
	existing := map[string]int32{}
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		words := strings.Fields(line)
		n := &Node{Kind: words[2], Where: fmt.Sprintf("line %d", i+1)}
		words = attributes(n, words)
		for _, w := range words[3:] {
			switch count, err := strconv.Atoi(w); {
			case err == nil:
				n.Partitions = int32(count)
			default:
				require.Contains(t, nodes, w, line)
				n.In = append(n.In, nodes[w])
			}
		}
		switch n.Kind {
		case "source":
			n.Role, n.Topic = Source, words[0]
			existing[n.Topic], n.Partitions = n.Partitions, 0
		case "exchange":
			n.Role, n.Name = Exchange, words[0]
		case "sink":
			n.Role, n.Topic = Sink, words[0]
		case "join":
			n.Matched = true
		}
		nodes[words[0]] = g.Add(n)
	}
	return summary(g, existing)
}

// attributes takes "keyed by x" and "placed by x" out of a line.
func attributes(n *Node, words []string) []string {
	for {
		at := slices.Index(words[2:], "by") + 2
		if at < 3 {
			return words
		}
		if words[at-1] == "keyed" {
			n.KeyCodec = words[at+1]
		} else {
			n.Placed = words[at+1]
		}
		words = slices.Delete(words, at-1, at+2)
	}
}

func summary(g *Graph, existing map[string]int32) string {
	var b strings.Builder
	perSub, exchanges, err := g.PartitionCounts(existing)
	for i, s := range g.Split() {
		fmt.Fprintf(&b, "sub %d reads %s", s.Index, strings.Join(s.Topics(g.Name), " "))
		if err == nil {
			fmt.Fprintf(&b, ", %d tasks", perSub[i])
		}
		for _, n := range s.Echoes {
			fmt.Fprintf(&b, ", %s is an echo", cmp.Or(n.Name, n.Topic))
		}
		b.WriteString("\n")
	}
	for _, name := range slices.Sorted(maps.Keys(exchanges)) {
		fmt.Fprintf(&b, "%s has %d partitions\n", name, exchanges[name])
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	if err := g.Validate(); err != nil {
		fmt.Fprintf(&b, "mistake: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nmistake: "))
	}
	return b.String()
}

// What an operator's records reach, and whether these hear of a record through it alone.
func TestPassage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string // letters and those of their inputs; S and R sources, X exchange, T and U sinks, else operators
		below  string
		alone  bool
	}{
		"a chain":                   {"S aS bS nab cn Tc", "cT", true},
		"a branch beside":           {"S nS Tn bS Ub", "T", true},
		"a diamond":                 {"S nS an bS cab Tc", "acT", false},
		"a diamond below":           {"S nS an bn cab Tc", "abcT", true},
		"a topic":                   {"S nS Tn bS Tb", "T", false},
		"another source":            {"S R nS cnR Tc", "cT", true},
		"an exchange below":         {"S nS Xn cX Tc", "X", true},
		"an exchange above":         {"S Xs nX cn Tc", "cT", true},
		"two paths to the operator": {"S aS bS nab Tn", "T", true},
		"past an exchange":          {"S nS an XS cXa Tc", "acT", true},
	} {
		g, nodes := New("app"), map[rune]*Node{}
		for i, word := range strings.Fields(c.script) {
			role := map[byte]Role{'S': Source, 'R': Source, 'X': Exchange, 'T': Sink, 'U': Sink}[word[0]]
			n := &Node{Kind: word[:1], Role: role, Topic: word[:1], Where: fmt.Sprint(i)}
			for _, in := range word[1:] {
				n.In = append(n.In, nodes[in])
			}
			nodes[rune(word[0])] = g.Add(n)
		}
		ids, alone := g.Passage(nodes['n'])
		below := ""
		for _, id := range ids {
			below += g.Nodes[id].Kind
		}
		require.Equal(t, c.below, below, name)
		require.Equal(t, c.alone, alone, name)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a": "", "A-b.c_9": "", strings.Repeat("x", nameLimit): "",
		"": "needs a name", ".": "becomes part", "..": "becomes part", "a b": "becomes part", "ä": "becomes part",
		"a/b": "becomes part", "a\x00": "becomes part", strings.Repeat("x", nameLimit+1): "is 119 characters long",
	} {
		err := checkName(name)
		if want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, want, name)
	}
	require.NoError(t, CheckTopic(strings.Repeat("x", topicLimit)))
	require.ErrorContains(t, CheckTopic(strings.Repeat("x", topicLimit+1)), "at most 249")
	require.ErrorContains(t, CheckTopic("a b"), `topic "a b"`)
	require.ErrorContains(t, CheckTopic(""), "no Name")
	longest := strings.Repeat("x", nameLimit)
	require.NoError(t, CheckTopic(ChangelogName(longest, longest)))
	require.NoError(t, CheckTopic((&Node{Role: Exchange, Name: longest}).TopicName(longest)))
}

func TestClaims(t *testing.T) {
	t.Parallel()
	g := New("app")
	a := g.Add(&Node{Role: Source, Kind: "a", Name: "a", Where: "x.go:1"})
	b := g.Add(&Node{Kind: "b", Name: "b", Where: "x.go:2", In: []*Node{a}})
	g.Claim(a, "a") // its own name, for its store
	a.Stores = append(a.Stores, "a")
	g.Claim(b, "a")
	g.Claim(b, "a") // said once
	g.Claim(a, "a")
	g.Claim(b, "s")
	g.Add(&Node{Kind: "c", Name: "s", Where: "x.go:3", In: []*Node{a}})
	err := g.Validate()
	for i, want := range []string{
		`x.go:1: a "a": it opens the store "a" twice; open it once per task and keep the handle`,
		`x.go:2: b "b": store "a": the name is taken by the a at x.go:1; durable things are found again by their names`,
		`x.go:3: c "s": the name is taken by the b at x.go:2; durable things are found again by their names`,
	} {
		require.Contains(t, strings.Split(err.Error(), "\n")[i], want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
	require.True(t, g.Faulty(a))
	require.False(t, New("app").Faulty(a))
}

func TestShortFile(t *testing.T) {
	t.Parallel()
	require.Equal(t, "pkg/file.go", ShortFile("/home/me/src/pkg/file.go"))
	require.Equal(t, "file.go", ShortFile("file.go"))
}
