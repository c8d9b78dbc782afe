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

// Where the wall moves the clocks on quiet input, windows, sessions and timers give what they held back to windows
// further down before these close.
func TestNothingIsLateOnQuietInput(t *testing.T) {
	t.Parallel()
	in := stream.Topic[string, int64]{Name: "in", Key: codec.String, Value: codec.Int64, Idle: time.Minute}
	out := stream.Topic[string, window.Pane[int64]]{
		Name: "out", Key: codec.String, Value: operators.PaneCodec(codec.Int64),
	}
	type numbers = stream.Stream[string, int64]
	counted := func(w window.Kind) func(numbers) numbers {
		return func(in numbers) numbers {
			panes := operators.AggregateWindows("first", in, w, operators.Count[int64]())
			return operators.Map(panes.Out, func(p window.Pane[int64]) int64 { return p.Value })
		}
	}
	const minute, grace = time.Minute, 30 * time.Second
	for name, c := range map[string]struct {
		first func(numbers) numbers
		sum   int64 // of what comes in two hours
	}{
		"tumbling":   {counted(window.Tumbling{Size: minute, Emit: window.OnClose}), 4},
		"with grace": {counted(window.Tumbling{Size: minute, Grace: grace, Emit: window.OnClose}), 4},
		"every":      {counted(window.Tumbling{Size: minute, Grace: grace, Emit: window.Every(2 * minute)}), 6},
		"session":    {counted(window.Session{Gap: minute, Grace: grace, Emit: window.OnClose}), 4},
		"timers": {func(in numbers) numbers {
			return operators.Process("first", in, func(p *operators.Processor[string, int64]) operators.Func[string, int64] {
				p.OnTimer(func(operators.Timer[string]) error { p.Emit(1); return nil })
				return func(r *stream.Record[string, int64]) error {
					p.SetTimer(r.Key, "", r.Time+grace.Milliseconds()+500) // in the second that ends the hour
					return nil
				}
			})
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topology := stream.New("quiet")
			hour := window.Tumbling{Size: time.Hour, Emit: window.OnClose}
			hours := operators.AggregateWindows("hours", c.first(stream.From(topology, in)), hour, operators.Sum(identical))
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
