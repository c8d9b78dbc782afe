// SPDX-License-Identifier: Apache-2.0

package streamtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// A record waits for an input that is empty, as long as the option says.
func TestTasksWaitForEmptyInputs(t *testing.T) {
	t.Parallel()
	more := stream.Topic[string, string]{Name: "more", Key: codec.String, Value: codec.String}
	topo := stream.New("test")
	stream.To(operators.Merge(stream.From(topo, in), stream.From(topo, more)), out)
	d := streamtest.New(t, topo, streamtest.Options{MaxTaskIdle: time.Second})
	first, second, results := streamtest.Input(d, in), streamtest.Input(d, more), streamtest.Output(d, out)
	first.Send("k", "at 30", 30)
	d.AdvanceWall(time.Millisecond)
	require.Empty(t, results.Read(), "one of 10 may be on its way")
	second.Send("k", "at 10", 10)
	second.Send("k", "at 20", 20)
	require.Equal(t, "at 10 at 20", values(results.Read()))
	d.Restart()
	d.AdvanceWall(999 * time.Millisecond)
	require.Empty(t, results.Read())
	d.AdvanceWall(time.Second)
	require.Equal(t, "at 30", values(results.Read()))
}
