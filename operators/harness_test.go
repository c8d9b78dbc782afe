// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
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

// scenario is a topology from words, and maybe other, to lines, with a recomputation of what comes out.
type scenario struct {
	build func(topo *stream.Topology)
	// draw makes the i-th event. Where results depend on the order between topics, times must ascend.
	draw func(r *rand.Rand, i int) event
	// oracle gives the results of one partition's whole history, as show writes them.
	oracle func(history []event) []string
	// global: the oracle is given the history of all partitions at once, because records change their partitions.
	global bool
	// group says which results are in order among each other. Defaults to those of one key.
	group func(line string) string
	// equal compares one group's results. Defaults to being the same.
	equal func(t *testing.T, want, got []string, msg string)
}

const (
	randomRuns   = 30 // per scenario
	shortRuns    = 5  // with -short
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
	runs := randomRuns
	if testing.Short() {
		runs = shortRuns
	}
	for range runs {
		c.run(t, rand.Uint64())
	}
}

func (c *scenario) run(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	opts := streamtest.Options{
		Partitions: 1 + r.Int32N(4), CommitEvery: 1 + r.IntN(40), BatchRecords: 1 + r.IntN(50),
		CacheBytes: 300 << r.IntN(12), CheckpointInterval: time.Millisecond << r.IntN(14),
		Seed: r.Uint64(),
	}
	topo := stream.New("test")
	c.build(topo)
	d := streamtest.New(t, topo, opts)
	history := map[int32][]event{}
	for i := range randomEvents {
		e := c.draw(r, i)
		p := e.send(d, opts.Partitions)
		if c.global {
			p = 0
		}
		history[p] = append(history[p], e)
		switch r.IntN(25) {
		case 0:
			d.Restart()
		case 1, 2:
			d.Crash(streamtest.Step(r.IntN(streamtest.Steps)))
		case 3:
			d.Rebalance()
		case 4:
			if r.IntN(4) == 0 {
				d.RestartEmpty()
			}
		case 5, 6:
			d.AdvanceWall(time.Duration(r.IntN(2000)) * time.Millisecond)
		}
	}
	var want, got []string
	for p := range opts.Partitions {
		want = append(want, c.oracle(history[p])...)
	}
	for _, rec := range streamtest.Output(d, lines).Read() {
		got = append(got, show([]streamtest.Record[string, string]{rec}))
	}
	c.compare(t, want, got, fmt.Sprintf("%d partitions, a commit every %d, batches of %d, cache of %d bytes, checkpoints "+
		"every %v; repeat with -seed %d", opts.Partitions, opts.CommitEvery, opts.BatchRecords, opts.CacheBytes,
		opts.CheckpointInterval, seed))
}

// send gives the partition to which e went.
func (e event) send(d *streamtest.Driver, partitions int32) (p int32) {
	topic := words
	if e.other {
		topic = other
	}
	topic.NullValues = true // of the sender
	if !e.nullKey {
		p = kafka.PartitionFor([]byte(e.key), partitions)
	}
	streamtest.Input(d, topic).SendTo(p, &stream.Record[string, string]{
		Key: e.key, Value: e.value, Time: e.at, NullKey: e.nullKey, NullValue: e.null,
	})
	return p
}

func (c *scenario) compare(t *testing.T, want, got []string, msg string) {
	t.Helper()
	group, equal := c.group, c.equal
	if group == nil {
		group = func(line string) string {
			key, _, _ := strings.Cut(line, " ")
			if key == "∅" {
				return line // records without a key are spread over the partitions
			}
			return key
		}
	}
	if equal == nil {
		equal = func(t *testing.T, want, got []string, msg string) { t.Helper(); require.Equal(t, want, got, msg) }
	}
	wants, gots := grouped(want, group), grouped(got, group)
	for k := range gots {
		require.Contains(t, wants, k, msg)
	}
	for k := range wants {
		equal(t, wants[k], gots[k], k+": "+msg)
	}
}

func grouped(lines []string, group func(string) string) map[string][]string {
	groups := map[string][]string{}
	for _, line := range lines {
		k := group(line)
		groups[k] = append(groups[k], line)
	}
	return groups
}

// draw makes an event of a random history: a dozen keys, times in rough order, some without a key.
func draw(r *rand.Rand, i int) event {
	return event{
		key: fmt.Sprintf("k%d", r.IntN(12)), value: fmt.Sprint(r.IntN(100)), at: int64(max(0, i*10+r.IntN(200)-100)),
		nullKey: r.IntN(20) == 0,
	}
}

// line is a result as show writes it.
func line(key string, value any, at int64) string { return fmt.Sprintf("%s %v @%d", key, value, at) }
