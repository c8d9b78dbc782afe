// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// What the topology writes to the topic of a global table is in the table once it is committed, not before.
func TestAGlobalTableThatTheTopologyWrites(t *testing.T) {
	t.Parallel()
	notes := stream.Topic[string, string]{Name: "notes", Key: codec.String, Value: codec.String}
	topo := stream.New("test")
	from := stream.From(topo, in)
	stream.To(from, notes)
	own := func(k, _ string) (string, bool) { return k, true }
	seen := operators.LeftJoinGlobal(from, stream.GlobalTableFrom(topo, notes), own,
		func(v, row string, _ bool) string { return row + ">" + v })
	stream.To(stream.Encode(seen, codec.String), out)
	d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 2, Partitions: 2})
	send, results := streamtest.Input(d, in), streamtest.Output(d, out)
	for i, v := range []string{"a", "b", "c", "d", "e"} {
		send.Send("k", v, int64(i))
	}
	d.Rebalance()
	send.Send("k", "f", 5)
	d.Crash(streamtest.BeforeCommit)
	require.Equal(t, ">a >b b>c b>d d>e e>f", values(results.Read()))
}

func TestGlobalTablesAreRead(t *testing.T) {
	t.Parallel()
	notes := stream.Topic[string, int64]{Name: "notes", Key: codec.String, Value: codec.Int64}
	topo := pipe(same)
	stream.GlobalTableFrom(topo, notes)
	tb := &fakeTB{}
	d := streamtest.New(tb, topo, streamtest.Options{Partitions: 3})
	rows, send := streamtest.Global(d, notes), streamtest.Input(d, notes)
	_, ok := rows.Get("a")
	require.False(t, ok)
	send.Send("a", 1, 20)
	send.Send("a", 2, 10)
	send.Send("b", 3, 30)
	d.RestartEmpty()
	send.Delete("b", 40)
	row, ok := rows.Get("a")
	require.True(t, ok)
	require.Equal(t, stream.Timed[int64]{Value: 2, Time: 10}, row)
	_, ok = rows.Get("b")
	require.False(t, ok)
	require.Contains(t, tb.fails(t, func() { streamtest.Global(d, in) }), `no global table of topic "in"`)
}
