// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// holding are operators that hold records back, and the sum of what comes of them in two hours of two records each.
var holding = map[string]struct {
	build func(in longs) longs
	sum   int64
}{
	"tumbling":   {counted(window.Tumbling{Size: minute, Emit: window.OnClose}), 4},
	"with grace": {counted(window.Tumbling{Size: minute, Grace: grace, Emit: window.OnClose}), 4},
	"every":      {counted(window.Tumbling{Size: minute, Grace: grace, Emit: window.Every(2 * minute)}), 6},
	"session":    {counted(window.Session{Gap: minute, Grace: grace, Emit: window.OnClose}), 4},
	"until close": {func(in longs) longs {
		panes := operators.AggregateWindows("first", in, window.Tumbling{Size: minute, Grace: grace}, countAll)
		return operators.Map(operators.SuppressUntilClose("last", panes.Out, grace, operators.Limits{}), valueOf)
	}, 4},
	"panes of two": {func(in longs) longs {
		w := window.Tumbling{Size: minute, Grace: grace}
		a, b := operators.AggregateWindows("a", in, w, countAll), operators.AggregateWindows("b", nothing(in), w, countAll)
		last := operators.SuppressUntilClose("last", a.Out, grace, operators.Limits{})
		panes := operators.LeftJoinPanes("panes", last, b.Out, grace, unmatched)
		return operators.Map(operators.Filter(panes, func(p window.Pane[int64]) bool { return p.Final }), valueOf)
	}, 4},
	"suppressed": {func(in longs) longs {
		table := operators.ToTable("first", in, codec.Int64)
		return operators.ToStream(operators.Suppress("held", table, minute, operators.Limits{}))
	}, 4},
	"unmatched": {func(in longs) longs {
		in, none := stream.Encode(in, codec.Int64), stream.Encode(nothing(in), codec.Int64)
		return operators.LeftJoin("first", in, none, window.Within{After: minute}, unmatched)
	}, 4},
	"with grace of a table": {func(in longs) longs {
		table := operators.ToVersionedTable("rows", in, codec.Int64, time.Hour)
		return operators.JoinTableGrace("first", in, table, minute, func(n, _ int64) int64 { return n })
	}, 4},
	"timers": {func(in longs) longs {
		return operators.Process("first", in, func(p *operators.Processor[string, int64]) operators.Func[string, int64] {
			p.OnTimer(func(operators.Timer[string]) error { p.Emit(1); return nil })
			return func(r *stream.Record[string, int64]) error {
				p.SetTimer(r.Key, "", r.Time+grace.Milliseconds()+500) // in the second that ends the hour
				return nil
			}
		})
	}, 4},
}

type longs = stream.Stream[string, int64]

const minute, grace = time.Minute, 30 * time.Second

var countAll = operators.Count[int64]()

func counted(w window.Kind) func(longs) longs {
	return func(in longs) longs {
		return operators.Map(operators.AggregateWindows("first", in, w, countAll).Out, valueOf)
	}
}

func valueOf(p window.Pane[int64]) int64 { return p.Value }

func nothing(in longs) longs { return operators.Filter(in, func(int64) bool { return false }) }

func unmatched(n, _ int64, ok bool) int64 {
	if ok {
		return 0
	}
	return n
}

// Where the wall moves the clocks on quiet input, what is held back comes to windows further down before these close.
func TestNothingIsLateOnQuietInput(t *testing.T) {
	t.Parallel()
	in := stream.Topic[string, int64]{Name: "in", Key: codec.String, Value: codec.Int64, Idle: time.Minute}
	out := stream.Topic[string, window.Pane[int64]]{
		Name: "out", Key: codec.String, Value: operators.PaneCodec(codec.Int64),
	}
	for name, c := range holding {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topology := stream.New("quiet")
			hour := window.Tumbling{Size: time.Hour, Emit: window.OnClose}
			hours := operators.AggregateWindows("hours", c.build(stream.From(topology, in)), hour, operators.Sum(identical))
			stream.To(hours.Out, out)
			at := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
			d := streamtest.New(t, topology, streamtest.Options{Now: at})
			numbers, panes := streamtest.Input(d, in), streamtest.Output(d, out)
			for second := range 3 * 3600 {
				switch second % 3600 {
				case 50 * 60, 59*60 + 29: // and then nothing, until the hour closes
					numbers.Send("k", 1, at.UnixMilli())
				}
				at = at.Add(time.Second)
				d.AdvanceWall(time.Second)
			}
			require.Empty(t, d.Drops())
			sum, read := int64(0), panes.Read()
			for _, p := range read {
				sum += p.Value.Value
			}
			require.EqualValues(t, []int64{2, c.sum}, []int64{int64(len(read)), sum})
		})
	}
}

func identical(n int64) int64 { return n }
