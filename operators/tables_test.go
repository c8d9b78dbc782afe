// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

type (
	table  = stream.Table[string, string]
	change = stream.Change[string]
)

// arrows gives a table's changes as "old→new", an absent row as ∅.
func arrows[V any](t stream.Table[string, V]) texts {
	return operators.Map(t.Changes(), func(c stream.Change[V]) string {
		o, n := "∅", "∅"
		if c.HasOld {
			o = fmt.Sprint(c.Old)
		}
		if c.HasNew {
			n = fmt.Sprint(c.New)
		}
		return o + "→" + n
	})
}

// rig is a topology under test whose results are read as they come.
type rig struct {
	*streamtest.Driver
	t   testing.TB
	out *streamtest.Out[string, string]
}

func rigged(t testing.TB, topo *stream.Topology, opts ...streamtest.Options) *rig {
	t.Helper()
	d := streamtest.New(t, topo, opts...)
	return &rig{d, t, streamtest.Output(d, lines)}
}

// play sends records written as "KEY VALUE @TIME" to a topic, ∅ for a null value, and gives what they cause.
func (r *rig) play(topic stream.Topic[string, string], records ...string) string {
	r.t.Helper()
	var got []string
	for _, text := range records {
		send(r.t, r.Driver, topic, text)
		if s := show(r.out.Read()); s != "" {
			got = append(got, s)
		}
	}
	return strings.Join(got, ", ")
}

func send(t testing.TB, d *streamtest.Driver, topic stream.Topic[string, string], record string) {
	t.Helper()
	f := strings.Fields(record)
	at, err := strconv.ParseInt(f[2][1:], 10, 64)
	require.NoError(t, err)
	topic.NullValues = true
	streamtest.Input(d, topic).SendRecord(&text{
		Key: f[0], Value: strings.ReplaceAll(f[1], "∅", ""), Time: at, NullValue: f[1] == "∅",
		Headers: []stream.Header{{Key: "of", Value: []byte(record)}},
	})
}

func TestTableViews(t *testing.T) {
	t.Parallel()
	above4 := func(_ string, v string) bool { return number(v) > 4 }
	tagged := func(k, v string) string { return k + v }
	for name, c := range map[string]struct {
		build func(table) table
		want  string
	}{
		"filter": {
			func(t table) table { return operators.FilterTable(t, above4) },
			"a ∅→5 @2, a 5→6 @3, a 6→∅ @4",
		},
		"map": {
			func(t table) table { return operators.MapTable(t, tagged) },
			"a ∅→a1 @1, a a1→a5 @2, a a5→a6 @3, a a6→a2 @4, a a2→∅ @5",
		},
		"filter2": {
			func(t table) table { return operators.FilterTable(operators.FilterTable(t, above4), above4) },
			"a ∅→5 @2, a 5→6 @3, a 6→∅ @4",
		},
		"filtered": {
			func(t table) table { return operators.MapTable(operators.FilterTable(t, above4), tagged) },
			"a ∅→a5 @2, a a5→a6 @3, a a6→∅ @4",
		},
		"kept": {func(t table) table {
			return operators.Materialize("kept", operators.FilterTable(t, above4), codec.String)
		}, "a ∅→5 @2, a 5→6 @3, a 6→∅ @4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			stream.To(arrows(c.build(stream.TableFrom(topo, words))), lines)
			d := rigged(t, topo)
			require.Equal(t, c.want, d.play(words, "a 1 @1", "a 5 @2", "a 6 @3", "a 2 @4", "a ∅ @5", "b ∅ @6"))
		})
	}
}

// The rows that a view gives to who reads it: values and times.
func TestTableViewsAreRead(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rows := stream.TableFrom(topo, words)
	above4 := operators.FilterTable(rows, func(_ string, v string) bool { return number(v) > 4 })
	twice := operators.MapTable(above4, func(_, v string) int { return 2 * number(v) })
	kept := operators.Materialize("kept", stream.EncodeTable(twice, codec.JSON[int]()), codec.JSON[int]())
	in := stream.From(topo, other)
	a := operators.LeftJoinTable(in, twice, func(v string, n int, ok bool) string { return fmt.Sprint("view ", n, ok) })
	b := operators.LeftJoinTable(in, kept, func(v string, n int, ok bool) string { return fmt.Sprint("kept ", n, ok) })
	stream.To(operators.Merge(a, b), lines)
	d := rigged(t, topo)
	d.play(words, "a 5 @1", "b 3 @1")
	require.Equal(t, "a view 10 true @2, a kept 10 true @2", d.play(other, "a x @2"))
	require.Equal(t, "b view 0 false @2, b kept 0 false @2", d.play(other, "b x @2"))
	d.play(words, "a 4 @3", "b 7 @3")
	d.Crash(streamtest.AfterCommit)
	require.Equal(t, "a view 0 false @4, a kept 0 false @4", d.play(other, "a x @4"))
	require.Equal(t, "b view 14 true @4, b kept 14 true @4", d.play(other, "b x @4"))
}

// Headers are those of the record that changed the row, also of a delete.
func TestHeadersOfTableResults(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := stream.TableFrom(topo, words), stream.TableFrom(topo, other)
	joined := operators.JoinTables(operators.MapTable(a, func(_, v string) string { return v }), b, plus)
	self := operators.JoinTables(a, a, plus)
	stream.To(operators.Merge(arrows(joined), arrows(self)), lines)
	d := streamtest.New(t, topo)
	send(t, d, words, "a 1 @1")
	send(t, d, other, "a x @2")
	send(t, d, words, "a 2 @3")
	send(t, d, other, "a ∅ @3")
	var got []string
	for _, r := range streamtest.Output(d, lines).Read() {
		got = append(got, r.Value+" of "+string(r.Headers[0].Value))
	}
	require.Equal(t, []string{
		"∅→11 of a 1 @1", "∅→1x of a x @2", "1x→2x of a 2 @3", "11→22 of a 2 @3", "2x→∅ of a ∅ @3",
	}, got)
}

func plus(a, b string) string { return a + b }

// Mistakes are found by Build.
func TestMistakesInTables(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rows := stream.TableFrom(topo, words)
	operators.FilterTable(rows, nil)
	operators.MapTable[string, string, string](rows, nil)
	operators.Materialize("", rows, codec.String)
	operators.Materialize("m", rows, nil)
	operators.JoinTables[string, string, string, string](rows, rows, nil)
	err := topo.Build()
	for _, want := range []string{
		"filter table: there is no function that says which rows to keep",
		"map table: there is no function that makes the new rows",
		"materialize: it needs a name",
		`materialize "m": the codec of the values is missing`,
		"join tables: there is no function that makes the results",
	} {
		require.ErrorContains(t, err, want)
	}
}

// Views of a table with deletes, against the same from the table's updates.
func TestRandomTableViews(t *testing.T) {
	odd := func(_ string, v string) bool { return number(v)%2 == 1 }
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			view := operators.MapTable(operators.FilterTable(tableOfWords(topo), odd), func(k, v string) string { return k + v })
			kept := operators.Materialize("kept", view, codec.String)
			stream.To(arrows(kept), lines)
		},
		weather: anyUpdate,
		oracle: func(history []event) (want []string) {
			rows := map[string]string{}
			for _, e := range history {
				before, now := "∅", "∅"
				if v, ok := rows[e.key]; ok {
					before = v
				}
				if !e.null && number(e.value)%2 == 1 {
					now = e.key + e.value
				}
				if e.nullKey || before == "∅" && now == "∅" {
					continue
				}
				want = append(want, line(e.key, before+"→"+now, e.at))
				if delete(rows, e.key); now != "∅" {
					rows[e.key] = now
				}
			}
			return want
		},
	})
}

// A view costs no memory per update.
func TestTableViewsAllocateNothing(t *testing.T) {
	topo := stream.New("test")
	type next = stream.Next[string, stream.Change[int64]]
	var allocs float64
	begin := stream.From(topo, numbers)
	o := stream.NewOp(topo, "pump", "")
	changes := stream.Out(o, begin, codec.String, codec.Codec[stream.Change[int64]](nil))
	rows := stream.PerTask(o, func(t *stream.Task) *stream.Rows[string, int64] {
		return stream.OpenRows(t, "rows", codec.String, codec.Int64)
	})
	source := stream.NewStoredTable(changes.Stream, codec.Int64, rows)
	stream.In(o, begin, func(t *stream.Task) stream.Next[string, int64] {
		rows(t)
		out := changes.Open(t)
		rec := stream.Record[string, stream.Change[int64]]{Key: "k"}
		return func(*stream.Record[string, int64]) {
			rec.Value = stream.Change[int64]{Old: 3, New: 5, HasOld: true, HasNew: true}
			allocs = testing.AllocsPerRun(100, func() { out(&rec) })
		}
	})
	a := operators.FilterTable(source, func(_ string, v int64) bool { return v > 1 })
	b := operators.MapTable(source, func(_ string, v int64) int64 { return v + 1 })
	sum := func(a, b int64) int64 { return a + b }
	n := 0
	for _, joined := range []stream.Table[string, int64]{
		operators.JoinTables(a, b, sum), operators.Materialize("kept", a, codec.Int64),
	} {
		operators.Peek(operators.ToStream(joined), func(*stream.Record[string, int64]) { n++ })
	}
	d := streamtest.New(t, topo)
	streamtest.Input(d, numbers).Send("go", 0, 0)
	require.Zero(t, allocs)
	require.Greater(t, n, 100)
}

// What is made of the newest rows of a versioned table passes updates over that come out of order; its views read the
// past, too.
func TestOutOfOrderUpdatesChangeNothing(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rows := stream.VersionedTableFrom(topo, words, 100*time.Millisecond)
	right := stream.VersionedTableFrom(topo, other, 100*time.Millisecond)
	view := upper(operators.FilterTable(rows, func(_, v string) bool { return v != "0" }))
	kept := operators.Materialize("kept", view, codec.String)
	joined := operators.OuterJoinTables(rows, right, pair)
	met := operators.JoinTables(rows, view, plus)
	reads := operators.JoinTable(operators.ToStream(right), view, plus)
	named := operators.Map(reads, func(v string) string { return "read " + v })
	stream.To(operators.Merge(arrows(kept), arrows(joined), arrows(met), named), lines)
	d := rigged(t, topo)
	require.Equal(t, "k ∅→<1> @10, k ∅→1+- @10, k ∅→1<1> @10", d.play(words, "k 1 @10"))
	require.Equal(t, "k <1>→<2> @20, k 1+-→2+- @20, k 1<1>→2<2> @20", d.play(words, "k 2 @20"))
	require.Empty(t, d.play(words, "k 3 @15", "k ∅ @16", "k 0 @17"))
	require.Equal(t, "k 2+-→2+x @20, k read x<3> @15", d.play(other, "k x @15"))
	require.Equal(t, "k read y<1> @11", d.play(other, "k y @11"))
	require.Empty(t, d.play(other, "k ∅ @14"))
	require.Equal(t, "k <2>→∅ @20, k 2+x→0+x @20, k 2<2>→∅ @20", d.play(words, "k 0 @20"))
}
