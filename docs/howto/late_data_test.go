// SPDX-License-Identifier: Apache-2.0

package howto

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

var (
	sums    = stream.Topic[string, int64]{Name: "sums", Key: codec.String, Value: codec.Int64}
	tooLate = stream.Topic[string, float64]{Name: "too-late", Key: codec.String, Value: codec.Float64}
)

func lateData(t *stream.Topology) {
	w := window.Tumbling{Size: time.Minute, Grace: 30 * time.Second, Emit: window.OnClose}
	counted := operators.AggregateWindows("counted", stream.From(t, beats), w, operators.Count[float64]())
	stream.To(operators.Map(counted.Out, func(p window.Pane[int64]) int64 { return p.Value }), sums)
	stream.To(counted.Late, tooLate)
}

func TestLateData(t *testing.T) {
	t.Parallel()
	topology := stream.New("late")
	lateData(topology)
	d := streamtest.New(t, topology, streamtest.Options{Now: noon})
	in := streamtest.Input(d, beats)
	counts, late := streamtest.Output(d, sums), streamtest.Output(d, tooLate)
	for _, second := range []int64{10, 149, 20, 150, 30} { // closed by 150: the end, the grace, and the disorder
		in.Send("pump", float64(second), noon.UnixMilli()+second*1000)
	}
	require.EqualValues(t, 2, counts.Read()[0].Value)
	require.EqualValues(t, 30, late.Read()[0].Value)
}
