// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

type payment struct {
	Card  string `json:",omitempty"`
	Cents int64
}

type profile struct{ Limit int64 }

type alert struct{ Spent, Limit int64 }

var (
	payments = stream.Topic[string, payment]{Name: "payments", Key: codec.String, Value: codec.JSON[payment]()}
	profiles = stream.Topic[string, profile]{Name: "profiles", Key: codec.String, Value: codec.JSON[profile]()}
	alerts   = stream.Topic[string, alert]{Name: "alerts", Key: codec.String, Value: codec.JSON[alert]()}
)

func limits() *stream.Topology {
	topo := stream.New("limits")
	passing := payments
	passing.NullValues = true
	cents := operators.Sum(func(p payment) int64 { return p.Cents })
	sums := operators.Aggregate("sums", stream.From(topo, passing), cents)
	above := operators.JoinTable(operators.ToStream(sums), stream.TableFrom(topo, profiles),
		func(sum int64, p profile) alert { return alert{sum, p.Limit} })
	stream.To(operators.Filter(above, func(a alert) bool { return a.Spent > a.Limit }), alerts)
	return topo
}

func TestScripts(t *testing.T) {
	t.Parallel()
	streamtest.Script(t, "testdata/*.txt", limits(),
		streamtest.Texts(payments), streamtest.Texts(profiles), streamtest.Texts(alerts))
}

// script writes a file and runs it with a fake test, through which it must fail.
func script(t *testing.T, text string, build func(testing.TB, *streamtest.Case) *stream.Topology,
	parts ...streamtest.ScriptPart) (said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bad.txt")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	tb := &fakeTB{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(errEnded) {
				panic(p)
			}
		}()
		streamtest.Cases(tb, file, build, parts...)
	}()
	return strings.ReplaceAll(tb.said, filepath.Dir(file)+"/", "")
}

// badScripts and what is said about them.
var badScripts = map[string]struct{ text, want string }{
	"empty": {"\n# nothing\n", "bad.txt:2: there is no command in the script"},
	"shows nothing": {
		"case one\nin payments a {}\ncommit",
		"bad.txt:1: the case shows nothing: add out TOPIC, st",
	},
	"no such topic": {
		"in payment a 1\nout alerts",
		`bad.txt:1: the script does not know topic "payment": give it`,
	},
	"none to watch":    {"watch alerts alarms\ncommit", `bad.txt:1: the script does not know topic "alarms"`},
	"none to read":     {"out x", `it knows: alerts, elsewhere, numbers, own, payments, profiles`},
	"topic of another": {"in elsewhere a b\ndrops", `bad.txt:1: topology limits does not read topic "elsewhere"`},
	"topic of no sink": {"\nout elsewhere", `bad.txt:2: topology limits does not write topic "elsewhere"`},
	"no such command": {
		"drops\nsend payments a 1",
		`bad.txt:2: there is no command "send"; there are advance, case`,
	},
	"no such step": {
		"drops\ncrash before",
		`bad.txt:2: a commit has no step "before"; it has before-produce, a`,
	},
	"no step":        {"drops\ncrash", "bad.txt:2: write: crash STEP"},
	"words too many": {"drops\ncommit now", "bad.txt:2: write: commit"},
	"words too few":  {"drops\nin payments @1 a", "bad.txt:2: write: in TOPIC[/PARTITION] [@TIME] KEY VALUE"},
	"no key either":  {"drops\nin payments @1", "bad.txt:2: write: in TOPIC[/PARTITION] [@TIME] KEY VALUE"},
	"no JSON": {
		"drops\nin payments @1 a b",
		"value b of topic \"payments\": it is not JSON of a streamtest_test.p",
	},
	"half a JSON": {
		"drops\nin payments @1 a {\"Cents\":",
		"what the bracket begins does not end; if it is plain te",
	},
	"JSON of another": {"drops\nin payments @1 a {\"Cts\":1}", `json: unknown field "Cts"`},
	"a wrong type": {
		"drops\nin payments @1 a {\"Cents\":\"1\"}",
		"bad.txt:2: value {\"Cents\":\"1\"} of topic",
	},
	"two values":            {"drops\nin numbers @1 1,2 x", `key 1,2 of topic "numbers": it is not JSON of a int64`},
	"a key of another type": {"drops\nin numbers @1 a x", `key a of topic "numbers"`},
	"a text that is none":   {"drops\nin numbers @1 1 x", `value x of topic "numbers": parsing time "x"`},
	"no end of quotes":      {"drops\nin payments @1 \"a {}", "the quotation does not end"},
	"no end of raw":         {"drops\nin payments @1 `a {}", "the quotation does not end"},
	"no space":              {"drops\nin payments @1 \"a\"{}", `a space is missing after "a"`},
	"bad quotes":            {"drops\nin payments @1 \"\\q\" {}", `"\q" is not quoted as in Go`},
	"no header":             {"drops\nin payments @1 a {} x", "x: behind the value come headers, name=value"},
	"no time":               {"drops\nin payments @noon a {}", "@noon is no time: write milliseconds, 12:00:05.250"},
	"too fine a time":       {"drops\nin payments @12:00:00.0001 a {}", "times are in whole milliseconds"},
	"no partition":          {"drops\nin payments/x @1 a {}", "partition x is no number"},
	"no such partition":     {"drops\nin payments/1 @1 a {}", "bad.txt:2: topic payments: partition 1 of 1"},
	"no duration":           {"drops\nadvance 10", "10 is no duration to advance the wall clock by: write 500ms"},
	"back in time":          {"drops\nadvance -10s", "-10s is no duration"},
	"half a restart":        {"drops\nrestart half", "write restart, or restart empty"},
	"no such store":         {"store sum", `bad.txt:1: topology limits has no store "sum"; it has: "profiles", "sums"`},
	"a store of what":       {"store sums now", "write: store NAME [committed]"},
	"results of nothing": {
		"drops\n\n  a b",
		"bad.txt:3: an indented line is a result, but there is no command right above",
	},
	"results of a case": {"case a\n  a b\ndrops", "bad.txt:2: an indented line is a result"},
	"watched and read": {
		"watch alerts\nout alerts",
		`bad.txt:2: topic "alerts" is watched: its records stand below`,
	},
	"no such setting": {
		"case a x=1\ndrops",
		`bad.txt:1: the case has no setting "x"; the driver's are partitions`,
	},
	"a setting twice": {
		"case a seed=1 seed=2\ndrops",
		"bad.txt:1: seed=2: a setting is written name=value, once",
	},
	"no number":           {"case a partitions=x\ndrops", "bad.txt:1: partitions=x is no number"},
	"no seed":             {"case a seed=x\ndrops", `parsing "x": invalid syntax`},
	"no guarantee":        {"case a guarantee=none\ndrops", "guarantee=none: it is exactly-once or at-least-once"},
	"no checkpoint":       {"case a checkpoint=1\ndrops", "bad.txt:1: time: missing unit"},
	"no beginning":        {"case a now=then\ndrops", "bad.txt:1: @then is no time"},
	"not what comes":      {"watch alerts\nin payments @1 a {\"Cents\":1}\n  @1 b 2", "came:\n  (nothing)"},
	"more than is wanted": {"watch payments\nin payments @1 a {\"Cents\":1}", "came:\n  payments @1 a {\"Cents\":1}"},
	"undecodable":         {"drops\nin payments @1 a `{`", "bad.txt:2: the topology has failed: "},
	"only to read":        {"drops\nin own @1 a b", `topic "own" is given as TextsAs, for reading only`},
}

func TestBadScripts(t *testing.T) {
	t.Parallel()
	numbers := stream.Topic[int64, time.Time]{Name: "numbers", Key: codec.Int64, Value: codec.Time}
	for name, c := range badScripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			elsewhere, own := in, out
			elsewhere.Name, own.Name = "elsewhere", "own"
			build := func(testing.TB, *streamtest.Case) *stream.Topology { return limits() }
			got := script(t, c.text, build, streamtest.Texts(payments), streamtest.Texts(profiles), streamtest.Texts(alerts),
				streamtest.Texts(elsewhere), streamtest.Texts(numbers),
				streamtest.TextsAs(own, func(string) string { return "" }))
			require.Contains(t, got, c.want)
			require.Contains(t, got, "bad.txt:")
		})
	}
	tb := &fakeTB{TB: t}
	said := tb.fails(t, func() { streamtest.Script(tb, "testdata/none*.txt", limits()) })
	require.Contains(t, said, "none*.txt: file does not exist")
}

// Every key and value that a script shows is read again as what it was.
func TestTextsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"a", "", " ", "null", "nil", `"`, "`", "{", "}", `{"a": 1}`, "[0,10)", "@5", "a=b", "a b", "\n", "ü", "\xff", "#",
	} {
		topo := stream.New("test")
		stream.To(stream.From(topo, in), out)
		file := filepath.Join(t.TempDir(), "texts.txt")
		line := fmt.Sprintf("@1 %q %q %q=%q", text, text, "h"+text, text)
		require.NoError(t, os.WriteFile(file, []byte("in in "+line+"\nout out\n  ?\n"), 0o644))
		tb := &fakeTB{TB: t}
		streamtest.Script(tb, file, topo, streamtest.Texts(in), streamtest.Texts(out))
		_, came, _ := strings.Cut(tb.said, "came:\n  ")
		came, _, _ = strings.Cut(came, "\n")
		require.NoError(t, os.WriteFile(file, []byte("in in "+came+"\nout out\n  "+came+"\n"), 0o644))
		tb = &fakeTB{TB: t}
		streamtest.Script(tb, file, topo, streamtest.Texts(in), streamtest.Texts(out))
		require.Empty(t, tb.said, "%q", text)
		d := streamtest.New(t, topo)
		h := []stream.Header{{Key: "h" + text, Value: []byte(text)}}
		streamtest.Input(d, in).SendRecord(&stream.Record[string, string]{Key: text, Value: text, Time: 1, Headers: h})
		require.Equal(t, text, streamtest.Output(d, out).Read()[0].Key)
	}
}

// Values of other types, null and empty headers, what a codec cannot read, and settings of the test's own.
func TestTextsOfAllTypes(t *testing.T) {
	t.Parallel()
	type keyed struct{ A, B int }
	numbers := stream.Topic[keyed, *float64]{
		Name: "in", Key: codec.JSON[keyed](), Value: codec.JSON[*float64](), NullValues: true,
	}
	copied, dead := numbers, stream.Topic[[]byte, []byte]{Name: "dead", Key: codec.Bytes, Value: codec.Bytes}
	copied.Name = "copy"
	skip := streamtest.Options{Errors: stream.Policies{Decode: stream.Policy{Action: stream.Skip}}}
	file := filepath.Join(t.TempDir(), "types.txt")
	require.NoError(t, os.WriteFile(file, []byte(`watch copy
case copy kind=plain
in in @1 {"A":1, "B":2} 0.5 empty= none=null
  copy @1 {"A":1,"B":2} 0.5 empty="" none=null
in in @2 {} nil
  copy @2 {"A":0,"B":0} nil
in in @3 {} null
  copy @3 {"A":0,"B":0} null
in in @4 `+"`{` `{`"+`
drops
  from "in": decode error: 1
`), 0o644))
	tb := &fakeTB{TB: t}
	streamtest.Cases(tb, file, func(tb testing.TB, c *streamtest.Case) *stream.Topology {
		require.Equal(t, "copy", c.Name)
		require.Equal(t, "plain none", c.Setting("kind", "")+" "+c.Setting("other", "none"))
		topo := stream.New("test")
		stream.To(stream.From(topo, numbers), copied)
		return topo
	}, skip, streamtest.Texts(numbers), streamtest.Texts(copied), streamtest.Texts(dead))
	require.Empty(t, tb.said)
}
