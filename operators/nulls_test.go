// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Null values that a topic passes on: operators of one record do not ask the user's functions about them, stateful ones
// drop and count them, tables take them as deletes.
func TestNullValues(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	flagged := words
	flagged.NullValues = true
	in := stream.From(topo, flagged)
	never := func(string) string { panic("asked about a null value") }
	like := func(string) bool { panic("asked about a null value") }
	yes, no := operators.Branch(in, like)
	ok, bad := operators.Try(in, func(string) (string, error) { panic("asked about a null value") })
	stream.To(operators.Merge(
		operators.Map(in, never), operators.Filter(in, like), yes, no, ok,
		operators.FlatMap(in, func(string) iter.Seq[string] { return slices.Values([]string{"x"}) }),
		operators.Map(bad, func(operators.Failed[string]) string { return "bad" }),
	), lines)
	table := operators.ToTable("table", in, codec.String)
	operators.Aggregate("count", in, operators.Count[string]())
	operators.JoinTable(in, table, func(v, _ string) string { return v })
	operators.LeftJoinTable(in, table, func(v, _ string, _ bool) string { return v })
	d := streamtest.New(t, topo)
	streamtest.Input(d, flagged).Delete("k", 5)
	require.Equal(t, "k ∅ @5, k ∅ @5, k ∅ @5", show(streamtest.Output(d, lines).Read()), "of Map, Branch and Try")
	require.Equal(t, map[streamtest.DropReason]uint64{
		{Operator: `aggregate "count"`, Reason: "null value"}: 1,
		{Operator: "join table", Reason: "null value"}:        1,
		{Operator: "left join table", Reason: "null value"}:   1,
	}, d.Drops())
}

// A nil pointer that a codec gives is a value like any other.
func TestNilPointersAreValues(t *testing.T) {
	t.Parallel()
	maybe := stream.Topic[string, *string]{Name: "maybe", Key: codec.String, Value: codec.Nullable(codec.String)}
	topo := stream.New("test")
	in := stream.From(topo, maybe)
	counts := operators.ToStream(operators.Aggregate("n", in, operators.Count[*string]()))
	table := operators.ToTable("table", in, maybe.Value)
	joined := operators.JoinTable(in, table, func(v, row *string) string { return fmt.Sprint(v == nil, row == nil) })
	stream.To(operators.Map(counts, func(n int64) string { return fmt.Sprint(n) }), lines)
	stream.To(joined, rest)
	d := streamtest.New(t, topo)
	streamtest.Input(d, maybe).Send("k", nil, 1)
	d.Restart()
	streamtest.Input(d, maybe).Send("k", nil, 2)
	require.Equal(t, "k 1 @1, k 2 @2", show(streamtest.Output(d, lines).Read()))
	require.Equal(t, "k true true @1, k true true @2", show(streamtest.Output(d, rest).Read()))
}
