// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// selected is the key that a value asks for: what stands before a colon.
func selected(_, v string) (string, bool) {
	k, _, ok := strings.Cut(v, ":")
	return k, ok
}

// looked joins words with the global table of other, both ways.
func looked(topo *stream.Topology) {
	flagged := words
	flagged.NullValues = true
	in, table := stream.From(topo, flagged), stream.GlobalTableFrom(topo, other)
	inner := operators.JoinGlobal(in, table, selected, func(v, row string) string { return "inner:" + v + "=" + row })
	left := operators.LeftJoinGlobal(in, table, selected, func(v, row string, ok bool) string {
		return fmt.Sprintf("left:%s=%s %v", v, row, ok)
	})
	stream.To(operators.Merge(inner, left), lines)
}

func TestRandomJoinGlobal(t *testing.T) {
	equivalent(t, scenario{
		build: looked,
		weather: func(c *climate, i int) event {
			e := c.nullable(c.event())
			e.other = c.IntN(3) == 0
			if !e.other && !e.null && c.IntN(5) > 0 {
				e.value = fmt.Sprintf("k%d:%d", c.IntN(c.keys), i)
			}
			return e
		},
		global: true, // all partitions look into one table
		oracle: func(history []event) (want []string) {
			table := map[string]string{}
			for _, e := range history {
				key := e.key
				if e.nullKey {
					key = "∅"
				}
				k, ok := selected("", e.value)
				row := table[k]
				_, there := table[k]
				switch {
				case e.other && e.nullKey, !e.other && e.null:
				case e.other && e.null:
					delete(table, e.key)
				case e.other:
					table[e.key] = e.value
				case ok && there:
					want = append(want, line(key, "inner:"+e.value+"="+row, e.at), line(key, "left:"+e.value+"="+row+" true", e.at))
				default:
					want = append(want, line(key, "left:"+e.value+"= false", e.at))
				}
			}
			return want
		},
	})
}

// What the topic holds is there before the first record, after a restart as after the loss of the state directory.
func TestGlobalTableIsLoadedFirst(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	looked(topo)
	db := memory.New()
	d := streamtest.New(t, topo, streamtest.Options{DB: db})
	streamtest.Input(d, other).Send("x", "1", 1)
	in, out := streamtest.Input(d, words), streamtest.Output(d, lines)
	for i, again := range []func(){
		d.Restart, d.RestartEmpty, func() { d.Crash(streamtest.AfterCommit) }, func() { d.Crash(streamtest.BeforeProduce) },
	} {
		again()
		in.Send("a", "x:v", int64(i))
		require.Equal(t, fmt.Sprintf("a inner:x:v=1 @%d, a left:x:v=1 true @%d", i, i), show(out.Read()))
	}
}

// Records of a global table that cannot be decoded are the decode policy's, like a stream's.
func TestBadRecordsOfAGlobalTable(t *testing.T) {
	t.Parallel()
	numbers := stream.Topic[string, int64]{Name: "numbers", Key: codec.String, Value: codec.Int64}
	build := func() *stream.Topology {
		topo := stream.New("test")
		stream.To(operators.JoinGlobal(stream.From(topo, words), stream.GlobalTableFrom(topo, numbers), selected,
			func(v string, n int64) string { return fmt.Sprint(v, n) }), lines)
		return topo
	}
	for _, action := range []stream.Action{stream.Fail, stream.Park, stream.Skip, stream.DeadLetter} {
		var failure error
		d := streamtest.New(t, build(), streamtest.Options{
			Errors: stream.Policies{Decode: stream.Policy{Action: action, Retries: 2}},
			Expect: func(err error) { failure = err },
		})
		in := streamtest.Input(d, numbers)
		in.Send("x", 1, 0)
		in.SendBytes([]byte("x"), []byte("bad"), 0)
		if action == stream.Fail || action == stream.Park {
			var r *stream.RecordError
			require.True(t, errors.As(failure, &r))
			require.Equal(t, `global table from "numbers"`, r.Operator)
			require.ErrorContains(t, failure, "numbers/0@1")
			continue
		}
		require.NoError(t, failure)
		streamtest.Input(d, words).Send("a", "x:", 1)
		require.Equal(t, "a x:1 @1", show(streamtest.Output(d, lines).Read()), "the row stays")
		why := streamtest.DropReason{Operator: `global table from "numbers"`, Reason: "decode error"}
		require.Equal(t, map[streamtest.DropReason]uint64{why: 1}, d.Drops())
	}
}

func TestMistakesWithGlobalTables(t *testing.T) {
	t.Parallel()
	topo, elsewhere := stream.New("test"), stream.New("elsewhere")
	in := stream.From(topo, words)
	join := func(table stream.GlobalTable[string, string]) {
		stream.To(operators.JoinGlobal(in, table, selected, func(v, _ string) string { return v }), lines)
	}
	join(stream.GlobalTableFrom(elsewhere, other))
	join(stream.GlobalTable[string, string]{})
	stream.GlobalTableFrom(topo, other)
	stream.GlobalTableFrom(topo, other)
	stream.GlobalTableFrom(topo, stream.Topic[string, string]{Name: "no-codecs"})
	operators.LeftJoinGlobal(in, stream.GlobalTableFrom(topo, lines), nil, func(v, _ string, _ bool) string { return v })
	err := topo.Build()
	for _, want := range []string{
		`it looks into a global table of topology "elsewhere", not of "test"`, "zero GlobalTable",
		`topic "other" is a global table already at operators/joinglobal_test.go:`, `topic "no-codecs" has no Key codec`,
		"no function that selects the key",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestDescribeGlobalTables(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	looked(topo)
	plan := topo.Describe()
	require.Contains(t, plan, "global table, a copy in each process, of other\n")
	require.Contains(t, plan, "join global  [global table other]\n")
	require.NotContains(t, plan, "topics it creates")
}

func TestJoinGlobalAllocatesNothing(t *testing.T) {
	topo := stream.New("test")
	allocs := -1.0
	begin := stream.From(topo, words)
	pump := stream.Attach(stream.NewOp(topo, "pump", ""), begin, codec.String,
		func(_ *stream.Task, out stream.Next[string, string]) stream.Next[string, string] {
			return func(r *text) { allocs = testing.AllocsPerRun(100, func() { out(r) }) }
		})
	n := 0
	operators.Peek(operators.JoinGlobal(pump, stream.GlobalTableFrom(topo, other), selected,
		func(_, row string) string { return row }), func(*text) { n++ })
	d := streamtest.New(t, topo)
	streamtest.Input(d, other).Send("x", "1", 1)
	streamtest.Input(d, words).Send("a", "x:", 1)
	require.Zero(t, allocs)
	require.Greater(t, n, 100)
}
