// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// TestFromLatestRemembersWhereItBegan goes back to the last commit before there is one: what came since the start is
// processed all the same.
func TestFromLatestRemembersWhereItBegan(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	var tried atomic.Bool
	stream.To(operators.Map(stream.From(topo, text(in)), func(v string) string {
		if v == "v1" && !tried.Swap(true) {
			panic(errors.New("passing trouble"))
		}
		return v
	}), text(out))
	a := start(t, topo, stream.Config{
		Brokers: s.addrs, FromLatest: true,
		Errors: stream.Policies{Process: stream.Policy{Retries: 3, Backoff: 10 * time.Millisecond}},
	})
	a.await("the task runs", func() bool { return len(a.log.lines("task runs")) > 0 })
	s.put(in, numbered("v", 3)...)
	a.await("it went back", func() bool { return len(a.log.lines("task runs")) > 1 })
	s.put(in, record{key: "k", value: "new"})
	a.await("everything is committed", func() bool { return s.position(topo.Name(), in) == 4 })
	require.Equal(t, []string{"v0", "v1", "v2", "new"}, values(s.committed(out)))
}

// TestErrorInTheLastCommit has a record fail in the commit of a stop: Run returns it.
func TestErrorInTheLastCommit(t *testing.T) {
	t.Parallel()
	h := newHostile(t, kfake.SeedTopics(1, "in", "out"))
	topo := stream.New("app")
	table := operators.Aggregate("counts", stream.From(topo, text("in")), operators.Count[string]())
	bad := operators.Map(operators.PerCommit(table), func(int64) int64 { panic("bad") })
	stream.To(bad, counts("out"))
	var seen atomic.Uint64
	a := start(t, topo, stream.Config{
		Brokers: h.addrs, CommitInterval: 20 * time.Second, CheckpointInterval: 20 * time.Second,
		TransactionTimeout: time.Minute, OnRecords: seen.Store,
	})
	h.put("in", numbered("v", 3)...)
	a.await("processed", func() bool { return seen.Load() == 3 })
	var r *stream.RecordError
	require.ErrorAs(t, a.end(), &r)
}

// TestSlowFunctionsCommit has a function so slow that a turn of thousands of records would outlast the transaction.
func TestSlowFunctionsCommit(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	stream.To(operators.Map(stream.From(topo, text(in)), func(v string) string {
		<-time.After(time.Millisecond)
		return v
	}), text(out))
	const n = 4000
	s.put(in, numbered("v", n)...)
	a := start(t, topo, stream.Config{Brokers: s.addrs, TransactionTimeout: 2 * time.Second})
	a.await("all is committed", func() bool { return s.position(topo.Name(), in) == n })
	require.Empty(t, a.log.lines(goingBack))
}

// TestExpiredOffsetsAreRefused deletes the group, as brokers do with one that stands still for a week. To begin at the
// beginning would count everything twice.
func TestExpiredOffsetsAreRefused(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := counting(kafkatest.Name(t, "app"), in, out)
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir()}
	s.put(in, record{key: "a"}, record{key: "a"}, record{key: "a"})
	a := start(t, topo, config)
	a.await("three", func() bool { return s.position(topo.Name(), in) == 3 })
	require.NoError(t, a.end())
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{topo.Name()}
	for _, shard := range s.client.RequestSharded(bounded(t), req) {
		require.NoError(t, shard.Err)
	}
	s.put(in, record{key: "a"})
	a = start(t, topo, config)
	<-a.ended
	require.ErrorContains(t, a.err, "has no committed offset for")
	require.Equal(t, []string{number(1), number(2), number(3)}, values(s.committed(out)))
}

// TestAtLeastOnceWritesResultsBeforeState fails the produce of a result: a state that knows of the record must not be
// ahead of it, or the record would be taken for done when it comes again.
func TestAtLeastOnceWritesResultsBeforeState(t *testing.T) {
	t.Parallel()
	h := newHostile(t, kfake.SeedTopics(1, "in", "out"))
	topo := stream.New("app")
	seen := state.Map[string, bool]{Name: "seen", Key: codec.String, Value: codec.Bool}
	dedup := func(p *operators.Processor[string, string]) operators.Func[string, string] {
		seen := seen.Open(p)
		return func(r *stream.Record[string, string]) error {
			if !seen.Has(r.Value) {
				seen.Put(r.Value, true)
				p.Emit(r.Value)
			}
			return nil
		}
	}
	stream.To(operators.Process("dedup", stream.From(topo, text("in")), dedup), text("out"))
	a := start(t, topo, stream.Config{
		Brokers: h.addrs, Guarantee: stream.AtLeastOnce, CommitInterval: 300 * time.Millisecond,
	})
	h.put("in", record{key: "k", value: "first"})
	a.await("first", func() bool { return h.position("app", "in") == 1 })
	produceFault("out", kerr.UnknownProducerID, 1, "").do(h)
	h.put("in", record{key: "k", value: "second"})
	a.await("second", func() bool { return h.position("app", "in") == 2 })
	require.NotEmpty(t, a.log.lines(goingBack))
	require.Equal(t, []string{"first", "second"}, values(h.committed("out")))
}
