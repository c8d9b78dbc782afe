// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if streamtest.Rewriting() {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// The plans of testdata are what a newcomer reads: one tree per sub-topology, with the names of what is durable.
func TestDescribe(t *testing.T) {
	t.Parallel()
	same := func(v string) string { return v }
	long := func(v string) bool { return len(v) > 3 }
	for name, build := range map[string]func(topo *stream.Topology){
		"pipe": func(topo *stream.Topology) {
			stream.To(operators.Filter(stream.From(topo, topicOf("in")), long), topicOf("out"))
		},
		"orders": func(topo *stream.Topology) {
			customers := stream.TableFrom(topo, topicOf("customers"))
			orders, bad := operators.Try(stream.From(topo, topicOf("orders")),
				func(v string) (string, error) { return v, nil })
			byCustomer := operators.KeyBy("by-customer", stream.Encode(orders, codec.String), codec.String, same)
			known := operators.JoinTable(byCustomer, customers, func(order, customer string) string { return order + customer })
			totals := operators.Aggregate("totals", known, operators.Count[string]())
			stream.To(operators.ToStream(totals),
				stream.Topic[string, int64]{Name: "totals", Key: codec.String, Value: codec.Int64})
			stream.ToEach(known, topicOf(""), func(*stream.Record[string, string]) string { return "region" })
			stream.To(operators.Map(bad, func(f operators.Failed[string]) string { return f.Value }), topicOf("bad-orders"))
		},
		"diamond": func(topo *stream.Topology) {
			in := stream.From(topo, topicOf("in"))
			hot, cold := operators.Branch(in, long)
			again := operators.Merge(hot, operators.Map(cold, same), in)
			stream.To(again, topicOf("out"))
			stream.To(operators.Peek(again, func(*stream.Record[string, string]) {}), topicOf("out-too"))
		},
		"scopes": func(topo *stream.Topology) {
			for _, region := range []string{"eu", "us"} {
				in := stream.From(topo.Scope(region), topicOf("in-"+region))
				stream.To(operators.Process("timed", in, timed), topicOf("out"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("shop")
			build(topo)
			require.NoError(t, topo.Build())
			golden(t, "describe-"+name+".txt", topo.Describe())
		})
	}
}

// timed is a process with timers.
func timed(p *operators.Processor[string, string]) operators.Func[string, string] {
	p.OnTimer(func(operators.Timer[string]) error { return nil })
	return func(*stream.Record[string, string]) error { return nil }
}

// Inputs are what is committed: each topic once, those between operators too, and no global table.
func TestInputs(t *testing.T) {
	t.Parallel()
	topo := stream.New("app")
	in := stream.From(topo, topicOf("in"))
	stream.GlobalTableFrom(topo, topicOf("rates"))
	stream.TableFrom(topo, topicOf("customers"))
	byCustomer := operators.KeyBy("by-customer", operators.Merge(in, stream.From(topo, topicOf("in"))), codec.String,
		func(v string) string { return v })
	stream.To(byCustomer, topicOf("out"))
	require.Equal(t, []string{"in", "customers", "app-by-customer-repartition"}, topo.Inputs())
}
