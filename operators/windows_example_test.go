// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

const ms = time.Millisecond

// inExample stands in for the *testing.T that an example does not have.
type inExample struct{ testing.TB }

func (inExample) Helper()                           {}
func (inExample) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (inExample) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// tabulate prints what comes out of a windowed sum, record by record. Records are written as KEY VALUE @TIME.
func tabulate(w window.Kind, records ...string) {
	tabulatePanes(func(in texts) stream.Stream[string, window.Pane[int64]] {
		res := operators.AggregateWindows("sum", in, w, operators.Sum(number))
		stream.To(res.Late, rest)
		return res.Out
	}, records...)
}

// tabulatePanes is tabulate for what build makes of the records; what it sends to rest is late.
func tabulatePanes(build func(in texts) stream.Stream[string, window.Pane[int64]], records ...string) {
	sums := stream.Topic[string, window.Pane[int64]]{
		Name: "sums", Key: codec.String, Value: operators.PaneCodec(codec.Int64),
	}
	topo := stream.New("example")
	source := stream.From(topo, words)
	stream.To(build(source), sums)
	stream.To(operators.Filter(source, func(string) bool { return false }), rest) // rest is read, whatever build makes
	d := streamtest.New(inExample{}, topo)
	in, out, late := streamtest.Input(d, words), streamtest.Output(d, sums), streamtest.Output(d, rest)
	for _, text := range records {
		f := strings.Fields(text)
		at, _ := strconv.ParseInt(f[2][1:], 10, 64)
		in.Send(f[0], f[1], at)
		var results []string
		for _, r := range out.Read() {
			result := fmt.Sprintf("%s [%d,%d) %d @%d", r.Key, r.Value.Span.Start, r.Value.Span.End, r.Value.Value, r.Time)
			if r.Value.Final {
				result += " Final"
			}
			if r.Value.Retracted {
				result += " Retracted"
			}
			results = append(results, result)
		}
		for range late.Read() {
			results = append(results, "Late")
		}
		fmt.Println(strings.TrimSpace(text + " → " + strings.Join(results, ", ")))
	}
}

func ExampleAggregateWindows() {
	tabulate(window.Tumbling{Size: 10 * ms}, "a 1 @3", "a 2 @7", "a 4 @12", "a 8 @9")
	// Output:
	// a 1 @3 → a [0,10) 1 @3
	// a 2 @7 → a [0,10) 3 @7
	// a 4 @12 → a [10,20) 4 @12
	// a 8 @9 → Late
}

func ExampleAggregateWindows_hopping() {
	tabulate(window.Hopping{Size: 10 * ms, Advance: 5 * ms}, "a 1 @3", "a 2 @12", "a 4 @7")
	// Output:
	// a 1 @3 → a [0,10) 1 @3
	// a 2 @12 → a [5,15) 2 @12, a [10,20) 2 @12
	// a 4 @7 → a [5,15) 6 @12
}

func ExampleAggregateWindows_sliding() {
	tabulate(window.Sliding{Size: 10 * ms}, "a 1 @15", "a 2 @20", "a 4 @32")
	// Output:
	// a 1 @15 → a [5,16) 1 @15
	// a 2 @20 → a [10,21) 3 @20, a [16,27) 2 @20
	// a 4 @32 → a [22,33) 4 @32
}

// A session that grows, or that is joined with another, is taken back before what replaces it.
func ExampleAggregateWindows_session() {
	tabulate(window.Session{Gap: 10 * ms, Grace: 10 * ms},
		"a 1 @5", "a 2 @15", "a 4 @26", "a 8 @20", "a 16 @60", "a 32 @3")
	// Output:
	// a 1 @5 → a [5,6) 1 @5
	// a 2 @15 → a [5,6) 1 @5 Retracted, a [5,16) 3 @15
	// a 4 @26 → a [26,27) 4 @26
	// a 8 @20 → a [5,16) 3 @15 Retracted, a [26,27) 4 @26 Retracted, a [5,27) 15 @26
	// a 16 @60 → a [60,61) 16 @60
	// a 32 @3 → Late
}

// What a reader has of a session is taken back when the session has become another.
func ExampleAggregateWindows_sessionEvery() {
	tabulate(window.Session{Gap: 10 * ms, Emit: window.Every(20 * ms)}, "a 1 @15", "a 2 @21", "a 4 @30", "a 8 @40")
	// Output:
	// a 1 @15 →
	// a 2 @21 → a [15,16) 1 @15
	// a 4 @30 →
	// a 8 @40 → a [15,16) 1 @15 Retracted, a [15,31) 7 @30
}

// One result for each window, when it is complete.
func ExampleAggregateWindows_onClose() {
	tabulate(window.Tumbling{Size: 10 * ms, Emit: window.OnClose}, "b 1 @3", "a 2 @7", "a 4 @12", "a 8 @35")
	// Output:
	// b 1 @3 →
	// a 2 @7 →
	// a 4 @12 → a [0,10) 2 @7 Final, b [0,10) 1 @3 Final
	// a 8 @35 → a [10,20) 4 @12 Final
}

// Records that come late have a grace.
func ExampleAggregateWindows_grace() {
	tabulate(window.Tumbling{Size: 10 * ms, Grace: 5 * ms, Emit: window.OnClose}, "a 1 @3", "a 2 @12", "a 4 @9", "a 8 @15")
	// Output:
	// a 1 @3 →
	// a 2 @12 →
	// a 4 @9 →
	// a 8 @15 → a [0,10) 5 @9 Final
}

// What a long window holds so far, now and then.
func ExampleAggregateWindows_every() {
	tabulate(window.Tumbling{Size: 100 * ms, Emit: window.Every(10 * ms)},
		"a 1 @3", "a 2 @7", "a 4 @12", "a 8 @31", "a 16 @101")
	// Output:
	// a 1 @3 →
	// a 2 @7 →
	// a 4 @12 → a [0,100) 3 @7
	// a 8 @31 → a [0,100) 7 @12
	// a 16 @101 → a [0,100) 15 @31 Final
}

func ExampleSuppressUntilClose() {
	tabulatePanes(func(in texts) stream.Stream[string, window.Pane[int64]] {
		sums := operators.AggregateWindows("sums", in, window.Tumbling{Size: 10 * ms, Grace: 5 * ms}, operators.Sum(number))
		return operators.SuppressUntilClose("last", sums.Out, 5*ms, operators.Limits{})
	}, "a 1 @3", "a 2 @7", "a 4 @12", "b 1 @15")
	// Output:
	// a 1 @3 →
	// a 2 @7 →
	// a 4 @12 →
	// b 1 @15 → a [0,10) 3 @7 Final
}

func ExampleAggregateWindows_unlimited() {
	tabulate(window.Unlimited{From: time.UnixMilli(5)}, "a 1 @3", "a 2 @7", "a 4 @1000", "a 8 @9")
	// Output:
	// a 1 @3 →
	// a 2 @7 → a [5,9223372036854775807) 2 @7
	// a 4 @1000 → a [5,9223372036854775807) 6 @1000
	// a 8 @9 → a [5,9223372036854775807) 14 @1000
}
