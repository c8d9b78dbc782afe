// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

var rewriteWindows = flag.Bool("rewrite-windows", false, "write what comes out into testdata/windows")

// TestWindowScripts runs the files of testdata/windows. Each line is a command; what it made come out stands below it,
// indented. Times are milliseconds.
//
//	windows KIND size=… advance=… grace=… emit=each|commit|close|every:… fold=text|merged disorder=… idle=… hold
//	    begins anew with such an aggregation. text writes the values down, merged does so and can merge. With hold
//	    nothing is committed until commit says so.
//	in KEY VALUE @TIME   sends a record; ∅ is a null key or value
//	commit, restart, crash before-flush|before-commit|after-commit|after-apply, wall DURATION
//	drops                tells what was dropped since windows
func TestWindowScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/windows/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			s := windowScript{t: t}
			for i, line := range strings.Split(strings.TrimSuffix(string(want), "\n"), "\n") {
				if strings.HasPrefix(line, "  ") {
					continue
				}
				s.where = fmt.Sprintf("%s:%d: %s", file, i+1, line)
				s.text = append(s.text, line)
				if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
					s.do(words)
					s.results()
				}
			}
			got := strings.Join(s.text, "\n") + "\n"
			if *rewriteWindows {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(want), got, "%s; go test ./operators -run WindowScripts -rewrite-windows writes it", file)
		})
	}
}

type windowScript struct {
	t     *testing.T
	where string
	text  []string
	hold  bool
	d     *streamtest.Driver
	in    *streamtest.In[string, string]
	panes *streamtest.Out[string, window.Pane[string]]
	late  *streamtest.Out[string, string]
}

func (s *windowScript) do(words []string) {
	s.t.Helper()
	switch words[0] {
	case "windows":
		s.begin(words[1], words[2:])
	case "in":
		at, err := strconv.ParseInt(strings.TrimPrefix(words[3], "@"), 10, 64)
		require.NoError(s.t, err, s.where)
		s.in.SendRecord(&stream.Record[string, string]{
			Key: words[1], Value: words[2], Time: at, NullKey: words[1] == "∅", NullValue: words[2] == "∅",
		})
	case "commit":
		s.d.Commit()
	case "restart":
		s.d.Restart()
	case "crash":
		step := -1
		for i := range streamtest.Steps {
			if streamtest.Step(i).String() == words[1] {
				step = i
			}
		}
		s.d.Crash(streamtest.Step(step))
	case "wall":
		by, err := time.ParseDuration(words[1])
		require.NoError(s.t, err, s.where)
		s.d.AdvanceWall(by)
	case "drops":
		var lines []string
		for why, n := range s.d.Drops() {
			lines = append(lines, fmt.Sprintf("  %s: %s: %d", why.Operator, why.Reason, n))
		}
		slices.Sort(lines)
		s.text = append(s.text, lines...)
	default:
		s.t.Fatalf("%s: no such command", s.where)
	}
}

// results writes down what is committed and was not before.
func (s *windowScript) results() {
	s.t.Helper()
	for _, r := range s.panes.Committed() {
		line := update{key: r.Key, pane: r.Value, at: r.Time}.String()
		s.text = append(s.text, "  "+line)
	}
	for _, r := range s.late.Committed() {
		s.text = append(s.text, fmt.Sprintf("  late: %s %s @%d", r.Key, r.Value, r.Time))
	}
}

func (s *windowScript) begin(kind string, settings []string) {
	s.t.Helper()
	s.hold = false
	fold, values, emit := written, map[string]time.Duration{}, window.EachUpdate
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		switch name {
		case "hold":
			s.hold = true
		case "fold":
			fold = map[string]operators.Fold[string, string]{"text": written, "merged": merged}[value]
			require.NotNil(s.t, fold.Add, s.where)
		case "emit":
			what, interval, _ := strings.Cut(value, ":")
			emit = map[string]window.Emit{
				"each": window.EachUpdate, "commit": window.PerCommit, "close": window.OnClose,
				"every": window.Every(s.ms(interval)),
			}[what]
		default:
			values[name] = s.ms(value)
		}
	}
	var w window.Kind
	switch kind {
	case "tumbling":
		w = window.Tumbling{Size: values["size"], Offset: values["offset"], Grace: values["grace"], Emit: emit}
	case "hopping":
		w = window.Hopping{
			Size: values["size"], Advance: values["advance"], Offset: values["offset"], Grace: values["grace"], Emit: emit,
		}
	case "sliding":
		w = window.Sliding{Size: values["size"], Grace: values["grace"], Emit: emit}
	case "session":
		w = window.Session{Gap: values["gap"], Grace: values["grace"], Emit: emit}
	case "unlimited":
		w = window.Unlimited{From: time.UnixMilli(values["from"].Milliseconds()), Emit: emit}
	default:
		s.t.Fatalf("%s: no such windows", s.where)
	}
	s.build(w, fold, values["disorder"], values["idle"])
}

func (s *windowScript) ms(n string) time.Duration {
	s.t.Helper()
	if n == "" {
		return 0
	}
	ms, err := strconv.ParseInt(n, 10, 64)
	require.NoError(s.t, err, s.where)
	return time.Duration(ms) * time.Millisecond
}

func (s *windowScript) build(w window.Kind, fold operators.Fold[string, string], disorder, idle time.Duration) {
	s.t.Helper()
	topo := stream.New("test")
	source := words
	source.NullValues, source.Disorder, source.Idle = true, disorder, idle
	res := operators.AggregateWindows("windowed", stream.From(topo, source), w, fold)
	stream.To(res.Out, panesOut)
	stream.To(res.Late, rest)
	opts := streamtest.Options{Now: time.UnixMilli(0)}
	if s.hold {
		opts.CommitEvery = math.MaxInt
	}
	s.d = streamtest.New(s.t, topo, opts)
	s.in = streamtest.Input(s.d, source)
	s.panes, s.late = streamtest.Output(s.d, panesOut), streamtest.Output(s.d, rest)
}
