// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// counter is an output that counts what it is sent.
type counter struct{ sent, bytes int }

func (c *counter) Partitions(string) (int32, error)          { return 4, nil }
func (c *counter) Target(string, int32) (task.Target, error) { return c, nil }

func (c *counter) Send(key, value []byte, _ int64, _ []kafka.Header) error {
	c.sent++
	c.bytes += len(key) + len(value)
	return nil
}

// again is a feed that gives the same batch as often as it is asked to.
type again struct {
	batch *kafka.Batch
	left  int
}

func (f *again) Pop() (*kafka.Batch, bool) {
	if f.left == 0 {
		return nil, false
	}
	f.left--
	return f.batch, true
}
func (f *again) Done(*kafka.Batch) {}
func (f *again) Ended() bool       { return f.left == 0 }
func (f *again) Undecided() bool   { return false }
func (f *again) End() int64        { return 0 }
func (f *again) Err() error        { return nil }

const chainRecords = 1000

// feeds are those of a task's inputs.
type feeds []*again

// give lets each input pop its batch once more.
func (fs feeds) give() {
	for _, f := range fs {
		f.left = 1
	}
}

// chain is a running task of topo. Each of its inputs reads the same batch of text records under 100 keys.
func chain(tb testing.TB, topo *stream.Topology) (*task.Task, feeds, *counter) {
	tb.Helper()
	plan, err := engine.PlanOf(topo)
	require.NoError(tb, err)
	out := &counter{}
	db := memory.New()
	t, err := task.New(task.Setup{
		App: "test", Sources: plan.Subs[0].Sources, Output: out, Clock: clock.NewManual(time.Unix(0, 0)),
		Log: slog.New(slog.DiscardHandler), Counters: &task.Counters{},
		Backing: func(state.Spec, int32) (state.Backing, error) { return state.Backing{DB: db, Prefix: []byte("p")}, nil },
	})
	require.NoError(tb, err)
	b := &kafka.Batch{Partition: kafka.Partition{Topic: "in"}, Last: chainRecords - 1}
	for i := range chainRecords {
		r := &kafka.Record{
			Key: fmt.Appendf(nil, "key-%02d", i%100), Value: fmt.Appendf(nil, "value %d", i), OffsetDelta: int64(i),
			TimestampDelta: time.Duration(i) * time.Millisecond,
		}
		if i%2 == 0 {
			r.Headers = []*kafka.RecordHeader{{Key: []byte("h"), Value: []byte("v")}}
		}
		b.Records = append(b.Records, r)
	}
	fs := make(feeds, len(t.Partitions()))
	for i := range fs {
		fs[i] = &again{batch: b}
		t.Start(i, fs[i], 0)
	}
	return t, fs, out
}

// five operators between source and sink, one of them with two outputs that are merged again.
func five() *stream.Topology {
	topo := stream.New("test")
	in := operators.Filter(stream.From(topo, topicOf("in")), func(v string) bool { return v != "value 7" })
	lengths := operators.Map(in, func(v string) int64 { return int64(len(v)) })
	long, short := operators.Branch(lengths, func(n int64) bool { return n > 8 })
	seen := operators.Peek(operators.Merge(long, short), func(*stream.Record[string, int64]) {})
	stream.To(seen, stream.Topic[string, int64]{Name: "out", Key: codec.String, Value: codec.Int64})
	return topo
}

// stateful is a count, a process with a store, and a join with a table, written out.
func stateful() *stream.Topology {
	topo := stream.New("test")
	in := stream.From(topo, topicOf("in"))
	counts := operators.Aggregate("counts", in, operators.Count[string]())
	last := state.Map[string, int64]{Name: "last", Key: codec.String, Value: codec.Int64}
	timed := operators.Process("timed", in, func(p *operators.Processor[string, int64]) operators.Func[string, string] {
		last := last.Open(p)
		p.OnTimer(func(operators.Timer[string]) error { return nil })
		return func(r *stream.Record[string, string]) error {
			at, _ := last.Upsert(r.Key)
			*at = r.Time
			p.Emit(r.Time)
			p.EmitAt(r.Time, r.Time+1)
			return nil
		}
	})
	joined := operators.JoinTable(timed, counts, func(at, n int64) int64 { return at + n })
	stream.To(joined, stream.Topic[string, int64]{Name: "out", Key: codec.String, Value: codec.Int64})
	return topo
}

// joined is a join with a table of another topic, whose updates come between the records one by one.
func joined() *stream.Topology {
	topo := stream.New("test")
	table := stream.TableFrom(topo, topicOf("table"))
	joined := operators.JoinTable(stream.From(topo, topicOf("in")), table, func(_, row string) string { return row })
	stream.To(stream.Encode(joined, codec.String), topicOf("out"))
	return topo
}

var chains = map[string]func() *stream.Topology{"five": five, "stateful": stateful, "joined": joined}

// Between source and sink nothing is allocated per record: a step over a thousand records makes no garbage.
func TestAChainAllocatesNothing(t *testing.T) { // not parallel: other tests' allocations would be counted
	for name, build := range chains {
		task, feeds, out := chain(t, build())
		step := func() {
			feeds.give()
			if n, err := task.Step(3 * chainRecords); n != len(feeds)*chainRecords || err != nil {
				t.Fatal(n, err)
			}
		}
		step() // resolves targets, fills the stores
		before := out.sent
		require.Zero(t, testing.AllocsPerRun(10, step), name)
		require.NotZero(t, out.sent-before)
	}
}

// One op is one record of each input, from its fetched bytes to the bytes that are sent.
func BenchmarkChain(b *testing.B) {
	for name, build := range chains {
		b.Run(name, func(b *testing.B) {
			t, feeds, _ := chain(b, build())
			b.ReportAllocs()
			for left := b.N; left > 0; left -= chainRecords {
				feeds.give()
				if _, err := t.Step(3 * chainRecords); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
