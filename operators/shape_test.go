// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// sorted is show with the records in the order of their text.
func sorted[K, V any](records []streamtest.Record[K, V]) string {
	all := strings.Split(show(records), ", ")
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func prefix(p string) func(string) string { return func(v string) string { return p + v } }

// A diamond around a table: the row is up to date before the join further down in the same record reads it.
func TestDiamondOverATable(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{}, func(in texts) texts {
		table := operators.ToTable("newest", in, codec.String)
		return operators.JoinTable(in, table, func(v, row string) string { return v + row })
	})
	in.Send("k", "x", 1)
	in.Send("k", "y", 2)
	require.Equal(t, "k xx @1, k yy @2", show(out.Read()))
}

// Two inputs merged behind two repartition topics of one stream.
func TestDiamondOverTopics(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{Partitions: 3}, func(in texts) texts {
		first := operators.KeyBy("by-first", in, codec.String, func(v string) string { return v[:1] })
		last := operators.KeyBy("by-last", in, codec.String, func(v string) string { return v[len(v)-1:] })
		n := operators.Aggregate("n", operators.Merge(first, last), operators.Count[string]())
		return operators.Map(operators.ToStream(n), func(n int64) string { return fmt.Sprint(n) })
	})
	in.Send("k", "ab", 1)
	in.Send("k", "bc", 2)
	d.Crash(streamtest.BeforeFlush)
	in.Send("k", "cc", 3)
	require.Equal(t, "a 1 @1, b 1 @1, b 2 @2, c 1 @2, c 2 @3, c 3 @3", sorted(out.Read()))
}

// A function that adds operators can be used twice, in two scopes: stores, topics, clocks and timers are apart.
func TestScopes(t *testing.T) {
	t.Parallel()
	part := func(topo *stream.Topology, in stream.Topic[string, string], out stream.Topic[string, string]) {
		again := operators.KeyBy("by-value", stream.From(topo, in), codec.String, func(v string) string { return v })
		n := operators.Map(operators.ToStream(operators.Aggregate("n", again, operators.Count[string]())),
			func(n int64) string { return fmt.Sprint(n) })
		late := operators.Process("alarm", stream.Encode(n, codec.String), func(p *processor) function {
			p.OnTimer(func(at timer) error { return ring(p, at) })
			return func(r *text) error {
				p.SetTimer(r.Key, "after "+r.Value, r.Time+10)
				return nil
			}
		})
		stream.To(late, out)
	}
	topo := stream.New("test")
	part(topo.Scope("eu"), words, lines)
	part(topo.Scope("us").Scope("east"), other, rest)
	plan := topo.Describe()
	for _, name := range []string{
		"test-eu-by-value-repartition", "test-eu-n-changelog", "test-eu-alarm-timers-changelog",
		"test-us-east-by-value-repartition", "test-us-east-n-changelog", "test-us-east-alarm-timers-changelog",
	} {
		require.Contains(t, plan, name)
	}
	d := streamtest.New(t, topo)
	eu, us := streamtest.Input(d, words), streamtest.Input(d, other)
	eu.Send("k", "x", 1)
	us.Send("k", "x", 1000)
	eu.Send("k", "x", 2)
	d.Restart()
	eu.Send("k", "y", 20)
	require.Equal(t, "x after 1 @11, x after 2 @12", show(streamtest.Output(d, lines).Read()))
	us.Send("k", "y", 1010)
	require.Equal(t, "x after 1 @1010", show(streamtest.Output(d, rest).Read()))
}

// Keys are placed as Java's producer places them, nulls are spread, and a topic's own partitioner is asked instead.
func TestPlacement(t *testing.T) {
	t.Parallel()
	const n = 5
	topo := stream.New("test")
	byLength := lines
	byLength.Partition = func(key string, n int32) int32 { return int32(len(key)) % n }
	in := stream.From(topo, words)
	stream.To(in, byLength)
	stream.To(in, rest)
	d := streamtest.New(t, topo, streamtest.Options{Partitions: n})
	for i := range 50 {
		streamtest.Input(d, words).Send(strings.Repeat("k", i), "x", int64(i))
		streamtest.Input(d, words).SendTo(2, &text{NullKey: true, Value: "null", Time: 99})
	}
	nulls := map[int32]int{}
	for _, r := range streamtest.Output(d, byLength).Read() {
		if !r.NullKey {
			require.EqualValues(t, len(r.Key)%n, r.Partition)
		}
	}
	for _, r := range streamtest.Output(d, rest).Read() {
		if r.NullKey {
			nulls[r.Partition]++
			continue
		}
		require.Equal(t, kafka.PartitionFor([]byte(r.Key), n), r.Partition)
	}
	require.Equal(t, map[int32]int{0: 10, 1: 10, 2: 10, 3: 10, 4: 10}, nulls)
}

func TestPartitionerThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, wrong := range []func(string, int32) int32{
		func(string, int32) int32 { return 1 },
		func(string, int32) int32 { return -1 },
		func(string, int32) int32 { panic("no partition") },
	} {
		var failure error
		topo := stream.New("test")
		to := lines
		to.Partition = wrong
		stream.To(stream.From(topo, words), to)
		d := streamtest.New(t, topo, streamtest.Options{Expect: func(err error) { failure = err }})
		streamtest.Input(d, words).Send("k", "x", 1)
		var r *stream.RecordError
		require.ErrorAs(t, failure, &r)
		require.Contains(t, failure.Error(), "artition")

		topo = stream.New("test")
		stream.To(stream.From(topo, words), to)
		d = streamtest.New(t, topo, streamtest.Options{Errors: policies(stream.Skip)})
		streamtest.Input(d, words).Send("k", "x", 1)
		require.Empty(t, streamtest.Output(d, lines).Read())
	}
}

// KeyBy keeps times, headers and the order of records that shared a partition; Repartition keeps the keys too, and has
// as many partitions as asked for.
func TestKeyByAndRepartition(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	byFirst := operators.KeyBy("by-first", stream.From(topo, words), codec.String, func(v string) string { return v[:1] })
	spread := operators.Repartition("spread", 7, byFirst)
	parts := operators.Process("part", spread, func(p *processor) function {
		return func(r *text) error { p.Emit(fmt.Sprintf("%s/%d", r.Value, p.Partition())); return nil }
	})
	stream.To(stream.Encode(parts, codec.String), lines)
	d := streamtest.New(t, topo, streamtest.Options{Partitions: 3, CommitEvery: 7})
	for i := range 70 {
		streamtest.Input(d, words).SendRecord(&text{
			Key: fmt.Sprint(i % 10), Value: fmt.Sprintf("%c%d", 'a'+i%4, i), Time: int64(1000 - i),
			Headers: []stream.Header{{Key: "n", Value: fmt.Append(nil, i)}},
		})
	}
	last := map[string]int{}
	got := streamtest.Output(d, lines).Read()
	require.Len(t, got, 70)
	for _, r := range got {
		var n int
		var part int32
		_, err := fmt.Sscanf(r.Value[1:], "%d/%d", &n, &part)
		require.NoError(t, err)
		require.Equal(t, r.Value[:1], r.Key)
		require.EqualValues(t, 1000-n, r.Time)
		require.Equal(t, []stream.Header{{Key: "n", Value: fmt.Append(nil, n)}}, r.Headers)
		require.Equal(t, kafka.PartitionFor([]byte(r.Key), 7), part)
		old := kafka.PartitionFor(fmt.Append(nil, n%10), 3)
		lane := fmt.Sprint(r.Key, " from ", old)
		require.Less(t, last[lane], n+1, "%s: %d after %d", lane, n, last[lane]-1)
		last[lane] = n + 1
	}
}

// Each record goes to the topic that is chosen for it; one for a topic that does not exist is that record's error.
func TestToEach(t *testing.T) {
	t.Parallel()
	build := func() *stream.Topology {
		topo := stream.New("test")
		stream.ToEach(stream.From(topo, words), lines, func(r *text) string { return "to-" + r.Value })
		return topo
	}
	chosen := func(name string) stream.Topic[string, string] {
		topic := lines
		topic.Name = name
		return topic
	}
	d := streamtest.New(t, build(), streamtest.Options{Partitions: 2, Errors: policies(stream.DeadLetter)})
	a, b := streamtest.Output(d, chosen("to-a")), streamtest.Output(d, chosen("to-b"))
	for i, v := range []string{"a", "b", "missing", "a"} {
		streamtest.Input(d, words).Send("k", v, int64(i))
	}
	require.Equal(t, "k a @0, k a @3", show(a.Read()))
	require.Equal(t, "k b @1", show(b.Read()))
	letters := deadLetters(d).Read()
	require.Equal(t, "k missing @2", show(letters))
	require.Contains(t, headers(letters[0].Headers), `irmak.error=topic "to-missing": topic or partition does not exist`)
	require.Contains(t, headers(letters[0].Headers), "irmak.phase=produce")

	var failure error
	d = streamtest.New(t, build(), streamtest.Options{Expect: func(err error) { failure = err }})
	streamtest.Input(d, words).Send("k", "missing", 1)
	require.ErrorContains(t, failure, `record words/0@0: to each: topic "to-missing"`)
	require.ErrorContains(t, failure, "create it first")
}

// One result that cannot be written does not take the record's other results along.
func TestOneOfManyResultsFails(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	stream.To(operators.Map(in, func(v string) string { return strings.Repeat(v, 100) }), lines)
	stream.To(in, rest)
	d := streamtest.New(t, topo, streamtest.Options{Errors: policies(stream.Skip), MaxRecordBytes: 500})
	streamtest.Input(d, words).Send("k", "0123456789", 1)
	streamtest.Input(d, words).Send("k", "0", 2)
	require.Equal(t, "k 0123456789 @1, k 0 @2", show(streamtest.Output(d, rest).Read()))
	require.Len(t, streamtest.Output(d, lines).Read(), 1)
	require.Equal(t, map[streamtest.DropReason]uint64{{Operator: `to "lines"`, Reason: "produce error"}: 1}, d.Drops())
}
