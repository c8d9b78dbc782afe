// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "of the equivalence test; 0: a new one, which is printed")
	roundsFlag = flag.Int("rounds", 6, "of the equivalence test")
)

// program counts words and gives them their names:
//
//	lines ─ key by word ─ count ─┬─ each update ─ join names ─▶ each
//	names ───────────────────────│──────────────────┘
//	                             └─ once per commit ──────────▶ last
func program(j job) *stream.Topology {
	topo := stream.New(j.Name)
	names := stream.TableFrom(topo, text(j.Table))
	byWord := operators.KeyBy("by-word", stream.From(topo, text(j.In)), codec.String,
		func(line string) string { return strings.Fields(line)[0] })
	table := operators.Aggregate("counts", byWord, operators.Count[string]())
	named := operators.JoinTable(operators.ToStream(table), names,
		func(n int64, name string) string { return fmt.Sprintf("%s %d", name, n) })
	stream.To(stream.Encode(named, codec.String), text(j.Out))
	stream.To(operators.PerCommit(table), counts(j.Last))
	return topo
}

// TestSettingsAndRestartsDoNotChangeResults runs the program with random settings in two processes that are stopped,
// killed and started at random, one of them sometimes without its directory, and holds the committed results against
// what a loop over the input gives.
func TestSettingsAndRestartsDoNotChangeResults(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	for round := range *roundsFlag {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Logf("go test ./internal/e2e -run %s -seed %d", t.Name(), seed)
			newHistory(t, rand.New(rand.NewPCG(seed, uint64(round)))).run()
		})
	}
}

// history is one round.
type history struct {
	*site
	t   *testing.T
	r   *rand.Rand
	job job

	here  *app   // nil when stopped
	other *child // nil when stopped
	dirs  [2]string

	words int
	lines int
	want  map[string]int64
}

func newHistory(t *testing.T, r *rand.Rand) *history {
	s, c := shared(t)
	partitions := 1 + r.Int32N(4)
	h := &history{
		site: s, t: t, r: r, words: 100 + r.IntN(20_000), want: map[string]int64{}, dirs: [2]string{t.TempDir(), t.TempDir()},
	}
	h.job = job{
		Program: "words", Name: kafkatest.Name(t, "words"), Brokers: s.addrs, AtLeastOnce: r.IntN(5) == 0,
		TransactionTime: shortSession,
		In:              c.CreateTopic(t, "lines", 1+r.Int32N(4), nil), Table: c.CreateTopic(t, "names", partitions, nil),
		Out: c.CreateTopic(t, "each", 1+r.Int32N(3), nil), Last: c.CreateTopic(t, "last", 1, nil),
	}
	names := make([]record, h.words)
	for w := range names {
		key := fmt.Sprint("word", w)
		names[w] = record{key: key, value: "name" + key, partition: partitionOf(key, partitions)}
	}
	h.put(h.job.Table, names...)
	return h
}

// settle draws the settings of one start.
func (h *history) settle(dir string) job {
	j := h.job
	j.StateDir = dir
	j.Workers = 1 + h.r.IntN(3)
	j.Memory = 16 << 20
	if h.r.IntN(2) == 0 {
		j.Memory = 64 << 20
	}
	j.Commit = time.Duration(10+h.r.IntN(300)) * time.Millisecond
	j.Checkpoint = j.Commit + time.Duration(h.r.IntN(3000))*time.Millisecond
	return j
}

func (h *history) run() {
	out := h.follow(h.job.Out)
	h.startHere()
	h.startOther()
	for range 4 + h.r.IntN(4) {
		h.feed(1000 + h.r.IntN(5000))
		h.disturb()
		out.until(out.n + h.r.IntN(h.lines-out.n+1))
	}
	if h.here == nil {
		h.startHere()
	}
	h.feed(1000)
	out.until(h.lines)
	if h.here != nil {
		require.NoError(h.t, h.here.end())
	}
	if h.other != nil {
		require.NoError(h.t, h.other.end())
	}
	h.check(out)
}

// disturb stops, kills or starts one of the processes.
func (h *history) disturb() {
	switch {
	case h.here == nil:
		h.startHere()
	case h.other == nil:
		h.startOther()
	case h.r.IntN(3) == 0 && !h.job.AtLeastOnce:
		h.t.Log("kill the other")
		h.other.kill()
		h.other = nil
	case h.r.IntN(2) == 0:
		h.t.Log("end the other")
		require.NoError(h.t, h.other.end())
		h.other = nil
	default:
		h.t.Log("end here")
		require.NoError(h.t, h.here.end())
		h.here = nil
	}
}

func (h *history) startHere() {
	if h.r.IntN(4) == 0 {
		h.t.Log("another directory")
		h.dirs[0] = h.t.TempDir()
	}
	j := h.settle(h.dirs[0])
	h.t.Logf("start here: %d workers, %d MiB, commits %v, checkpoints %v", j.Workers, j.Memory>>20, j.Commit, j.Checkpoint)
	h.here = start(h.t, j.topology(), j.config())
}

func (h *history) startOther() {
	j := h.settle(h.dirs[1])
	h.t.Logf("start the other: %d workers, %d MiB, commits %v, checkpoints %v", j.Workers, j.Memory>>20, j.Commit,
		j.Checkpoint)
	h.other = launch(h.t, j)
}

// feed puts n more lines, each of one word.
func (h *history) feed(n int) {
	partitions := h.partitions(h.job.In)
	records := make([]record, n)
	for i := range records {
		word := fmt.Sprint("word", h.r.IntN(h.words))
		if h.r.IntN(2) == 0 {
			word = fmt.Sprint("word", h.r.IntN(10)) // some are frequent
		}
		h.want[word]++
		records[i] = record{key: fmt.Sprint(h.lines), value: word, partition: h.r.Int32N(partitions)}
		h.lines++
	}
	h.put(h.job.In, records...)
}

func (h *history) check(out *follower) {
	last := map[string]int64{}
	for _, r := range h.committed(h.job.Last) {
		v, err := codec.Int64.Decode(r.Value)
		require.NoError(h.t, err)
		if !h.job.AtLeastOnce {
			require.Greater(h.t, v, last[string(r.Key)], "%s: once per commit", r.Key)
		}
		last[string(r.Key)] = v
	}
	if h.job.AtLeastOnce {
		for word, n := range h.want {
			require.GreaterOrEqual(h.t, last[word], n, word)
			require.GreaterOrEqual(h.t, out.rows[word], n, word)
		}
		return
	}
	require.Equal(h.t, h.want, last)
	require.Equal(h.t, h.want, out.rows)
	require.Len(h.t, h.committed(h.job.Out), h.lines, "nothing comes after")
}

// follower reads the named counts as they are committed.
type follower struct {
	h      *history
	client *kgo.Client
	rows   map[string]int64
	n      int
}

func (h *history) follow(topic string) *follower {
	return &follower{h: h, rows: map[string]int64{}, client: h.connect(kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(quickWait), kgo.MetadataMinAge(quickWait))}
}

// until reads n results; of each word the counts 1, 2, … in order.
func (f *follower) until(n int) {
	f.h.t.Helper()
	ctx := bounded(f.h.t)
	for f.n < n {
		fetches := f.client.PollFetches(ctx)
		require.NoError(f.h.t, ctx.Err(), "%d of %d results", f.n, n)
		fetches.EachRecord(func(r *kgo.Record) {
			var name string
			var v int64
			_, err := fmt.Sscan(string(r.Value), &name, &v)
			require.NoError(f.h.t, err)
			require.Equal(f.h.t, "name"+string(r.Key), name)
			if !f.h.job.AtLeastOnce {
				require.Equal(f.h.t, f.rows[string(r.Key)]+1, v, "%s at %s-%d@%d", r.Key, r.Topic, r.Partition, r.Offset)
			}
			f.rows[string(r.Key)] = max(v, f.rows[string(r.Key)])
			f.n++
		})
	}
}
