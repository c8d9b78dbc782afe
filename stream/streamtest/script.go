// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/irmak-go/irmak/stream"
)

func init() {
	if testing.Testing() && flag.Lookup("rewrite") == nil {
		flag.Bool("rewrite", false, "write what comes out into the golden files instead of comparing with them")
	}
}

// Rewriting says whether the test was given -rewrite: golden files are to be written, not compared. The flag is this
// package's; tests that have golden files of their own ask here instead of defining it once more.
func Rewriting() bool {
	f := flag.Lookup("rewrite")
	return f != nil && f.Value.String() == "true"
}

// ScriptPart is what a script has to know: Texts and TextsAs of its topics, and Options.
type ScriptPart interface {
	partOf(s *script) // adds it to a script
}

// Script runs a topology through the script files that pattern matches, such as "testdata/fraud.txt" or
// "testdata/*.txt", and compares what comes out with what stands there; `go test -rewrite` writes it there. The topics
// that scripts name are given as Texts. Each case of a file is a test of its own, on empty topics. The form of the
// files is told in docs/scripts.md.
//
//	streamtest.Script(t, "testdata/fraud.txt", topology, streamtest.Texts(payments), streamtest.Texts(alerts))
//
//	# testdata/fraud.txt
//	case one payment too many
//	in payments @12:00:00 card-1 {"Cents":900}
//	in payments @12:00:05.250 card-1 {"Cents":200}
//	out alerts
//	  @12:00:05.250 card-1 {"Spent":1100}
func Script(tb testing.TB, pattern string, topology *stream.Topology, parts ...ScriptPart) {
	tb.Helper()
	Cases(tb, pattern, func(testing.TB, *Case) *stream.Topology { return topology }, parts...)
}

// Cases is Script for files in which each case has a topology of its own, made from the words and settings that stand
// behind "case". The testing.TB that build gets adds file and line to what it says.
func Cases(tb testing.TB, pattern string, build func(tb testing.TB, c *Case) *stream.Topology, parts ...ScriptPart) {
	tb.Helper()
	files, err := filepath.Glob(pattern)
	if err == nil && len(files) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		tb.Fatalf("scripts %s: %v", pattern, err)
	}
	for _, file := range files {
		inTest(tb, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), func(tb testing.TB) {
			tb.Helper()
			s := &script{file: file, build: build, topics: map[string]scriptTopic{}}
			for _, p := range parts {
				p.partOf(s)
			}
			s.run(tb)
		})
	}
}

// inTest runs f as a test below tb, where tb can have one.
func inTest(tb testing.TB, name string, f func(tb testing.TB)) {
	tb.Helper()
	if t, ok := tb.(*testing.T); ok {
		t.Run(name, func(t *testing.T) { f(t) })
		return
	}
	f(tb)
}

// Case is one case of a script: what stands behind the word "case".
type Case struct {
	// Name is the words without those of the form name=value.
	Name     string
	line     int
	settings map[string]string
	used     map[string]bool
	commands []*command
}

// Setting is the value of a word name=value of the case, def when there is none. Settings that neither the driver nor
// the topology's build function asks for are a mistake in the file.
func (c *Case) Setting(name, def string) string {
	c.used[name] = true
	if v, ok := c.settings[name]; ok {
		return v
	}
	return def
}

// unused is a setting that nobody has asked for.
func (c *Case) unused() (name string, ok bool) {
	for name := range c.settings {
		if !c.used[name] {
			return name, true
		}
	}
	return "", false
}

// partOf implements ScriptPart: the settings of the driver for all cases.
func (o Options) partOf(s *script) { s.opts = o }

// script is a file of cases.
type script struct {
	file   string
	build  func(testing.TB, *Case) *stream.Topology
	opts   Options
	topics map[string]scriptTopic

	lines []string
	cases []*Case
}

// command is one line that does something, with the lines below it that it shall give.
type command struct {
	line    int // from 1
	text    string
	watched []string // topics whose records are among the results
	want    []string
	got     []string
	ran     bool
}

func (s *script) run(tb testing.TB) {
	tb.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		tb.Fatal(err)
	}
	if line, err := s.parse(string(text)); err != nil {
		tb.Fatalf("%s:%d: %v", s.file, line, err)
	}
	for _, c := range s.cases {
		inTest(tb, testName(c), func(tb testing.TB) {
			tb.Helper()
			r := &scriptRun{script: s, c: c, TB: tb, line: c.line}
			r.run()
		})
	}
	if Rewriting() {
		if err := os.WriteFile(s.file, []byte(s.rewritten()), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
}

// testName is the name of the case's test.
func testName(c *Case) string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("line %d", c.line)
}

// parse cuts a file into cases. The error is of the given line.
func (s *script) parse(text string) (line int, err error) {
	s.lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var watched []string
	var last *command // the one that results stand below
	for i, text := range s.lines {
		indented := strings.TrimLeft(text, " \t") != text
		text = strings.TrimSpace(text)
		word, rest := cutField(text)
		switch {
		case text == "" || text[0] == '#' && !indented:
			last = nil
		case indented && last == nil:
			return i + 1, fmt.Errorf("an indented line is a result, but there is no command right above it")
		case indented:
			last.want = append(last.want, text)
		case word == "case":
			last = nil
			if err := s.begin(i+1, rest); err != nil {
				return i + 1, err
			}
		case word == "watch":
			last, watched = nil, strings.Fields(rest)
			for _, topic := range watched {
				if _, err := s.topic(topic); err != nil {
					return i + 1, err
				}
			}
		default:
			if len(s.cases) == 0 {
				_ = s.begin(i+1, "")
			}
			c := s.cases[len(s.cases)-1]
			last = &command{line: i + 1, text: text, watched: watched}
			c.commands = append(c.commands, last)
		}
	}
	if len(s.cases) == 0 {
		return len(s.lines), fmt.Errorf("there is no command in the script")
	}
	for _, c := range s.cases {
		if !slices.ContainsFunc(c.commands, (*command).shows) {
			return c.line, fmt.Errorf("the case shows nothing: add out TOPIC, store NAME or drops, or watch TOPIC before it")
		}
	}
	return 0, nil
}

// begin adds a case.
func (s *script) begin(line int, text string) error {
	c := &Case{line: line, settings: map[string]string{}, used: map[string]bool{}}
	var words []string
	for _, word := range strings.Fields(text) {
		name, value, ok := strings.Cut(word, "=")
		switch _, twice := c.settings[name]; {
		case !ok:
			words = append(words, word)
		case name == "" || twice:
			return fmt.Errorf("%s: a setting is written name=value, once", word)
		default:
			c.settings[name] = value
		}
	}
	c.Name = strings.Join(words, " ")
	s.cases = append(s.cases, c)
	return nil
}

// shows says whether a command is there to be compared.
func (c *command) shows() bool {
	word, _ := cutField(c.text)
	return len(c.watched) > 0 || word == "out" || word == "store" || word == "drops"
}

// topic is a registered topic.
func (s *script) topic(name string) (scriptTopic, error) {
	t, ok := s.topics[name]
	if !ok {
		known := make([]string, 0, len(s.topics))
		for name := range s.topics {
			known = append(known, name)
		}
		slices.Sort(known)
		return nil, fmt.Errorf("the script does not know topic %q: give it streamtest.Texts of it; it knows: %s",
			name, strings.Join(known, ", "))
	}
	return t, nil
}

// rewritten is the file with what came out of the commands that ran.
func (s *script) rewritten() string {
	results := map[int]*command{}
	for _, c := range s.cases {
		for _, cmd := range c.commands {
			results[cmd.line] = cmd
		}
	}
	var out strings.Builder
	for i := 0; i < len(s.lines); i++ {
		out.WriteString(s.lines[i] + "\n")
		cmd := results[i+1]
		if cmd == nil || !cmd.ran {
			continue
		}
		for _, line := range cmd.got {
			out.WriteString("  " + line + "\n")
		}
		i += len(cmd.want)
	}
	return out.String()
}
