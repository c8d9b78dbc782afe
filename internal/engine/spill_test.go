// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/pebble"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

var openKeys = flag.Int("open-keys", 100_000, "how many keys TestBuffersSpill holds open at once")

// moreWindows is how many times as many windows are open: they take less, and are to fill the caches too.
const moreWindows = 3

const spillMemory = 64 << 20 // what caches and database may take, together

var (
	opened  = stream.Topic[string, string]{Name: "opened", Key: codec.String, Value: codec.String}
	answers = stream.Topic[string, string]{Name: "answers", Key: codec.String, Value: codec.String}
	closed  = stream.Topic[string, string]{Name: "closed", Key: codec.String, Value: codec.String}
)

// spill is one task at work over Pebble, with topics that forget what is written to them.
type spill struct {
	t     *testing.T
	task  *task.Task
	db    state.DB
	clock *clock.Manual
	ends  map[kafka.Partition]int64
	seen  []uint64 // a bit for each key that came out
	out   int
	twice int
	// The most that the heap, and the caches of all stores, took before the first key came out, and after.
	peak, atLeap       uint64
	heldOpen, heldLeap int
}

// spillFeed makes its batches as they are asked for.
type spillFeed struct {
	next, end int64
	make      func(i int64) (key string, at int64)
}

func (f *spillFeed) Pop() (*kafka.Batch, bool) {
	if f.next >= f.end {
		return nil, false
	}
	n := min(f.end-f.next, 500)
	b := &kafka.Batch{First: f.next, Last: f.next + n - 1, Records: make([]*kafka.Record, n)}
	for i := range n {
		key, at := f.make(f.next + i)
		if i == 0 {
			b.FirstTime, b.MaxTime = at, at
		}
		b.MaxTime = max(b.MaxTime, at)
		b.Records[i] = &kafka.Record{
			Key: []byte(key), Value: []byte("value"), OffsetDelta: f.next + i,
			TimestampDelta: time.Duration(at-b.FirstTime) * time.Millisecond,
		}
	}
	f.next += n
	return b, true
}

func (f *spillFeed) Done(*kafka.Batch) {}
func (f *spillFeed) Ended() bool       { return f.next >= f.end }
func (f *spillFeed) Undecided() bool   { return false }
func (f *spillFeed) End() int64        { return int64(f.end) }
func (f *spillFeed) Err() error        { return nil }

func (s *spill) Partitions(string) (int32, error) { return 1, nil }

func (s *spill) Target(topic string, partition int32) (task.Target, error) {
	return &spillTarget{s, kafka.Partition{Topic: topic, Index: partition}}, nil
}

type spillTarget struct {
	s    *spill
	part kafka.Partition
}

// Send counts. A result marks its key.
func (t *spillTarget) Send(key, _ []byte, _ int64, _ []kafka.Header) error {
	s := t.s
	s.ends[t.part]++
	if t.part.Topic != closed.Name {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(string(key), "key-"))
	if err != nil {
		return err
	}
	if n == last {
		return nil
	}
	if s.seen[n/64]&(1<<(n%64)) != 0 {
		s.twice++
	}
	s.seen[n/64] |= 1 << (n % 64)
	if s.out++; s.out%lookEvery == 0 {
		s.measureCaches()
	}
	return nil
}

// lookEvery is after how many results the caches are measured; the heap is at commits only.
const lookEvery = 1000

func newSpill(t *testing.T, build func(topo *stream.Topology)) *spill {
	t.Helper()
	topo := stream.New("spill")
	build(topo)
	runtime.GC() // what tests before it have left
	plan, err := engine.PlanOf(topo)
	require.NoError(t, err)
	require.Len(t, plan.Subs, 1)
	sub := &plan.Subs[0]
	s := &spill{
		t: t, clock: clock.NewManual(time.Unix(1_700_000_000, 0)), ends: map[kafka.Partition]int64{},
		seen: make([]uint64, moreWindows**openKeys/64+1),
	}
	s.db, err = pebble.Open(t.TempDir(), pebble.Options{Memory: spillMemory * 25 / 100})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	stores, err := state.OpenCatalogue(s.db)
	require.NoError(t, err)
	s.task, err = task.New(task.Setup{
		App: plan.App, Sources: sub.Sources, Output: s, Clock: s.clock, Log: slog.New(slog.DiscardHandler),
		Counters: &task.Counters{}, Attempts: &task.Attempts{},
		Backing: func(spec state.Spec, partition int32) (state.Backing, error) {
			prefix, err := stores.Prefix(spec.Name, partition)
			return state.Backing{DB: s.db, Prefix: prefix, Limit: spillMemory * 45 / 100 / len(sub.Stores)}, err
		},
	})
	require.NoError(t, err)
	return s
}

// run feeds the task until it has had everything.
func (s *spill) run(feeds ...*spillFeed) {
	for i, f := range feeds {
		s.task.Start(i, f, 0)
	}
	for since := 0; ; {
		n, err := s.task.Step(4096)
		require.NoError(s.t, err)
		since += n
		if since >= 50_000 || n == 0 || s.task.Pressed() {
			s.commit()
			since = 0
		}
		if n == 0 {
			return
		}
	}
}

// commit is that of a worker, 100 ms after the one before.
func (s *spill) commit() {
	s.clock.Advance(100 * time.Millisecond)
	before := maps.Clone(s.ends)
	require.NoError(s.t, s.task.Flush())
	s.measure()
	require.NoError(s.t, s.task.Acked(func(p kafka.Partition) []kafka.Run {
		return []kafka.Run{{First: before[p], N: int(s.ends[p] - before[p])}}
	}))
	s.task.Offsets(map[kafka.Partition]kafka.Commit{})
	s.task.Committed()
	b := s.db.NewBatch()
	for _, st := range s.task.Stores() {
		for more := true; more; {
			var err error
			more, err = st.WriteBehind(b, s.clock.Now(), 10*time.Second)
			require.NoError(s.t, err)
			require.NoError(s.t, b.Commit())
		}
	}
	require.NoError(s.t, b.Close())
}

func (s *spill) measure() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if s.out == 0 {
		s.peak = max(s.peak, m.HeapAlloc)
	} else {
		s.atLeap = max(s.atLeap, m.HeapAlloc)
	}
	s.measureCaches()
}

func (s *spill) measureCaches() {
	held := 0
	for _, st := range s.task.Stores() {
		held += st.Stats().Bytes
	}
	if s.out == 0 {
		s.heldOpen = max(s.heldOpen, held)
	} else {
		s.heldLeap = max(s.heldLeap, held)
	}
}

func keyOf(i int64) string { return "key-" + strconv.FormatInt(i, 10) }

// last is the key of the record that makes everything close.
const last = 1 << 40

// opening is a record of each of n keys, out of their order, a thousand to a millisecond, and the last one.
func opening(n int64) *spillFeed {
	return &spillFeed{end: n + 1, make: func(i int64) (string, int64) {
		if i == n {
			return keyOf(last), last
		}
		return keyOf(i * 7919 % n), 1000 + i/1000
	}}
}

// Suppressed rows and unmatched records wait on disk, however many keys they have, and each comes out once.
//
//	go test ./internal/engine -run TestBuffersSpill -v -open-keys 5000000
//
// What is bounded is the heap while they wait, and when one record makes all of them close: then there are commits in
// between.
func TestBuffersSpill(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes a hundred thousand keys to disk, and measures the heap")
	}
	for name, build := range map[string]func(topo *stream.Topology){
		"suppress": func(topo *stream.Topology) {
			held := operators.Suppress("held", stream.TableFrom(topo, opened), time.Hour, operators.Limits{})
			stream.To(operators.ToStream(held), closed)
		},
		"until close": func(topo *stream.Topology) {
			panes := operators.AggregateWindows("panes", stream.From(topo, opened),
				window.Tumbling{Size: 10 * time.Millisecond}, operators.Count[string]()).Out
			held := operators.SuppressUntilClose("held", panes, time.Hour, operators.Limits{})
			stream.To(operators.Map(held, func(p window.Pane[int64]) string { return fmt.Sprint(p.Value) }), closed)
		},
		"windows": func(topo *stream.Topology) { // one, of all keys, which become rows below
			panes := operators.AggregateWindows("panes", stream.From(topo, opened),
				window.Tumbling{Size: time.Hour, Emit: window.OnClose}, operators.Count[string]()).Out
			counts := operators.Map(panes, func(p window.Pane[int64]) string { return fmt.Sprint(p.Value) })
			stream.To(operators.ToStream(operators.ToTable("counts", counts, codec.String)), closed)
		},
		"left join": func(topo *stream.Topology) {
			within := window.Within{Before: time.Hour, After: time.Hour}
			joined := operators.LeftJoin("pairs", stream.From(topo, opened), stream.From(topo, answers), within,
				func(a, _ string, _ bool) string { return a })
			stream.To(joined, closed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, below := int64(*openKeys), 0
			if name == "windows" {
				n *= moreWindows
				below = spillMemory * 45 / 100 * 3 / 4 // of the store below, and a walk's, which takes a quarter more
			}
			s := newSpill(t, build)
			feeds := []*spillFeed{opening(n)}
			for len(feeds) < len(s.task.Partitions()) {
				feeds = append(feeds, &spillFeed{})
			}
			s.run(feeds...)
			t.Logf("%d keys: heap at most %d MiB while they are open, caches %d MiB; %d and %d MiB when all close at once",
				n, s.peak>>20, s.heldOpen>>20, s.atLeap>>20, s.heldLeap>>20)
			require.Less(t, s.peak, uint64(2*spillMemory), "twice, for what is collected only later")
			require.Less(t, s.heldOpen, spillMemory/2, "caches")
			require.Less(t, s.atLeap, uint64(2*spillMemory), "when all close at once")
			require.Less(t, s.heldLeap, s.heldOpen+below+2<<20, "what closes at once must not stay in the caches")
			require.Zero(t, s.twice)
			require.Equal(t, int(n), s.out)
		})
	}
}
