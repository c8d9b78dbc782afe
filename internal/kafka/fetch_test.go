// SPDX-License-Identifier: Apache-2.0

package kafka

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
)

func TestFetchesWholeBatchesOfManyPartitions(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.NumBrokers(3), kfake.SeedTopics(6, "in"))
	cl := kgoAt(t, addrs)
	f := fetchWith(t, openAt(t, addrs), FetchOptions{ReadCommitted: true})
	for i := range int32(6) {
		p := Partition{"in", i}
		write(t, cl, p, 0, 10)
		write(t, cl, p, 10, 10)
	}
	for i := range int32(6) {
		r := addTo(f, Partition{"in", i}, 0)
		var batches []*Batch
		s := r.until(t, func(s QueueState) bool { return s.Next == 20 }, func(b *Batch) { batches = append(batches, b) })
		require.Equal(t, QueueState{Next: 20, Position: 20, HighWatermark: 20, LastStable: 20, Known: true}, s)
		next := int64(0)
		for _, b := range batches {
			require.Equal(t, next, b.First)
			require.Equal(t, b.First+int64(len(b.Records))-1, b.Last)
			require.Equal(t, 1000+b.Last, b.MaxTime)
			for i := range b.Records {
				require.Equal(t, next, b.Offset(i))
				require.Equal(t, 1000+next, b.Time(i))
				next++
			}
		}
		require.Equal(t, int64(20), next)
	}
}

func TestFetchFollowsNewRecordsAndCutsTheFirstBatch(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	cl, p := kgoAt(t, addrs), Partition{"in", 0}
	f := fetchWith(t, openAt(t, addrs), FetchOptions{})
	write(t, cl, p, 0, 10)
	r := addTo(f, p, 7) // in the middle of a batch
	require.Equal(t, counting(7, 10), r.values(t, 10))
	write(t, cl, p, 10, 2)
	require.Equal(t, counting(10, 12), r.values(t, 12))
}

func TestAddedPartitionDoesNotWaitForALongPoll(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	f := fetchWith(t, openAt(t, addrs), FetchOptions{MaxWait: time.Hour})
	idle := addTo(f, Partition{"in", 0}, 0)
	idle.until(t, func(s QueueState) bool { return s.Known }, nil) // the next request waits for an hour
	write(t, kgoAt(t, addrs), Partition{"in", 1}, 0, 3)
	require.Equal(t, counting(0, 3), addTo(f, Partition{"in", 1}, 0).values(t, 3))
	empty := addTo(f, Partition{"in", 1}, 3)
	require.Equal(t, int64(3), empty.until(t, func(s QueueState) bool { return s.Known }, nil).HighWatermark)
}

func TestFullQueueIsLeftOutAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	cl, slow, fast := kgoAt(t, addrs), Partition{"in", 0}, Partition{"in", 1}
	const each, batches, share = 100, 40, 64 << 10
	for i := range batches {
		write(t, cl, slow, i*each, each)
		write(t, cl, fast, i*each, each)
	}
	f := fetchWith(t, openAt(t, addrs), FetchOptions{MaxBytes: 2 * share, MaxBatchBytes: 4 << 10})
	full, free := addTo(f, slow, 0), addTo(f, fast, 0)
	require.Len(t, free.values(t, batches*each), batches*each)

	held := full.State()
	require.Less(t, held.Position, int64(batches*each), "all was fetched although nothing was popped")
	full.mu.Lock()
	require.LessOrEqual(t, full.bytes, share, "more than a share is held")
	full.mu.Unlock()
	require.Len(t, full.values(t, batches*each), batches*each)
}

func TestRemovedQueueIsForgotten(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	cl, p := kgoAt(t, addrs), Partition{"in", 0}
	f := fetchWith(t, openAt(t, addrs), FetchOptions{})
	write(t, cl, p, 0, 5)
	old := addTo(f, p, 0)
	old.until(t, func(s QueueState) bool { return s.Known }, func(*Batch) {})
	f.Remove(old.Queue)
	f.Remove(old.Queue)
	write(t, cl, p, 5, 5)
	require.Equal(t, counting(2, 10), addTo(f, p, 2).values(t, 10))
	_, ok := old.Pop()
	require.False(t, ok)
	require.Equal(t, int64(1), f.queues.Load())
}

func TestCloseEndsLongPollsAndLaterAdds(t *testing.T) {
	t.Parallel()
	addrs := kafkatest.Fake(t, kfake.SeedTopics(3, "in"))
	f := NewFetcher(openAt(t, addrs), FetchOptions{MaxWait: time.Hour})
	for i := range int32(3) {
		r := addTo(f, Partition{"in", i}, 0)
		r.until(t, func(s QueueState) bool { return s.Known }, nil)
	}
	f.Close()
	require.ErrorIs(t, addTo(f, Partition{"in", 0}, 0).err(t), ErrClosed)
}

func TestFetchFollowsTheLeader(t *testing.T) {
	t.Parallel()
	c := kafkatest.FakeCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "in"))
	cl, p := kgoAt(t, c.ListenAddrs()), Partition{"in", 0}
	r := addTo(fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{}), p, 0)
	for i := range 6 {
		require.NoError(t, c.MoveTopicPartition("in", 0, int32(i%3)))
		write(t, cl, p, i, 1)
		require.Equal(t, counting(i, i+1), r.values(t, int64(i+1)))
	}
}

// TestFetchOutlastsWhatPasses lets the broker refuse for a while with each code that passes.
func TestFetchOutlastsWhatPasses(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.UnknownLeaderEpoch, kerr.FencedLeaderEpoch, kerr.ReplicaNotAvailable,
		kerr.KafkaStorageError, kerr.OffsetNotAvailable, kerr.UnknownTopicOrPartition, kerr.OffsetOutOfRange,
		kerr.CorruptMessage,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			c := kafkatest.FakeCluster(t, kfake.SeedTopics(2, "in"))
			cl, p := kgoAt(t, c.ListenAddrs()), Partition{"in", 0}
			write(t, cl, p, 0, 3)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "in", Err: code, Count: 3})
			f := fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{})
			require.Equal(t, counting(0, 3), addTo(f, p, 0).values(t, 3))
			require.NoError(t, fault.Wait(within(t), 3))
		})
	}
}

func TestFetchOutlastsLostConnections(t *testing.T) {
	t.Parallel()
	c := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
	cl, p := kgoAt(t, c.ListenAddrs()), Partition{"in", 0}
	var cuts atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if n := cuts.Add(1); n%2 == 1 && n < 12 {
			return nil, errors.New("cut"), true
		}
		return nil, nil, false
	})
	r := addTo(fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{MaxWait: time.Millisecond}), p, 0)
	for i := range 10 {
		write(t, cl, p, i, 1)
		require.Equal(t, counting(i, i+1), r.values(t, int64(i+1)))
	}
}

func TestOffsetOutOfRange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		reset OffsetReset
		from  int64
		want  []string // until 10
		says  []string // else
	}{
		{"fail below", ResetFail, 3, nil, []string{"in-0 at offset 3", "offsets 5 to 10", "retention", "earliest"}},
		{"fail above", ResetFail, 99, nil, []string{"in-0 at offset 99", "offsets 5 to 10", "truncated"}},
		{"earliest", ResetEarliest, 3, counting(5, 10), nil},
		{"earliest from above", ResetEarliest, 99, counting(5, 10), nil},
		{"latest", ResetLatest, 3, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
			cl, p := kgoAt(t, c.ListenAddrs()), Partition{"in", 0}
			write(t, cl, p, 0, 5)
			write(t, cl, p, 5, 5)
			require.NoError(t, c.DeleteRecords("in", 0, 5))
			r := addTo(fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{OffsetReset: test.reset}), p, test.from)
			if test.says == nil {
				r.until(t, func(s QueueState) bool { return s.Known && s.Next <= 10 }, func(b *Batch) {
					for _, rec := range b.Records {
						require.Equal(t, test.want[0], string(rec.Value))
						test.want = test.want[1:]
					}
				})
				require.Empty(t, test.want)
				return
			}
			err := r.err(t)
			require.ErrorIs(t, err, ErrOutOfRange)
			for _, s := range test.says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

func TestFetchOfWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	c := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
	f := fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{})
	require.ErrorIs(t, addTo(f, Partition{"none", 0}, 0).err(t), ErrTopicMissing)
	require.ErrorIs(t, addTo(f, Partition{"in", 7}, 0).err(t), ErrTopicMissing)
	r := addTo(f, Partition{"in", 0}, 0)
	r.until(t, func(s QueueState) bool { return s.Known }, nil)
	require.NoError(t, c.DeleteTopic("in"))
	require.ErrorIs(t, r.err(t), ErrTopicMissing)
}

func TestFetchNoticesATopicCreatedAgain(t *testing.T) {
	t.Parallel()
	c := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
	f := fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{})
	r := addTo(f, Partition{"in", 0}, 0)
	r.until(t, func(s QueueState) bool { return s.Known }, nil)
	hold := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "in", Err: kerr.LeaderNotAvailable, Count: -1})
	require.NoError(t, c.DeleteTopic("in"))
	require.NoError(t, hold.Wait(within(t), 1)) // the queue is with the placer now
	require.NoError(t, c.CreateTopic("in", 1, nil))
	hold.Remove()
	err := r.err(t)
	require.ErrorIs(t, err, ErrTopicMissing)
	require.ErrorContains(t, err, "created again")
}

func TestFetchWithoutPermission(t *testing.T) {
	t.Parallel()
	c := kafkatest.FakeCluster(t, kfake.SeedTopics(2, "in"))
	c.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: "in", Partitions: []int32{0}, Err: kerr.TopicAuthorizationFailed, Count: -1,
	})
	write(t, kgoAt(t, c.ListenAddrs()), Partition{"in", 1}, 0, 3)
	f := fetchWith(t, openAt(t, c.ListenAddrs()), FetchOptions{})
	require.ErrorIs(t, addTo(f, Partition{"in", 0}, 0).err(t), ErrUnauthorized)
	require.Equal(t, counting(0, 3), addTo(f, Partition{"in", 1}, 0).values(t, 3))
}
