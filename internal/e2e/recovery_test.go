// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// mishap is something that goes wrong while a count is at work.
type mishap struct {
	name string
	do   func(h *hostile) (done func() bool) // done: it has happened
	log  string                              // what is logged, "" when nothing may be
}

// fault is a request that is answered with an error n times.
func fault(key kmsg.Key, err *kerr.Error, n int, log string) mishap {
	return mishap{name: key.Name() + " " + err.Message, log: log, do: func(h *hostile) func() bool {
		f := h.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: n})
		return func() bool { return f.Hits() == n }
	}}
}

// produceFault is the same for a produce request to the results or to the changelog.
func produceFault(topic string, err *kerr.Error, n int, log string) mishap {
	return mishap{name: "Produce to " + topic + " " + err.Message, log: log, do: func(h *hostile) func() bool {
		f := h.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: err, Count: n})
		return func() bool { return f.Hits() == n }
	}}
}

func lost(name string, arm func(*hostile, kmsg.Key, int), key kmsg.Key, log string) mishap {
	return mishap{name: key.Name() + " " + name, log: log, do: func(h *hostile) func() bool {
		arm(h, key, 1)
		return func() bool { return h.unused(key) == 0 }
	}}
}

const (
	goingBack = "going back to the last commit"
	changelog = "count-counts-changelog"
)

func mishaps() []mishap {
	requests, answers := (*hostile).loseRequests, (*hostile).loseAnswers
	return []mishap{
		// A commit during a rebalance is tried again under the new generation: nothing goes back.
		fault(kmsg.TxnOffsetCommit, kerr.IllegalGeneration, 3, ""),
		fault(kmsg.TxnOffsetCommit, kerr.RebalanceInProgress, 3, ""),
		fault(kmsg.TxnOffsetCommit, kerr.UnknownMemberID, 1, goingBack),
		// Coordinators that move or load.
		fault(kmsg.TxnOffsetCommit, kerr.NotCoordinator, 2, ""),
		fault(kmsg.TxnOffsetCommit, kerr.CoordinatorLoadInProgress, 2, ""),
		fault(kmsg.AddPartitionsToTxn, kerr.CoordinatorNotAvailable, 2, ""),
		fault(kmsg.AddPartitionsToTxn, kerr.ConcurrentTransactions, 5, ""),
		fault(kmsg.AddOffsetsToTxn, kerr.NotCoordinator, 2, ""),
		fault(kmsg.EndTxn, kerr.NotCoordinator, 2, ""),
		fault(kmsg.EndTxn, kerr.CoordinatorLoadInProgress, 2, ""),
		fault(kmsg.Heartbeat, kerr.NotCoordinator, 2, ""),
		{name: "coordinators move", do: func(h *hostile) func() bool {
			h.RehashCoordinators()
			return func() bool { return true }
		}},
		{name: "leaders move", do: func(h *hostile) func() bool {
			h.ShufflePartitionLeaders()
			return func() bool { return true }
		}},
		// The end of a transaction whose answer, or which itself, is lost.
		lost("that is lost", requests, kmsg.EndTxn, ""),
		lost("whose answer is lost", answers, kmsg.EndTxn, ""),
		fault(kmsg.EndTxn, kerr.RequestTimedOut, 1, ""), // carried out all the same
		lost("whose answer is lost", answers, kmsg.TxnOffsetCommit, ""),
		lost("whose answer is lost", answers, kmsg.AddPartitionsToTxn, ""),
		lost("whose answer is lost", answers, kmsg.AddOffsetsToTxn, ""),
		lost("whose answer is lost", answers, kmsg.Heartbeat, ""),
		lost("whose answer is lost", answers, kmsg.Fetch, ""),
		// Fenced, or as good as.
		fault(kmsg.EndTxn, kerr.ProducerFenced, 1, goingBack),
		fault(kmsg.EndTxn, kerr.InvalidProducerEpoch, 1, goingBack),
		fault(kmsg.TxnOffsetCommit, kerr.InvalidProducerEpoch, 1, goingBack),
		fault(kmsg.AddPartitionsToTxn, kerr.ProducerFenced, 1, goingBack),
		fault(kmsg.EndTxn, kerr.InvalidTxnState, 1, goingBack),
		fault(kmsg.TxnOffsetCommit, kerr.InvalidTxnState, 1, goingBack),
		// In mid-transaction.
		lost("that is lost", requests, kmsg.Produce, ""),
		lost("whose answer is lost", answers, kmsg.Produce, ""),
		produceFault("out", kerr.NotLeaderForPartition, 2, ""),
		produceFault("out", kerr.NotEnoughReplicas, 2, ""),
		produceFault("out", kerr.NotEnoughReplicasAfterAppend, 1, ""),
		produceFault("out", kerr.OutOfOrderSequenceNumber, 1, goingBack),
		produceFault("out", kerr.UnknownProducerID, 1, goingBack),
		produceFault("out", kerr.InvalidProducerEpoch, 1, goingBack),
		produceFault("out", kerr.InvalidTxnState, 1, goingBack),
		produceFault(changelog, kerr.OutOfOrderSequenceNumber, 1, goingBack),
		produceFault(changelog, kerr.NotEnoughReplicasAfterAppend, 1, ""),
		// The membership.
		fault(kmsg.Heartbeat, kerr.UnknownMemberID, 1, "lost the membership"),
		fault(kmsg.Heartbeat, kerr.IllegalGeneration, 1, "lost the membership"),
		fault(kmsg.Heartbeat, kerr.RebalanceInProgress, 1, ""),
	}
}

// TestNothingIsLostOrDoubledWhateverGoesWrong: one mishap in the middle of a count, on three brokers.
func TestNothingIsLostOrDoubledWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	for _, m := range mishaps() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			const partitions = 3
			h := newHostile(t, kfake.NumBrokers(3), kfake.SeedTopics(partitions, "in", "out"))
			o := newTally(20)
			topo := counting("count", "in", "out")
			config := stream.Config{
				Brokers: h.addrs, StateDir: t.TempDir(), CommitInterval: 20 * time.Millisecond, SessionTimeout: time.Second,
			}
			a := start(t, topo, config)
			h.put("in", o.more(500, partitions)...)
			h.counted(a, "count", "in", "out", o)

			done := m.do(h)
			h.put("in", o.more(500, partitions)...)
			a.await("it has gone wrong", done)
			h.put("in", o.more(500, partitions)...)
			h.counted(a, "count", "in", "out", o)
			if m.log == "" {
				require.Empty(t, a.log.lines(goingBack))
			} else {
				require.NotEmpty(t, a.log.lines(m.log))
			}
			require.NoError(t, a.end())

			// The changelog says the same as the directory: another machine goes on where this one was.
			config.StateDir = t.TempDir()
			h.put("in", o.more(100, partitions)...)
			a = start(t, topo, config)
			h.counted(a, "count", "in", "out", o)
			require.NoError(t, a.end())
		})
	}
}

// TestWhatNoRecordCausedIsFencedToo: results and changes of a wall timer are committed with the inputs' offsets,
// although those stand still. It is by the offsets that the group refuses a process whose tasks somebody else has by
// now.
func TestWhatNoRecordCausedIsFencedToo(t *testing.T) {
	t.Parallel()
	h := newHostile(t, kfake.SeedTopics(1, "in", "out"))
	topo := stream.New("ticking")
	ticks := operators.Process("tick", stream.From(topo, text("in")),
		func(p *operators.Processor[string, string]) operators.Func[string, string] {
			p.EveryWall(10*time.Millisecond, func(now time.Time) error {
				p.EmitFor("tick", "tock", now.UnixMilli())
				return nil
			})
			return func(*stream.Record[string, string]) error { return nil }
		})
	stream.To(stream.Encode(ticks, codec.String), text("out"))
	ends := h.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Count: -1, Observe: true})
	offsets := h.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Count: -1, Observe: true})
	a := start(t, topo, stream.Config{Brokers: h.addrs, CommitInterval: 20 * time.Millisecond})
	a.await("some ticks are committed", func() bool { return ends.Hits() >= 5 })
	require.NoError(t, a.end())
	require.GreaterOrEqual(t, offsets.Hits(), ends.Hits())
	require.EqualValues(t, 0, h.position("ticking", "in"))
}
