// SPDX-License-Identifier: Apache-2.0

package changelog

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream/codec"
)

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }

// rig is a changelog in a real Kafka, and a process that has a database.
type rig struct {
	t     *testing.T
	part  kafka.Partition
	tx    *kgo.Client
	src   *Source
	clock *clock.Manual
	said  *text
}

// text is a log that may be read while it is written.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newRig(t *testing.T) *rig {
	t.Parallel()
	k := kafkatest.Shared(t)
	r := &rig{t: t, clock: clock.NewManual(time.Unix(1_800_000_000, 0)), said: &text{}}
	r.part = kafka.Partition{Topic: k.CreateTopic(t, "changelog", 1, nil)}
	client, err := kafka.Open(within(t), kafka.Options{Brokers: k.Addrs()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	fetcher := kafka.NewFetcher(client, kafka.FetchOptions{ReadCommitted: true, OffsetReset: kafka.ResetEarliest})
	t.Cleanup(fetcher.Close)
	r.src = &Source{
		Client: client, Fetcher: fetcher, DB: memory.New(), Clock: r.clock, Log: slog.New(slog.NewTextHandler(r.said, nil)),
		Longest: 7 * 24 * time.Hour,
	}
	r.tx, err = kgo.NewClient(kgo.SeedBrokers(k.Addrs()...), kgo.TransactionalID(kafkatest.Name(t, "tx")),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(r.tx.Close)
	return r
}

// begin leaves a transaction open that changes keys: "key=value", or "key" for a delete.
func (r *rig) begin(changes ...string) {
	r.t.Helper()
	require.NoError(r.t, r.tx.BeginTransaction())
	for _, c := range changes {
		key, value, ok := strings.Cut(c, "=")
		rec := &kgo.Record{Topic: r.part.Topic, Key: []byte(key)}
		if ok {
			rec.Value = []byte(value)
		}
		require.NoError(r.t, r.tx.ProduceSync(within(r.t), rec).FirstErr())
	}
}

func (r *rig) end(how kgo.TransactionEndTry) {
	r.t.Helper()
	require.NoError(r.t, r.tx.EndTransaction(within(r.t), how))
}

func (r *rig) commit(changes ...string) { r.t.Helper(); r.begin(changes...); r.end(kgo.TryCommit) }

// opener opens a store on what the database has by now.
type opener struct {
	*rig
	topic [16]byte
	in    state.Instance
}

// OpenStore implements state.Place.
func (o *opener) OpenStore(_ state.Spec, open func(state.Backing) state.Instance) state.Instance {
	o.in = open(state.Backing{
		DB: o.src.DB, Prefix: []byte("prefix00"), Topic: o.topic, Log: o.src.Log, Fail: func(err error) { o.t.Error(err) },
	})
	return o.in
}

func (r *rig) open() (*state.MapStore[string, string], *opener) {
	r.t.Helper()
	id, err := r.src.Client.TopicID(within(r.t), r.part.Topic)
	require.NoError(r.t, err)
	return r.openIn(id)
}

func (r *rig) openIn(topic [16]byte) (*state.MapStore[string, string], *opener) {
	o := &opener{rig: r, topic: topic}
	return state.Map[string, string]{Name: "rows", Key: codec.String, Value: codec.String}.Open(o), o
}

// leave makes the database hold rows, up to a position that was written now.
func (o *opener) leave(offset int64, rows ...string) {
	o.t.Helper()
	b := o.src.DB.NewBatch()
	for i, row := range rows {
		key, value, _ := strings.Cut(row, "=")
		require.NoError(o.t, o.in.Restore(b, []byte(key), []byte(value), 0, int64(i)))
	}
	require.NoError(o.t, o.in.SetPosition(b, offset, o.clock.Now()))
	require.NoError(o.t, b.Commit())
}

// restored restores a store and requires its rows to be want, of the keys "a" to "e".
func (r *rig) restored(want ...string) state.Position {
	r.t.Helper()
	m, o := r.open()
	require.NoError(r.t, r.src.Restore(within(r.t), o.in, r.part))
	var got []string
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		if v, ok := m.Get(key); ok {
			got = append(got, key+"="+v)
		}
	}
	require.Equal(r.t, want, got)
	pos, ok, err := o.in.Position()
	require.NoError(r.t, err)
	require.True(r.t, ok)
	require.Equal(r.t, o.topic, pos.Topic)
	require.Equal(r.t, r.clock.Now().UnixMilli(), pos.At)
	return pos
}

func TestAbortedTransactionsAreNotReplayed(t *testing.T) {
	r := newRig(t)
	r.commit("a=1", "b=1", "c=1") // offsets 0 to 2, marker 3
	r.begin("a=2", "b", "d=2")    // 4 to 6, 7
	r.end(kgo.TryAbort)
	r.commit("c", "e=3") // 8, 9, 10
	r.begin("e=4")       // 11, 12
	r.end(kgo.TryAbort)
	require.Equal(t, int64(13), r.restored("a=1", "b=1", "e=3").Offset, "behind the last marker")
	r.commit("b=5") // 13, 14
	require.Equal(t, int64(15), r.restored("a=1", "b=5", "e=3").Offset)
	require.True(t, r.said.has("from=13 to=15 records=1"), "only what is new")
}

func TestPositionAheadOfTheLog(t *testing.T) {
	r := newRig(t)
	r.commit("a=1")
	_, o := r.open()
	o.leave(100, "a=9", "b=9")
	require.Equal(t, int64(2), r.restored("a=1").Offset)
	require.True(t, r.said.has("does not belong to this changelog"))
}

func TestTopicMadeAnew(t *testing.T) {
	r := newRig(t)
	r.commit("a=1")
	_, o := r.openIn([16]byte{1})
	o.leave(1, "a=9", "b=9")
	require.Equal(t, int64(2), r.restored("a=1").Offset)
	require.True(t, r.said.has("does not belong to this changelog"))
}

// A database that is older than the deletes which the changelog still has would bring deleted rows back.
func TestOldStateIsRebuilt(t *testing.T) {
	r := newRig(t)
	r.commit("a=1")
	_, o := r.open()
	o.leave(1, "a=1", "b=1") // what deleted b has been compacted away
	r.clock.Advance(r.src.Longest / 2)
	r.restored("a=1", "b=1")
	r.clock.Advance(r.src.Longest/2 + time.Millisecond)
	r.restored("a=1")
	require.True(t, r.said.has("so old that its changelog may have forgotten deletes"))
}

func TestNoLimitToTheAge(t *testing.T) {
	r := newRig(t)
	r.src.Longest = 0
	r.commit("a=1")
	_, o := r.open()
	o.leave(1, "b=1")
	r.clock.Advance(1000 * time.Hour)
	r.restored("b=1")
}

// Behind an open transaction nothing comes that would wake the restore up, and yet somebody waits and wonders.
func TestWaitBehindAnOpenTransactionIsReported(t *testing.T) {
	r := newRig(t)
	r.commit("a=1")
	r.begin("a=2")
	_, o := r.open()
	done := make(chan error, 1)
	go func() { done <- r.src.Restore(within(t), o.in, r.part) }()
	require.Eventually(t, func() bool {
		r.clock.Advance(progressInterval)
		return r.said.has("rolling state forward")
	}, time.Minute, 10*time.Millisecond)
	r.end(kgo.TryCommit)
	require.NoError(t, <-done)
	r.restored("a=2")
}
