// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// In this file a comment "mistake: text" says that Build must report what begins with that text for the line below.
// Tests name the part of the file in which they write a topology.

func topicOf(name string) stream.Topic[string, string] {
	return stream.Topic[string, string]{Name: name, Key: codec.String, Value: codec.String}
}

var numbered = stream.Topic[int64, string]{Name: "numbered", Key: codec.Int64, Value: codec.String}

// reported holds the comments between "begin name" and "end name" in this file against err: each is reported, with its
// line, and nothing else is.
func reported(t *testing.T, name string, err error) {
	t.Helper()
	src, rerr := os.ReadFile("mistakes_test.go")
	require.NoError(t, rerr)
	want := map[string]int{}
	inside := false
	for i, line := range strings.Split(string(src), "\n") {
		switch {
		case strings.Contains(line, "// begin "+name):
			inside = true
		case strings.Contains(line, "// end "+name):
			inside = false
		case inside:
			for _, text := range strings.Split(line, "// mistake: ")[1:] {
				want[fmt.Sprintf("stream/mistakes_test.go:%d: %s", i+2, strings.TrimSpace(text))]++
			}
		}
	}
	require.NotEmpty(t, want)
	require.Error(t, err)
	for _, got := range strings.Split(strings.TrimPrefix(err.Error(), "topology test: "), "\n") {
		found := false
		for text := range want {
			if strings.HasPrefix(got, text) {
				found = true
				delete(want, text)
				break
			}
		}
		require.True(t, found, "reported, but not meant: %s", got)
	}
	require.Empty(t, want, "not reported by: %v", err)
}

// Names that become durable are checked where they are given: by the line of the call, also through functions of the
// user's own and in scopes.
func TestNameMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, topicOf("in"))
	count := operators.Count[string]()
	same := func(v string) string { return v }
	// begin names
	helper := func(name string) {
		// mistake: aggregate "twice": the name is taken by the aggregate at stream/mistakes_test.go
		operators.Aggregate(name, in, count)
	}
	helper("once")
	operators.Aggregate("twice", in, count)
	helper("twice")
	// mistake: key by "once": the name is taken by the aggregate at
	operators.KeyBy("once", in, codec.String, same)
	// mistake: key by: it needs a name
	operators.KeyBy("", in, codec.String, same)
	// mistake: repartition: it needs a name
	operators.Repartition("", 3, in)
	// mistake: repartition "r": -3 partitions
	operators.Repartition("r", -3, in)
	// mistake: aggregate: it needs a name
	operators.Aggregate("", in, count)
	// mistake: to table: it needs a name
	operators.ToTable("", in, codec.String)
	// mistake: to table "white space": name "white space" becomes part of a topic's name
	operators.ToTable("white space", in, codec.String)
	// mistake: to table "xxx
	operators.ToTable(strings.Repeat("x", 200), in, codec.String)
	scope := stream.From(topo.Scope("eu"), topicOf("in-eu"))
	operators.Aggregate("n", scope, count)
	operators.Aggregate("n", stream.From(topo.Scope("us"), topicOf("in-us")), count)
	// mistake: aggregate "eu-n": the name is taken
	operators.Aggregate("n", scope, count)
	stream.TableFrom(topo, topicOf("table"))
	// mistake: to table "table": the name is taken by the table at
	operators.ToTable("table", in, codec.String)
	// mistake: versioned table "past": history is -1ms; give a whole number of milliseconds
	stream.VersionedTableFrom(topo, topicOf("past"), -time.Millisecond)
	// mistake: to versioned table "micro": history is 1µs
	operators.ToVersionedTable("micro", in, codec.String, time.Microsecond)
	// mistake: to versioned table: it needs a name
	operators.ToVersionedTable("", in, codec.String, time.Second)
	operators.ToTable("vt-history", in, codec.String)
	// mistake: to versioned table "vt": store "vt-history": the name is taken by the to table at
	operators.ToVersionedTable("vt", in, codec.String, time.Second)
	rows := state.Map[string, string]{Name: "rows", Key: codec.String, Value: codec.String}
	open := func(p *operators.Processor[string, string]) operators.Func[string, string] {
		rows.Open(p)
		return func(*stream.Record[string, string]) error { return nil }
	}
	operators.Process("p", in, open)
	// mistake: process "q": store "rows": the name is taken by the process at
	operators.Process("q", in, open)
	// end names
	reported(t, "names", topo.Build())
}

func TestTopicMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	// begin topics
	in := stream.From(topo, topicOf("in"))
	// mistake: from: topic "in" is read already at stream/mistakes_test.go
	stream.From(topo, topicOf("in"))
	// mistake: table from: topic "in" is read already at
	stream.TableFrom(topo, topicOf("in"))
	// mistake: from: the topic has no Name
	stream.From(topo, topicOf(""))
	// mistake: from: topic "a" has no Key codec
	stream.From(topo, stream.Topic[string, string]{Name: "a", Value: codec.String})
	// mistake: from: topic "b" has no Value codec
	stream.From(topo, stream.Topic[string, string]{Name: "b", Key: codec.String})
	backwards := topicOf("c")
	backwards.Disorder = -1
	// mistake: from: topic "c": Disorder is -1ns
	stream.From(topo, backwards)
	asleep := topicOf("d")
	asleep.Idle = -1
	// mistake: table from: topic "d": Idle is -1ns
	stream.TableFrom(topo, asleep)
	// mistake: to: topic "e" has no Key codec
	stream.To(in, stream.Topic[string, string]{Name: "e"})
	// mistake: to: the topic has no Name
	stream.To(in, topicOf(""))
	// mistake: to: topic "white space"
	stream.To(in, topicOf("white space"))
	// mistake: from: topic "a/b"
	stream.From(topo, topicOf("a/b"))
	stream.ToEach(in, topicOf(""), func(*stream.Record[string, string]) string { return "x" })
	// mistake: to each: there is no function that chooses the topic
	stream.ToEach(in, topicOf(""), nil)
	// end topics
	err := topo.Build()
	reported(t, "topics", err)
	require.ErrorContains(t, err, "read it once and use the stream twice")
	require.ErrorContains(t, err, "read it once: operators.ToTable makes a table of a stream")
}

func TestCodecMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in, other := stream.From(topo, topicOf("in")), stream.From(topo, topicOf("other"))
	lengths := operators.Map(in, func(v string) int64 { return int64(len(v)) })
	same := func(v string) string { return v }
	// begin codecs
	// mistake: key by "a": the codec of the values is not known
	operators.KeyBy("a", lengths, codec.Int64, func(n int64) int64 { return n })
	// mistake: repartition "b": the codec of the values is not known
	operators.Repartition("b", 2, lengths)
	operators.KeyBy("c", stream.Encode(lengths, codec.Int64), codec.Int64, func(n int64) int64 { return n })
	// mistake: key by "d": the codec of the keys is missing
	operators.KeyBy("d", in, nil, same)
	// mistake: to table "e": the codec of the values is missing
	operators.ToTable("e", in, nil)
	custom := topicOf("custom")
	custom.Key = upper{codec.String}
	operators.Merge(in, other)
	// mistake: merge: it matches topic "in", keyed by codec.stringCodec, with topic "custom"
	operators.Merge(in, stream.From(topo, custom))
	table := operators.ToTable("table", operators.KeyBy("by", other, upper{codec.String}, same), codec.String)
	// mistake: join table: it matches key by "by", keyed by
	operators.JoinTable(in, table, func(a, b string) string { return a + b })
	placed := topicOf("placed")
	placed.Partition = func(string, int32) int32 { return 0 }
	left := stream.From(topo, placed)
	placed.Name = "placed too"
	placed.Name = "placed-too"
	operators.Merge(left, stream.From(topo, placed))
	// mistake: merge: it matches topic "in", partitioned by Kafka's default, with topic "placed", partitioned by
	operators.Merge(in, left)
	// end codecs
	reported(t, "codecs", topo.Build())
}

// upper is a codec of strings that is not codec.String.
type upper struct{ codec.Codec[string] }

func TestStreamMistakes(t *testing.T) { // not parallel: a zero Stream's mistake goes to the next Build
	topo, elsewhere := stream.New("test"), stream.New("elsewhere")
	in, foreign := stream.From(topo, topicOf("in")), stream.From(elsewhere, topicOf("in"))
	var none stream.Stream[string, string]
	var noTable stream.Table[string, string]
	join := func(a, b string) string { return a + b }
	// begin streams
	// mistake: merge: an input belongs to topology "elsewhere", not to "test"
	operators.Merge(in, foreign)
	// mistake: join table: an input belongs to
	operators.JoinTable(in, stream.TableFrom(elsewhere, topicOf("table")), join)
	// mistake: merge: an input is the zero Stream
	operators.Merge(in, none)
	// mistake: join table: an input is the zero Stream
	operators.JoinTable(in, noTable, join)
	// mistake: map: its input is the zero Stream
	operators.Filter(operators.Map(none, join1), func(string) bool { return true })
	// mistake: key by: its input is the zero Stream
	operators.KeyBy("k", none, codec.String, join1)
	// mistake: aggregate: its input is the zero Stream
	operators.Aggregate("a", none, operators.Count[string]())
	// mistake: to stream: its input is the zero Stream
	operators.ToStream(noTable)
	// mistake: per commit: its input is the zero Stream
	operators.PerCommit(noTable)
	// mistake: branch: its input is the zero Stream
	operators.Branch(none, func(string) bool { return true })
	// mistake: merge: its input is the zero Stream
	operators.Merge(none, in)
	// mistake: to: its input is the zero Stream
	stream.To(none, topicOf("out"))
	// mistake: from: there is no topology
	stream.From(nil, topicOf("nil"))
	// mistake: lonely: it has no input
	stream.NewOp(topo, "lonely", "")
	// mistake: loop: the input from map is made after the operator
	loop := stream.NewOp(topo, "loop", "")
	back := stream.Out(loop, in, codec.String, codec.String)
	pass := func(t *stream.Task) stream.Next[string, string] { return back.Open(t) }
	stream.In(loop, in, pass)
	// (reported for the line of NewOp)
	stream.In(loop, operators.Map(back.Stream, join1), pass)
	// end streams
	reported(t, "streams", topo.Build())
	require.NoError(t, elsewhere.Build())
}

func join1(v string) string { return v }

func TestTopologyMistakes(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, stream.New("empty").Build(), `topology empty: topology "empty" reads no topic: begin with`)
	topo := stream.New("white space")
	stream.From(topo, topicOf("in"))
	require.ErrorContains(t, topo.Build(), `name "white space" becomes part of a topic's name`)
	topo = stream.New("")
	stream.From(topo, topicOf("in"))
	require.ErrorContains(t, topo.Build(), `topology: a durable thing needs a name`)
}

// The clocks of a sub-topology's operators travel in the metadata of its offsets, of which brokers take 4096 bytes.
// That they will not fit is known before the start, not when the first commit is refused.
func TestTooManyClocks(t *testing.T) {
	t.Parallel()
	build := func(n, length int) error {
		topo := stream.New("test")
		in := stream.From(topo, topicOf("in"))
		for i := range n {
			name := fmt.Sprintf("%s-%d", strings.Repeat("x", length), i)
			operators.Process(name, in, timed)
		}
		return topo.Build()
	}
	require.NoError(t, build(20, 100))
	require.NoError(t, build(100, 10))
	err := build(40, 100)
	require.ErrorContains(t, err, "stream/mistakes_test.go:")
	require.ErrorContains(t, err, "brokers take 4096: give the operators shorter names, or split the topology")
}

// After Build nothing is added: the plan that runs would not have it.
func TestAddedAfterBuild(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, topicOf("in"))
	stream.To(in, topicOf("out"))
	plan := topo.Describe()
	require.NoError(t, topo.Build())
	where := regexp.MustCompile(`mistakes_test.go:\d+: map is added after the topology was built`)
	operators.Map(in, join1)
	operators.Aggregate("late", in, operators.Count[string]())
	stream.From(topo, topicOf("late"))
	err := topo.Build()
	require.Regexp(t, where, err)
	require.ErrorContains(t, err, `aggregate "late" is added after`)
	require.ErrorContains(t, err, `from is added after`)
	require.Contains(t, topo.Describe(), plan[:len(plan)-1])
	require.NotContains(t, topo.Describe(), "[store late]")
}

// Two Runs of one topology may begin at once.
func TestBuildFromSeveralGoroutines(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	operators.Aggregate("n", stream.From(topo, topicOf("in")), operators.Count[string]())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { _ = topo.Build() })
	}
	all.Wait()
	require.NoError(t, topo.Build())
}

// Mistakes come in the order of the code, all at once, and Describe shows them below the plan.
func TestMistakesInOrder(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, topicOf("in"))
	operators.KeyBy("", in, codec.String, join1)
	stream.From(topo, topicOf("in"))
	operators.Aggregate("", in, operators.Count[string]())
	err := topo.Build()
	require.Regexp(t, `(?s)key by: .*\n.*topic "in" is read already.*\n.*aggregate: `, err)
	require.Regexp(t, `(?s)\nmistakes\n  .*key by: .*\n  .*aggregate: `, topo.Describe())
	require.Equal(t, err, topo.Build())
}

func TestJoinMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := stream.From(topo, topicOf("a")), stream.From(topo, topicOf("b"))
	pair := func(a, b string) string { return a + b }
	either := func(a string, _ bool, b string, _ bool) string { return a + b }
	near := window.Within{After: time.Second}
	// begin joins
	// mistake: join: it needs a name
	operators.Join("", a, b, near, pair)
	// mistake: join "empty": window.Within.Before is -1s and After 0s
	operators.Join("empty", a, b, window.Within{Before: -time.Second}, pair)
	// mistake: outer join "grace": window.Within.Grace is -1s
	operators.OuterJoin("grace", a, b, window.Within{Grace: -time.Second}, either)
	// mistake: left join "codec": the codec of the values is not known
	operators.LeftJoin("codec", a, operators.Map(b, join1), near, func(a, b string, _ bool) string { return a + b })
	custom := topicOf("custom")
	custom.Key = upper{codec.String}
	// mistake: join "keys": it matches topic "a", keyed by codec.stringCodec, with topic "custom"
	operators.Join("keys", a, stream.From(topo, custom), near, pair)
	// mistake: join "twice": store "twice-left": the name is taken by the outer join at
	operators.Join("twice", a, b, near, pair)
	operators.OuterJoin("twice-left", a, a, near, either)
	// mistake: join "zero": an input is the zero Stream
	operators.Join("zero", a, stream.Stream[string, string]{}, near, pair)
	past := operators.ToVersionedTable("past", a, codec.String, time.Second)
	// mistake: join table: it needs a name
	operators.JoinTableGrace("", b, past, time.Second, pair)
	// mistake: join table "plain": with grace the table is read as it was, so it must be versioned
	operators.JoinTableGrace("plain", b, operators.ToTable("now", a, codec.String), time.Second, pair)
	// mistake: join table "short": the table keeps a history of 1s, less than the grace of 2s
	operators.JoinTableGrace("short", b, past, 2*time.Second, pair)
	// mistake: left join table "negative": grace is -1s
	operators.LeftJoinTableGrace("negative", b, past, -time.Second, func(a, b string, _ bool) string { return a + b })
	// mistake: join table "grace-codec": the codec of the values is not known
	operators.JoinTableGrace("grace-codec", operators.Map(b, join1), past, time.Second, pair)
	// end joins
	reported(t, "joins", topo.Build())
}

func TestWindowMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in, rows := stream.From(topo, topicOf("in")), stream.TableFrom(topo, topicOf("rows"))
	whole := operators.Count[string]()
	noMerge, noRemove := whole, whole
	noMerge.Merge, noRemove.Remove = nil, nil
	same := func(_, v string) (string, bool) { return v, true }
	// begin windows
	// mistake: aggregate windows "sessions": sessions grow together
	operators.AggregateWindows("sessions", in, window.Session{Gap: time.Second}, noMerge)
	// mistake: cogroup windows "cogroup": sessions grow together
	operators.CogroupWindows("cogroup", window.Session{Gap: time.Second}, operators.Group[string]{Codec: codec.String},
		operators.With(in, func(acc, v string) string { return acc + v }))
	// mistake: group table "groups": rows leave their groups, so the fold needs a Remove function
	operators.GroupTable("groups", rows, codec.String, same, noRemove)
	// mistake: aggregate windows "a": window.Tumbling.Size is -1s
	operators.AggregateWindows("a", in, window.Tumbling{Size: -time.Second}, whole)
	// mistake: aggregate windows "b": window.Hopping.Advance is -1s
	operators.AggregateWindows("b", in, window.Hopping{Size: time.Second, Advance: -time.Second}, whole)
	// mistake: aggregate windows "c": window.Sliding.Size is -1s
	operators.AggregateWindows("c", in, window.Sliding{Size: -time.Second}, whole)
	// mistake: aggregate windows "d": window.Session.Gap is -1s
	operators.AggregateWindows("d", in, window.Session{Gap: -time.Second}, whole)
	// mistake: aggregate windows "e": window.Tumbling.Grace is -1s
	operators.AggregateWindows("e", in, window.Tumbling{Size: time.Second, Grace: -time.Second}, whole)
	// mistake: aggregate windows "f": window.Tumbling.Size is 1.5ms
	operators.AggregateWindows("f", in, window.Tumbling{Size: 1500 * time.Microsecond}, whole)
	// mistake: suppress "g": it holds updates back for -1s
	operators.Suppress("g", rows, -time.Second, operators.Limits{})
	panes := operators.AggregateWindows("h", in, window.Tumbling{Size: time.Second}, whole).Out
	// mistake: suppress until close "i": the grace is -1s
	operators.SuppressUntilClose("i", panes, -time.Second, operators.Limits{})
	// mistake: repartition "j": -1 partitions
	operators.Repartition("j", -1, in)
	three := operators.Repartition("three", 3, in)
	// mistake: repartition "five": repartition "five" has 5 partitions and repartition "three" (stream/mistakes_test.go:
	operators.Merge(three, operators.Repartition("five", 5, in))
	// end windows
	reported(t, "windows", topo.Build())
}
