// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
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
	null    bool   // value
	header  string // its only one, unless empty
	part    int32  // the partition to which it went
	moved   string // what happened to the program: no record, but an event of a scenario with moves
	wall    int64  // and by how many milliseconds the wall went on
}

// scenario is a topology from words, and maybe other, to lines, with a recomputation of what comes out.
type scenario struct {
	build func(topo *stream.Topology)
	// weather makes the i-th event of a history in the climate that was drawn for it. Where results depend on the order
	// between topics, times must ascend.
	weather func(c *climate, i int) event
	// oracle gives the results of one partition's whole history, as show writes them.
	oracle func(history []event) []string
	// global: the oracle is given the history of all partitions at once, because records change their partitions.
	global bool
	// moves: the oracle is given what happens to the program, too. What was sent is processed before the wall goes on.
	moves bool
	// partitions is how many there are. Defaults to 1 to 4.
	partitions int32
	// group says which results are in order among each other. Defaults to those of one key.
	group func(line string) string
	// equal compares one group's results. Defaults to being the same.
	equal func(t *testing.T, want, got []string, msg string)
}

// Each scenario is run with 1,000 random inputs. What is drawn for each:
//
//   - settings: 1 to 4 partitions, a commit every 1 to 40 records, batches of 1 to 50, caches of 300 bytes to 600 kB,
//     checkpoints every 1 ms to 8 s, the order of the tasks' turns;
//   - how long the history is: 1 to 80 events, one in twenty 80 to 400;
//   - a climate: see there;
//   - after one event in four a move: a restart, with or without the state directory, a crash at a step of the commit,
//     a rebalance, or the wall clock going on.
const (
	randomInputs = 1000
	shortInputs  = 30 // with -short
	usualEvents  = 80
	manyEvents   = 400
	longOneIn    = 20
)

// equivalent runs c with random input under random settings, restarts and crashes, and compares with its oracle.
func equivalent(t *testing.T, c scenario) {
	t.Helper()
	equivalentFor(t, func(*rand.Rand) scenario { return c })
}

// equivalentFor is equivalent for a scenario that is drawn for each input: with windows of any size, say.
func equivalentFor(t *testing.T, draw func(r *rand.Rand) scenario) {
	t.Helper()
	t.Parallel()
	seeds(func(seed uint64) {
		c := draw(rand.New(rand.NewPCG(seed, 1)))
		c.run(t, seed)
	})
}

// seeds calls run for each random input.
func seeds(run func(seed uint64)) {
	n := randomInputs
	if testing.Short() {
		n = shortInputs
	}
	if *seedFlag != 0 {
		run(*seedFlag)
		return
	}
	for range n {
		run(rand.Uint64())
	}
}

// run compares one input.
func (c *scenario) run(t *testing.T, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	opts := drawOptions(r)
	opts.Partitions = cmp.Or(c.partitions, opts.Partitions)
	minimal(t, seed, opts, drawSteps(r, c.weather), func(t *testing.T, steps []step) {
		t.Helper()
		c.play(t, opts, steps)
	})
}

func drawOptions(r *rand.Rand) streamtest.Options {
	return streamtest.Options{
		Partitions: 1 + r.Int32N(4), CommitEvery: 1 + r.IntN(40), BatchRecords: 1 + r.IntN(50),
		CacheBytes: 300 << r.IntN(12), CheckpointInterval: time.Millisecond << r.IntN(14), Seed: r.Uint64(),
	}
}

// drawSteps draws a history, and what happens after its events.
func drawSteps(r *rand.Rand, weather func(c *climate, i int) event) []step {
	n := 1 + r.IntN(usualEvents)
	if r.IntN(longOneIn) == 0 {
		n = usualEvents + r.IntN(manyEvents-usualEvents)
	}
	steps, c := make([]step, n), newClimate(r, n)
	for i := range steps {
		steps[i] = step{weather(c, i), c.move()}
		c.wall += steps[i].move.wall
	}
	return steps
}

// play runs a history and compares.
func (c *scenario) play(t *testing.T, opts streamtest.Options, steps []step) {
	t.Helper()
	topo := stream.New("test")
	c.build(topo)
	d := streamtest.New(t, topo, opts)
	history := map[int32][]event{}
	for _, s := range steps {
		p := s.event.send(d, opts.Partitions)
		s.event.part = p
		if c.global {
			p = 0
		}
		history[p] = append(history[p], s.event)
		if s.move.do != nil {
			c.move(d, s.move, history, opts.Partitions)
		}
	}
	if c.moves {
		d.Commit()
		d.Commit() // what is set on the wall for the past comes at the next step
	}
	var want, got []string
	for p := range opts.Partitions {
		want = append(want, c.oracle(history[p])...)
	}
	for _, rec := range streamtest.Output(d, lines).Read() {
		got = append(got, show([]streamtest.Record[string, string]{rec}))
	}
	c.compare(t, want, got)
}

// move makes a move, and an event of it.
func (c *scenario) move(d *streamtest.Driver, m move, history map[int32][]event, partitions int32) {
	if c.moves && m.wall > 0 {
		d.Commit()
	}
	m.do(d)
	for p := int32(0); c.moves && p < partitions; p++ {
		history[p] = append(history[p], event{moved: m.name, wall: m.wall})
	}
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
	rec := &text{Key: e.key, Value: e.value, Time: e.at, NullKey: e.nullKey, NullValue: e.null}
	if e.header != "" {
		rec.Headers = []stream.Header{{Key: "of", Value: []byte(e.header)}}
	}
	streamtest.Input(d, topic).SendTo(p, rec)
	return p
}

func (c *scenario) compare(t *testing.T, want, got []string) {
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
		require.Contains(t, wants, k)
	}
	for k := range wants {
		equal(t, wants[k], gots[k], k)
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

// line is a result as show writes it.
func line(key string, value any, at int64) string { return fmt.Sprintf("%s %v @%d", key, value, at) }
