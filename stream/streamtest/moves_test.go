// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

var totals = stream.Topic[string, int64]{Name: "totals", Key: codec.String, Value: codec.Int64}

// counting counts the records of each value, through a repartition topic.
func counting() *stream.Topology {
	topo := stream.New("test")
	byValue := operators.KeyBy("by-value", stream.From(topo, in), codec.String, same)
	stream.To(operators.ToStream(operators.Aggregate("counts", byValue, operators.Count[string]())), totals)
	return topo
}

func show(records []streamtest.Record[string, int64]) string {
	var lines []string
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("%s=%d", r.Key, r.Value))
	}
	return strings.Join(lines, " ")
}

// However the program stops and goes on, wherever its tasks are, each record counts once.
func TestStateSurvivesWhatMayHappen(t *testing.T) {
	t.Parallel()
	moves := map[string]func(*streamtest.Driver){
		"restart": (*streamtest.Driver).Restart, "restart empty": (*streamtest.Driver).RestartEmpty,
		"rebalance": (*streamtest.Driver).Rebalance,
	}
	for i := range streamtest.Steps {
		step := streamtest.Step(i)
		moves["crash "+step.String()] = func(d *streamtest.Driver) { d.Crash(step) }
	}
	for name, move := range moves {
		for _, commit := range []int{1, 100} {
			t.Run(fmt.Sprint(name, " ", commit), func(t *testing.T) {
				t.Parallel()
				d := streamtest.New(t, counting(), streamtest.Options{Partitions: 2, CommitEvery: commit})
				from, to := streamtest.Input(d, in), streamtest.Output(d, totals)
				got := map[string]int64{}
				for i := range 12 {
					from.Send("k", fmt.Sprint(i%3), int64(i))
					move(d)
					if i%5 == 4 {
						d.AdvanceWall(time.Minute)
					}
				}
				for _, r := range to.Read() {
					require.Equal(t, got[r.Key]+1, r.Value)
					got[r.Key] = r.Value
				}
				require.Equal(t, map[string]int64{"0": 4, "1": 4, "2": 4}, got)
			})
		}
	}
}

// Without transactions a crash in a commit may count again, and never loses.
func TestAtLeastOnceLosesNothing(t *testing.T) {
	t.Parallel()
	for i := range streamtest.Steps {
		step := streamtest.Step(i)
		d := streamtest.New(t, counting(), streamtest.Options{CommitEvery: 100, Guarantee: stream.AtLeastOnce})
		from, to := streamtest.Input(d, in), streamtest.Output(d, totals)
		from.Send("k", "a", 0)
		d.Commit()
		from.Send("k", "a", 1)
		d.Crash(step)
		again := ""
		if step >= streamtest.AfterProduce && step < streamtest.AfterOffsets {
			again = " a=3" // it was on its way, and is sent there once more
		}
		require.Equal(t, "a=1 a=2"+again, show(to.Read()), step)
	}
}

// A task that comes back finds its old state, and rolls forward from there.
func TestRebalanceBackToOldState(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		d := streamtest.New(t, counting(), streamtest.Options{Partitions: 3, Seed: seed})
		from, to := streamtest.Input(d, in), streamtest.Output(d, totals)
		last := ""
		for i := range 20 {
			d.Rebalance()
			from.Send("k", "v", int64(i))
			last = show(to.Read())
		}
		require.Equal(t, "v=20", last, "seed %d", seed)
	}
}

// The same seed gives the same run: which record comes first where two tasks send into one.
func TestASeedRepeatsARun(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		topo := stream.New("test")
		one := operators.KeyBy("one", stream.From(topo, in), codec.String, func(string) string { return "one" })
		stream.To(one, out)
		d := streamtest.New(t, topo, streamtest.Options{Partitions: 4, CommitEvery: 100, BatchRecords: 3, Seed: seed})
		from := streamtest.Input(d, in)
		for i := range 40 {
			from.SendTo(int32(i%4), &stream.Record[string, string]{Value: fmt.Sprint(i)})
		}
		return values(streamtest.Output(d, out).Read())
	}
	runs := map[string]bool{}
	for seed := range uint64(5) {
		got := run(seed)
		require.Equal(t, got, run(seed))
		runs[got] = true
	}
	require.Greater(t, len(runs), 3)
}

var (
	seen   = state.Map[string, int64]{Name: "seen", Key: codec.String, Value: codec.Int64}
	recent = state.Window[string, string]{Name: "recent", Key: codec.String, Value: codec.String}
)

// remembering keeps how often a key came, and each value under its time.
func remembering() *stream.Topology {
	topo := stream.New("test")
	kept := operators.Process("keep", stream.From(topo, in),
		func(p *operators.Processor[string, string]) operators.Func[string, string] {
			counts, values := seen.Open(p), recent.Open(p)
			return func(r *stream.Record[string, string]) error {
				n, _ := counts.Upsert(r.Key)
				*n++
				values.Put(r.Key, r.Time, r.Value)
				return nil
			}
		})
	stream.To(stream.Encode(kept, codec.String), out)
	return topo
}

func TestStoresAreReadOverAllPartitions(t *testing.T) {
	t.Parallel()
	d := streamtest.New(t, remembering(), streamtest.Options{Partitions: 3})
	from, counts, values := streamtest.Input(d, in), streamtest.Store(d, seen), streamtest.WindowStore(d, recent)
	for i, k := range []string{"d", "b", "a", "c", "b", "e"} {
		from.Send(k, fmt.Sprint(i), int64(100-i))
	}
	for _, move := range []func(){func() {}, d.Restart, d.Rebalance, func() { d.Crash(streamtest.AfterCommit) }} {
		move()
		n, ok := counts.Get("b")
		require.True(t, ok)
		require.EqualValues(t, 2, n)
		_, ok = counts.Get("x")
		require.False(t, ok)
		var got []string
		for k, n := range counts.All() {
			got = append(got, fmt.Sprint(k, n))
		}
		require.Equal(t, "a1 b2 c1 d1 e1", strings.Join(got, " "))
		v, ok := values.Get("b", 96)
		require.True(t, ok)
		require.Equal(t, "4", v)
		_, ok = values.Get("b", 97)
		require.False(t, ok)
		got = nil
		for r := range values.All() {
			got = append(got, fmt.Sprint(r.Start, r.Key, r.Value))
		}
		require.Equal(t, "95e5 96b4 97c3 98a2 99b1 100d0", strings.Join(got, " "))
	}
}

// What is not committed is seen by the tasks, and not by those that come after a crash.
func TestStoresAsCommitted(t *testing.T) {
	t.Parallel()
	d := streamtest.New(t, remembering(), streamtest.Options{CommitEvery: 100})
	from, counts, values := streamtest.Input(d, in), streamtest.Store(d, seen), streamtest.WindowStore(d, recent)
	from.Send("a", "1", 1)
	d.Commit()
	from.Send("a", "2", 2)
	d.Process()
	n, _ := counts.Get("a")
	require.EqualValues(t, 2, n)
	n, _ = counts.Committed().Get("a")
	require.EqualValues(t, 1, n)
	_, ok := values.Get("a", 2)
	require.True(t, ok)
	_, ok = values.Committed().Get("a", 2)
	require.False(t, ok)
	d.Commit()
	n, _ = counts.Committed().Get("a")
	require.EqualValues(t, 2, n)
}

func TestTablesAreRead(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	table := stream.TableFrom(topo, in)
	stream.To(operators.ToStream(table), out)
	d := streamtest.New(t, topo)
	from, rows := streamtest.Input(d, in), streamtest.Table(d, "in", codec.String, codec.String)
	from.Send("a", "1", 5)
	from.Send("b", "2", 6)
	from.Delete("a", 7)
	_, ok := rows.Get("a")
	require.False(t, ok)
	row, ok := rows.Get("b")
	require.True(t, ok)
	require.Equal(t, stream.Timed[string]{Value: "2", Time: 6}, row)
}

func TestVersionedTablesAreReadAsOfATime(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	stream.To(operators.ToStream(stream.VersionedTableFrom(topo, in, time.Minute)), out)
	d := streamtest.New(t, topo, streamtest.Options{Partitions: 2})
	decl := state.Versioned[string, string]{Name: "in", Key: codec.String, Value: codec.String}
	from, rows := streamtest.Input(d, in), streamtest.VersionedStore(d, decl)
	from.Send("a", "1", 5)
	from.Send("a", "2", 9)
	for _, rows := range []*streamtest.VersionedRows[string, string]{rows, rows.Committed()} {
		v, since, ok := rows.Get("a")
		require.Equal(t, "2 9 true", fmt.Sprint(v, " ", since, ok))
		v, since, until, ok := rows.GetAsOf("a", 8)
		require.Equal(t, "1 5 9 true", fmt.Sprint(v, " ", since, until, ok))
		_, _, ok = rows.Get("b")
		require.False(t, ok)
	}
}

// A look at what is committed changes nothing: what was bad in a global table is not counted again.
func TestLooksChangeNothing(t *testing.T) {
	t.Parallel()
	global := stream.Topic[string, int64]{Name: "global", Key: codec.String, Value: codec.Int64}
	topo := stream.New("test")
	counts := operators.Aggregate("counts", stream.From(topo, in), operators.Count[string]())
	joined := operators.JoinGlobal(operators.ToStream(counts), stream.GlobalTableFrom(topo, global),
		func(k string, _ int64) (string, bool) { return k, true }, func(n, row int64) int64 { return n * row })
	stream.To(stream.Encode(joined, codec.Int64), totals)
	d := streamtest.New(t, topo, streamtest.Options{
		Errors: stream.Policies{Decode: stream.Policy{Action: stream.Skip}},
	})
	rows, from, to := streamtest.Input(d, global), streamtest.Input(d, in), streamtest.Output(d, totals)
	rows.SendBytes([]byte("k"), []byte("no number"), 0)
	rows.Send("k", 10, 1)
	from.Send("k", "a", 2)
	drops := d.Drops()
	require.Len(t, drops, 1)
	for range 3 {
		row, ok := streamtest.Table(d, "counts", codec.String, codec.Int64).Committed().Get("k")
		require.True(t, ok)
		require.Equal(t, stream.Timed[int64]{Value: 1, Time: 2}, row)
	}
	require.Equal(t, drops, d.Drops())
	from.Send("k", "b", 3)
	require.Equal(t, "k=10 k=20", show(to.Read()))
}

func TestStoresThatThereAreNot(t *testing.T) {
	t.Parallel()
	tb := &fakeTB{}
	d := streamtest.New(tb, remembering(), streamtest.Options{Expect: func(error) {}})
	require.Equal(t, `topology test has no store "sen"; it has: "recent", "seen"`, tb.fails(t, func() {
		streamtest.Store(d, state.Map[string, int64]{Name: "sen", Key: codec.String, Value: codec.Int64})
	}))
	require.Contains(t, tb.fails(t, func() {
		streamtest.Store(d, state.Map[string, string]{Name: "seen", Key: codec.String, Value: codec.String})
	}), `store "seen" does not hold what the test declares`)
	require.Contains(t, tb.fails(t, func() {
		streamtest.WindowStore(d, state.Window[string, int64]{Name: "seen", Key: codec.String, Value: codec.Int64})
	}), `store "seen" does not hold what the test declares`)
	require.Contains(t, tb.fails(t, func() {
		streamtest.Table(streamtest.New(tb, pipe(same)), "in", codec.String, codec.String)
	}), `has no store "in"; it has: none`)
	none := streamtest.Step(streamtest.Steps)
	require.Contains(t, tb.fails(t, func() { d.Crash(none) }), "crash at step 10: there are 10")
	require.Contains(t, tb.fails(t, func() { streamtest.Output(d, totals) }), `does not write topic "totals"`)
}
