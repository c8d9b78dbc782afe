// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// strings to strings is all that the operators of one record need.
var (
	words = stream.Topic[string, string]{Name: "words", Key: codec.String, Value: codec.String}
	other = stream.Topic[string, string]{Name: "other", Key: codec.String, Value: codec.String}
	lines = stream.Topic[string, string]{Name: "lines", Key: codec.String, Value: codec.String}
	rest  = stream.Topic[string, string]{Name: "rest", Key: codec.String, Value: codec.String}
)

// show writes records as "key value @time", a null as ∅.
func show[K, V any](records []streamtest.Record[K, V]) string {
	var out []string
	for _, r := range records {
		key, value := fmt.Sprint(r.Key), fmt.Sprint(r.Value)
		if r.NullKey {
			key = "∅"
		}
		if r.NullValue {
			value = "∅"
		}
		out = append(out, fmt.Sprintf("%s %s @%d", key, value, r.Time))
	}
	return strings.Join(out, ", ")
}

// run builds a topology from words to lines and gives both ends.
func run(t *testing.T, opts streamtest.Options, build func(texts) texts) (
	*streamtest.Driver, *streamtest.In[string, string], *streamtest.Out[string, string]) {
	t.Helper()
	topo := stream.New("test")
	stream.To(build(stream.From(topo, words)), lines)
	d := streamtest.New(t, topo, opts)
	return d, streamtest.Input(d, words), streamtest.Output(d, lines)
}

func TestOneRecordOperators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build func(in texts) texts
		want  string
	}{
		"map": {
			func(in texts) texts {
				return operators.Map(in, strings.ToUpper)
			},
			"a X @1, ∅ Y @2, b ZZ @0",
		},
		"filter": {
			func(in texts) texts {
				return operators.Filter(in, func(v string) bool { return v != "y" })
			},
			"a x @1, b zz @0",
		},
		"flat map": {
			func(in texts) texts {
				return operators.FlatMap(in, func(v string) iter.Seq[string] {
					if v == "y" {
						return nil
					}
					return slices.Values([]string{v, v + "!"})
				})
			},
			"a x @1, a x! @1, b zz @0, b zz! @0",
		},
		"map record": {
			func(in texts) texts {
				return operators.MapRecord(in, func(r *stream.Record[string, string], out *stream.Record[string, string]) {
					out.Key, out.Value, out.Time = "cannot change", r.Value, r.Time+10
				})
			},
			"a x @11, ∅ y @12, b zz @10",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in, out := run(t, streamtest.Options{}, c.build)
			in.Send("a", "x", 1)
			in.SendRecord(&stream.Record[string, string]{Value: "y", Time: 2, NullKey: true})
			in.Delete("a", 3) // dropped at the source
			in.Send("b", "zz", 0)
			require.Equal(t, c.want, show(out.Read()))
		})
	}
}

func TestHeadersAndNullsPass(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := words
	in.NullValues = true
	upper := operators.Map(stream.From(topo, in), strings.ToUpper)
	again := operators.KeyBy("again", stream.Encode(upper, codec.String), codec.String,
		func(v string) string { return v + "-key" })
	stream.To(again, lines)
	d := streamtest.New(t, topo)
	r := text{Key: "a", Value: "x", Time: 5, Headers: []stream.Header{{Key: "h", Value: []byte("1")}}}
	streamtest.Input(d, in).SendRecord(&r)
	r.NullValue = true
	streamtest.Input(d, in).SendRecord(&r)
	got := streamtest.Output(d, lines).Read()
	require.Equal(t, "X-key X @5, -key ∅ @5", show(got))
	require.Equal(t, r.Headers, got[0].Headers)
	require.Equal(t, r.Headers, got[1].Headers)
}

func TestSplitMergeTry(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	numbers, bad := operators.Try(stream.From(topo, words), strconv.Atoi)
	big, small := operators.Branch(numbers, func(n int) bool { return n > 9 })
	say := func(prefix string) func(int) string { return func(n int) string { return fmt.Sprint(prefix, n) } }
	stream.To(operators.Merge(operators.Map(big, say("big ")), operators.Map(small, say("small "))), lines)
	stream.To(operators.Map(bad, func(f operators.Failed[string]) string { return f.Value + ": " + f.Err.Error() }), rest)
	d := streamtest.New(t, topo)
	in := streamtest.Input(d, words)
	for i, v := range []string{"7", "x", "10", "3"} {
		in.Send("k", v, int64(i))
	}
	require.Equal(t, "k small 7 @0, k big 10 @2, k small 3 @3", show(streamtest.Output(d, lines).Read()))
	require.Equal(t, `k x: strconv.Atoi: parsing "x": invalid syntax @1`, show(streamtest.Output(d, rest).Read()))
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	build := func(in texts) texts {
		total := operators.Aggregate("total", in, operators.Sum(func(v string) int { n, _ := strconv.Atoi(v); return n }))
		return operators.Map(operators.ToStream(total), func(n int64) string { return fmt.Sprint(n) })
	}
	d, in, out := run(t, streamtest.Options{Partitions: 3}, build)
	in.Send("a", "3", 1)
	in.SendRecord(&stream.Record[string, string]{Value: "9", Time: 9, NullKey: true})
	in.Send("b", "5", 2)
	in.Send("a", "4", 0)
	require.ElementsMatch(t, []string{"a 3 @1", "b 5 @2", "a 7 @1"}, strings.Split(show(out.Read()), ", "))
	for _, again := range []func(){
		d.Restart, func() { d.Crash(streamtest.BeforeCommit) }, func() { d.Crash(streamtest.AfterCommit) },
	} {
		again()
		require.Empty(t, out.Read())
	}
	in.Send("a", "1", 3)
	require.Equal(t, "a 8 @3", show(out.Read()))
}

func TestPerCommitGivesTheLastValueOnce(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{CommitEvery: 4}, func(in texts) texts {
		counts := operators.PerCommit(operators.Aggregate("n", in, operators.Count[string]()))
		return operators.Map(counts, func(n int64) string { return fmt.Sprint(n) })
	})
	for i, k := range []string{"a", "b", "a", "a", "b"} {
		in.Send(k, "", int64(i))
	}
	require.Equal(t, "a 3 @3, b 1 @1, b 2 @4", show(out.Read()))
}

func TestJoinTable(t *testing.T) {
	t.Parallel()
	build := func(left bool) (_, _ *streamtest.In[string, string], _ *streamtest.Out[string, string]) {
		topo := stream.New("test")
		in, table := stream.From(topo, words), stream.TableFrom(topo, other)
		if left {
			left := func(v, row string, ok bool) string { return fmt.Sprint(v, row, ok) }
			stream.To(operators.LeftJoinTable(in, table, left), lines)
		} else {
			stream.To(operators.JoinTable(in, table, func(v, row string) string { return v + row }), lines)
		}
		d := streamtest.New(t, topo, streamtest.Options{Partitions: 2})
		return streamtest.Input(d, words), streamtest.Input(d, other), streamtest.Output(d, lines)
	}
	send := func(in, table *streamtest.In[string, string]) {
		table.Send("a", "1", 0)
		in.Send("a", "x", 3)
		table.Send("a", "2", 5)
		in.Send("a", "y", 4) // the table is read as it is now
		in.Send("b", "z", 8)
		table.Delete("a", 9)
		in.Send("a", "w", 10)
		in.SendRecord(&stream.Record[string, string]{Value: "q", Time: 11, NullKey: true})
	}
	in, table, out := build(false)
	send(in, table)
	require.ElementsMatch(t, []string{"a x1 @3", "a y2 @4"}, strings.Split(show(out.Read()), ", "))
	in, table, out = build(true)
	send(in, table)
	require.ElementsMatch(t, []string{"a x1true @3", "a y2true @4", "b zfalse @8", "a wfalse @10", "∅ qfalse @11"},
		strings.Split(show(out.Read()), ", "))
}

func TestErrorPolicies(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	build := func(in texts) texts {
		return operators.Map(in, func(v string) string {
			if v == "bad" {
				panic(boom)
			}
			return v
		})
	}
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		var got error
		_, in, _ := run(t, streamtest.Options{Expect: func(err error) { got = err }}, build)
		in.Send("a", "x", 1)
		in.Send("a", "bad", 2)
		var r *stream.RecordError
		require.ErrorAs(t, got, &r)
		require.Equal(t, "words", r.Topic)
		require.EqualValues(t, 1, r.Offset)
		require.ErrorIs(t, got, boom)
	})
	t.Run("skip", func(t *testing.T) {
		t.Parallel()
		_, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, build)
		for i, v := range []string{"x", "bad", "y"} {
			in.Send("a", v, int64(i))
		}
		require.Equal(t, "a x @0, a y @2", show(out.Read()))
	})
	t.Run("dead letter", func(t *testing.T) {
		t.Parallel()
		d, in, out := run(t, streamtest.Options{Errors: policies(stream.DeadLetter)}, build)
		for i, v := range []string{"x", "bad", "y"} {
			in.Send("a", v, int64(i))
		}
		require.Equal(t, "a x @0, a y @2", show(out.Read()))
		dead := words
		dead.Name = "test-dead-letters"
		letters := streamtest.Output(d, dead).Read()
		require.Equal(t, "a bad @1", show(letters))
		require.Contains(t, fmt.Sprint(letters[0].Headers), "irmak.offset")
	})
}
