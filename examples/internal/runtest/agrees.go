// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Agrees runs the program's topology over its feed of n records without a broker, and wants its judge to be content
// with what comes out. Partitions, commits, caches, crashes, restarts and moves are drawn from the seed, which is
// printed, and which the feed is made with, too.
func Agrees(t *testing.T, p runner.Program, seed uint64, n int64) runner.Judge {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	opts := streamtest.Options{
		Partitions: 1 + rng.Int32N(12), CommitEvery: 1 + rng.IntN(500), BatchRecords: 1 + rng.IntN(200),
		CacheBytes: 1 << (10 + rng.IntN(12)), CheckpointInterval: time.Duration(1+rng.IntN(20)) * time.Second,
		Seed: rng.Uint64(),
	}
	crash, move := 0.002*rng.Float64(), 0.001*rng.Float64() // chances per record
	t.Logf("seed %d, %+v", seed, opts)
	topology := stream.New(p.Name)
	p.Topology(topology)
	d := streamtest.New(t, topology, opts)
	judge := p.Judge(seed, n)
	read := outputs(t, d, judge)
	inputs := map[string]*streamtest.In[[]byte, []byte]{}
	for e := range p.Generate(seed, n) {
		r, err := e.Record()
		require.NoError(t, err)
		if r == nil {
			continue // what is sent is there
		}
		if inputs[r.Topic] == nil {
			inputs[r.Topic] = streamtest.Input(d, raw(r.Topic))
		}
		inputs[r.Topic].SendRecord(&stream.Record[[]byte, []byte]{
			Key: r.Key, Value: r.Value, NullValue: r.Value == nil, Time: r.Timestamp.UnixMilli(),
		})
		switch chance := rng.Float64(); {
		case chance < crash:
			d.Crash(streamtest.Step(rng.IntN(streamtest.Steps)))
		case chance < crash+move/2:
			d.Restart()
		case chance < crash+move:
			d.Rebalance()
		case chance > 0.998:
			read()
		}
	}
	read()
	require.NoError(t, judge.Check())
	return judge
}

// outputs gives a function that tells the judge what has come.
func outputs(t *testing.T, d *streamtest.Driver, judge runner.Judge) (read func()) {
	t.Helper()
	var all []func()
	for _, o := range judge.Outputs() {
		out, offsets := streamtest.Output(d, raw(o.Topic)), map[int32]int64{}
		all = append(all, func() {
			for _, r := range out.Read() {
				told := &kgo.Record{
					Topic: o.Topic, Partition: r.Partition, Offset: offsets[r.Partition], Key: r.Key, Value: r.Value,
					Timestamp: time.UnixMilli(r.Time),
				}
				offsets[r.Partition]++
				_, err := o.Tell(told, false)
				require.NoError(t, err)
			}
		})
	}
	return func() {
		for _, each := range all {
			each()
		}
	}
}

// raw is a topic as bytes.
func raw(name string) stream.Topic[[]byte, []byte] {
	return stream.Topic[[]byte, []byte]{Name: name, Key: codec.Bytes, Value: codec.Bytes}
}
