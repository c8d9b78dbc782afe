// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// TestRepartitionTopicsArePurged: what was read and committed is deleted from the topic between two operators, and
// nothing else is, neither there nor in a topic of the user's.
func TestRepartitionTopicsArePurged(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	first := func(v string) string { return v[:1] }
	byFirst := operators.KeyBy("by-first", stream.From(topo, text(in)), codec.String, first)
	strict := operators.Map(byFirst, func(v string) string {
		if v == "panic" {
			panic(v)
		}
		return strings.ToUpper(v)
	})
	stream.To(strict, text(out))
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir(), PurgeInterval: time.Millisecond}
	config.Errors.Process.Action = stream.Park
	a := start(t, topo, config)
	s.put(in, numbered("v", 100)...)
	between := topo.Name() + "-by-first-repartition"
	a.await("all that was there is purged", func() bool {
		return len(s.committed(out)) == 100 && len(s.committed(between)) == 0
	})
	// p and v are of different partitions, so the task of v goes on when that of p is parked.
	s.put(in, append([]record{{value: "panic"}, {value: "panic"}}, numbered("v", 100)...)...)
	a.await("what is done is purged, what is not is there", func() bool {
		return len(s.committed(out)) == 200 && slices.Equal(values(s.committed(between)), []string{"panic", "panic"})
	})
	require.Equal(t, []int64{0, 0}, s.offsetsAt(in, earliest, everything))
	a.stop()
	require.ErrorContains(t, a.wait(), "panic")
}
