// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// The reference looks for neighbours that end at clock - gap - grace + 1 or later, but closes them a millisecond later:
// at that instant it makes a second session beside one that still takes records.
func TestSessionAtTheVeryEdgeIsMerged(t *testing.T) {
	t.Parallel()
	for closed, want := range map[int64]string{
		35: "a [20,31) 14 @30", // open until the clock is past 20 + 10 + 5
		36: "a [30,31) 4 @30",
	} {
		topo := stream.New("test")
		w := window.Session{Gap: 10 * ms, Grace: 5 * ms}
		res := operators.AggregateWindows("windowed", stream.From(topo, words), w, merged)
		stream.To(res.Out, panesOut)
		d := streamtest.New(t, topo)
		in, out := streamtest.Input(d, words), streamtest.Output(d, panesOut)
		in.Send("a", "1", 20)
		in.Send("b", "2", closed)
		in.Send("a", "4", 30)
		panes := out.Read()
		last := panes[len(panes)-1]
		require.Equal(t, want, update{key: last.Key, pane: last.Value, at: last.Time}.String(), "clock %d", closed)
	}
}
