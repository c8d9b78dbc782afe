// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

var (
	in  = stream.Topic[string, string]{Name: "in", Key: codec.String, Value: codec.String}
	out = stream.Topic[string, string]{Name: "out", Key: codec.String, Value: codec.String}
)

// pipe is a topology that gives f of each value.
func pipe(f func(string) string) *stream.Topology {
	topo := stream.New("test")
	stream.To(operators.Map(stream.From(topo, in), f), out)
	return topo
}

func same(v string) string { return v }

func values(records []streamtest.Record[string, string]) string {
	var got []string
	for _, r := range records {
		got = append(got, r.Value)
	}
	return strings.Join(got, " ")
}

func TestACommitFollowsSoManyRecords(t *testing.T) {
	t.Parallel()
	d := streamtest.New(t, pipe(same), streamtest.Options{CommitEvery: 3})
	from, to := streamtest.Input(d, in), streamtest.Output(d, out)
	from.Send("k", "a", 0)
	from.Send("k", "b", 0)
	require.Empty(t, to.Committed())
	from.Send("k", "c", 0)
	require.Equal(t, "a b c", values(to.Committed()))
	from.Send("k", "d", 0)
	require.Equal(t, "d", values(to.Read()), "reading commits what is left")
}

// What a crash took back is processed again before the next Read returns, at whatever step it happened.
func TestReadAfterACrash(t *testing.T) {
	t.Parallel()
	for at := range streamtest.Step(streamtest.Steps) {
		d := streamtest.New(t, pipe(same), streamtest.Options{CommitEvery: 100})
		from, to := streamtest.Input(d, in), streamtest.Output(d, out)
		from.Send("k", "a", 0)
		from.Send("k", "b", 0)
		d.Crash(at)
		require.Equal(t, at >= streamtest.AfterCommit, len(to.Committed()) > 0, "%d", at)
		to = streamtest.Output(d, out)
		require.Equal(t, "a b", values(to.Read()), "%d", at)
		require.Empty(t, to.Read())
	}
}

// A failure ends the program: what was under way with the record is not committed, and nothing more is processed until
// it is started again.
func TestAFailureEndsTheProgram(t *testing.T) {
	t.Parallel()
	broken := true
	var failures []error
	d := streamtest.New(t, pipe(func(v string) string {
		if v == "b" && broken {
			panic("broken")
		}
		return v
	}), streamtest.Options{CommitEvery: 3, Expect: func(err error) { failures = append(failures, err) }})
	from, to := streamtest.Input(d, in), streamtest.Output(d, out)
	for _, v := range []string{"a", "b", "c", "d", "e", "f"} {
		from.Send("k", v, 0)
	}
	require.Empty(t, to.Read())
	require.Len(t, failures, 1)
	broken = false
	d.Restart()
	require.Equal(t, "a b c d e f", values(to.Read()))
	require.Len(t, failures, 1)
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for _, action := range []stream.Action{stream.Skip, stream.Fail} {
		tries := map[string]int{}
		var failure error
		d := streamtest.New(t, pipe(func(v string) string {
			if tries[v]++; v == "never" || v == "later" && tries[v] < 3 {
				panic(v)
			}
			return v
		}), streamtest.Options{
			CommitEvery: 4, Expect: func(err error) { failure = err },
			Errors: stream.Policies{Process: stream.Policy{Action: action, Retries: 2}},
		})
		from, to := streamtest.Input(d, in), streamtest.Output(d, out)
		for _, v := range []string{"a", "later", "b", "c"} {
			from.Send("k", v, 0)
		}
		require.Equal(t, "a later b c", values(to.Read()))
		require.Equal(t, map[string]int{"a": 3, "later": 3, "b": 1, "c": 1}, tries, "a retry goes back to the last commit")
		for _, v := range []string{"d", "never", "e"} {
			from.Send("k", v, 0)
		}
		got := values(to.Read())
		require.Equal(t, 3, tries["never"])
		if action == stream.Skip {
			require.Equal(t, "d e", got)
			require.NoError(t, failure)
			continue
		}
		require.Empty(t, got)
		var r *stream.RecordError
		require.ErrorAs(t, failure, &r)
		require.EqualValues(t, 5, r.Offset)
	}
}

func TestARecordThatTheBrokerWouldRefuse(t *testing.T) {
	t.Parallel()
	var failure error
	d := streamtest.New(t, pipe(func(v string) string { return strings.Repeat(v, 200) }),
		streamtest.Options{MaxRecordBytes: 1000, Expect: func(err error) { failure = err }})
	streamtest.Input(d, in).Send("k", "1234567890", 0)
	require.ErrorContains(t, failure, "too large")
	var r *stream.RecordError
	require.ErrorAs(t, failure, &r)
	require.Equal(t, `to "out"`, r.Operator)
}

// fakeTB records why a test would have failed.
type fakeTB struct {
	testing.TB
	said string
}

var errEnded = errors.New("the test ends here")

func (f *fakeTB) Helper()                      {}
func (f *fakeTB) Errorf(text string, a ...any) { f.said = fmt.Sprintf(text, a...) }
func (f *fakeTB) Fatal(args ...any)            { f.said = fmt.Sprint(args...); panic(errEnded) }
func (f *fakeTB) Fatalf(text string, a ...any) { f.said = fmt.Sprintf(text, a...); panic(errEnded) }
func (f *fakeTB) fails(t *testing.T, do func()) string {
	t.Helper()
	require.PanicsWithValue(t, errEnded, do)
	return f.said
}

func TestMisuseIsSaid(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	elsewhere := in
	elsewhere.Name = "elsewhere"
	require.Contains(t, tb.fails(t, func() { streamtest.New(tb, stream.New("empty")) }), "reads no topic")
	d := streamtest.New(tb, pipe(same))
	require.Contains(t, tb.fails(t, func() { streamtest.Input(d, elsewhere) }), `does not read topic "elsewhere"`)
	require.Contains(t, tb.fails(t, func() { streamtest.Input(d, in).SendTo(1, &stream.Record[string, string]{}) }),
		"partition 1 of 1")
	require.Contains(t, tb.fails(t, func() {
		streamtest.New(tb, pipe(func(string) string { panic("boom") })).Drops()
		streamtest.Input(streamtest.New(tb, pipe(func(string) string { panic("boom") })), in).Send("k", "v", 0)
	}), "boom")
}

// A topic that is only named by ToEach exists once the test reads it.
func TestTopicsChosenPerRecord(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	stream.ToEach(stream.From(topo, in), out, func(r *stream.Record[string, string]) string { return "out-" + r.Value })
	d := streamtest.New(t, topo)
	chosen := out
	chosen.Name = "out-a"
	to := streamtest.Output(d, chosen)
	streamtest.Input(d, in).Send("k", "a", 0)
	require.Equal(t, "a", values(to.Read()))
}

func TestTheWallStandsStill(t *testing.T) {
	t.Parallel()
	var seen []time.Time
	topo := stream.New("test")
	ticks := operators.Process("tick", stream.From(topo, in),
		func(p *operators.Processor[string, string]) operators.Func[string, string] {
			return func(*stream.Record[string, string]) error { seen = append(seen, p.Wall()); return nil }
		})
	stream.To(stream.Encode(ticks, codec.String), out)
	begin := time.Date(2030, 5, 6, 7, 8, 9, 0, time.UTC)
	d := streamtest.New(t, topo, streamtest.Options{Now: begin})
	streamtest.Input(d, in).Send("k", "a", 0)
	d.AdvanceWall(time.Hour)
	streamtest.Input(d, in).Send("k", "a", 0)
	require.Equal(t, []time.Time{begin, begin.Add(time.Hour)}, seen)
}
