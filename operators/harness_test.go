// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

var seedFlag = flag.Uint64("seed", 0, "repeat a random test with the seed that its failure has printed")

// event is one record of a random history, to topic words or, with other set, to topic other.
type event struct {
	other   bool
	key     string
	value   string
	at      int64
	nullKey bool
	null    bool // value
}

func (e event) record() *stream.Record[string, string] {
	return &stream.Record[string, string]{
		Key: e.key, Value: e.value, Time: e.at, NullKey: e.nullKey, NullValue: e.null,
	}
}

// scenario is a topology from words, and maybe other, to lines, with a recomputation of what comes out.
type scenario struct {
	build func(topo *stream.Topology)
	// draw makes the i-th event. Where results depend on the order between topics, times must ascend.
	draw func(r *rand.Rand, i int) event
	// oracle gives the results of one partition's whole history. Only the order of each key's results counts.
	oracle func(history []event) []string
}

const (
	randomRuns   = 30 // per scenario
	randomEvents = 300
)

// equivalent runs c with random input under random settings, restarts and crashes, and compares with its oracle.
func equivalent(t *testing.T, c scenario) {
	t.Helper()
	t.Parallel()
	if *seedFlag != 0 {
		c.run(t, *seedFlag)
		return
	}
	for range randomRuns {
		c.run(t, rand.Uint64())
	}
}

func (c *scenario) run(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	opts := streamtest.Options{
		Partitions: 1 + r.Int32N(4), CommitEvery: 1 + r.IntN(40), BatchRecords: 1 + r.IntN(50),
		CacheBytes: 300 << r.IntN(12), CheckpointInterval: time.Millisecond << r.IntN(14),
	}
	topo := stream.New("test")
	c.build(topo)
	d := streamtest.New(t, topo, opts)
	in, out := streamtest.Input(d, words), streamtest.Output(d, lines)
	history := map[int32][]event{}
	send := func(e event) {
		var p int32
		if !e.nullKey {
			p = kafka.PartitionFor([]byte(e.key), opts.Partitions)
		}
		history[p] = append(history[p], e)
		if e.other {
			streamtest.Input(d, other).SendRecord(e.record())
		} else {
			in.SendRecord(e.record())
		}
	}
	for i := range randomEvents {
		send(c.draw(r, i))
		switch r.IntN(25) {
		case 0:
			d.Restart()
		case 1, 2:
			d.Crash(streamtest.Step(r.IntN(4)))
		case 3, 4, 5:
			d.AdvanceWall(time.Duration(r.IntN(2000)) * time.Millisecond)
		}
	}
	got := map[string][]string{}
	for _, rec := range out.Read() {
		got[rec.Key] = append(got[rec.Key], show([]streamtest.Record[string, string]{rec}))
	}
	want := map[string][]string{}
	for p := range opts.Partitions {
		for _, line := range c.oracle(history[p]) {
			var key string
			_, err := fmt.Sscan(line, &key)
			require.NoError(t, err)
			want[key] = append(want[key], line)
		}
	}
	for key := range want {
		require.Equal(t, want[key], got[key], "key %s, %+v; repeat with -seed %d", key, opts, seed)
	}
	require.Len(t, got, len(want), "%+v; repeat with -seed %d", opts, seed)
}
