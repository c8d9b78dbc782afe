// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"fmt"
	"testing"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// t stands in for the *testing.T of a test.
var t = exampleT{}

type exampleT struct{ testing.TB }

func (exampleT) Helper()                           {}
func (exampleT) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// A first test: the topology of the program, its topics, records in, records out.
func Example() {
	orders := stream.Topic[string, int64]{Name: "orders", Key: codec.String, Value: codec.Int64}
	totals := stream.Topic[string, int64]{Name: "totals", Key: codec.String, Value: codec.Int64}
	topology := stream.New("shop")
	sums := operators.Aggregate("sums", stream.From(topology, orders), operators.Sum(func(n int64) int64 { return n }))
	stream.To(operators.ToStream(sums), totals)

	d := streamtest.New(t, topology)
	in, out := streamtest.Input(d, orders), streamtest.Output(d, totals)
	in.Send("ada", 3, 1000)
	in.Send("ada", 4, 2000)
	d.Crash(streamtest.BeforeCommit)
	for _, r := range out.Read() {
		fmt.Println(r.Key, r.Value, r.When().Format("15:04:05"))
	}
	row, _ := streamtest.Table(d, "sums", codec.String, codec.Int64).Get("ada")
	fmt.Println("kept:", row.Value)
	// Output:
	// ada 3 00:00:01
	// ada 7 00:00:02
	// kept: 7
}
