// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestEndsOfPartitions(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	name := k.CreateTopic(t, "in", 2, nil)
	a, b := Partition{name, 0}, Partition{name, 1}
	write(t, kgoAt(t, k.Addrs()), a, 0, 10)
	open := newTransactor(t, k.Addrs(), a)
	open.begin("undecided")
	c, ctx := openAt(t, k.Addrs()), within(t)
	latest, err := c.LatestOffsets(ctx, []Partition{a, b})
	require.NoError(t, err)
	require.Equal(t, map[Partition]int64{a: 11, b: 0}, latest, "the high watermark, undecided records included")
	earliest, err := c.EarliestOffset(ctx, a)
	require.NoError(t, err)
	require.Zero(t, earliest)
	_, err = c.LatestOffset(ctx, Partition{name, 2})
	require.ErrorIs(t, err, ErrTopicMissing)
	open.end(kgo.TryAbort)
}

func TestOffsetsFollowTheLeader(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(3, "in"))
	c := openAt(t, fake.ListenAddrs())
	parts := []Partition{{"in", 0}, {"in", 1}, {"in", 2}}
	for i := range int32(9) {
		write(t, kgoAt(t, fake.ListenAddrs()), parts[i%3], 0, 1)
		require.NoError(t, fake.MoveTopicPartition("in", i%3, (i+i/3)%3))
		found, err := c.LatestOffsets(within(t), parts)
		require.NoError(t, err)
		require.Equal(t, int64(i/3+1), found[parts[i%3]])
	}
}

func TestCommitAndFetchOffsets(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	name, group := k.CreateTopic(t, "in", 3, nil), kafkatest.Name(t, "group")
	c, ctx := openAt(t, k.Addrs()), within(t)
	parts := []Partition{{name, 0}, {name, 1}, {name, 2}}
	found, err := c.CommittedOffsets(ctx, group, parts)
	require.NoError(t, err)
	require.Empty(t, found)

	commits := map[Partition]Commit{parts[0]: {Offset: 5, Metadata: "clock 17"}, parts[2]: {Offset: 0}}
	nobody := GroupIdentity{Group: group, Generation: -1} // a group without members takes anybody's commits
	require.NoError(t, c.CommitOffsets(ctx, nobody, commits))
	require.NoError(t, c.CommitOffsets(ctx, nobody, nil))
	found, err = c.CommittedOffsets(ctx, group, parts)
	require.NoError(t, err)
	require.Equal(t, commits, found)

	stale := GroupIdentity{Group: group, MemberID: "gone", Generation: 3}
	require.ErrorIs(t, c.CommitOffsets(ctx, stale, commits), ErrStaleMember)
}

func TestCommittedOffsetsOfUnknownGroupAtKfake(t *testing.T) {
	t.Parallel()
	c := openAt(t, kafkatest.Fake(t, kfake.SeedTopics(1, "in"))) // says GROUP_ID_NOT_FOUND
	found, err := c.CommittedOffsets(within(t), "nobody", []Partition{{"in", 0}})
	require.NoError(t, err)
	require.Empty(t, found)
}

// TestCommittedOffsetsWaitForTransactions asks while a transaction holds a commit that is undecided.
func TestCommittedOffsetsWaitForTransactions(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.SeedTopics(1, "in"))
	c, p := openAt(t, fake.ListenAddrs()), Partition{"in", 0}
	id := GroupIdentity{Group: "g", Generation: -1}
	require.NoError(t, c.CommitOffsets(within(t), id, map[Partition]Commit{p: {Offset: 3}}))
	unstable := fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.UnstableOffsetCommit, Count: -1,
		When: func(req kmsg.Request) bool { return req.(*kmsg.OffsetFetchRequest).RequireStable },
	})
	asking, cancel := context.WithCancel(t.Context())
	go func() {
		_ = unstable.Wait(asking, 3)
		cancel()
	}()
	_, err := c.CommittedOffsets(asking, "g", []Partition{p})
	require.ErrorIs(t, err, context.Canceled)
	unstable.Remove()
	found, err := c.CommittedOffsets(within(t), "g", []Partition{p})
	require.NoError(t, err)
	require.Equal(t, map[Partition]Commit{p: {Offset: 3}}, found)
}

func TestOffsetsFollowTheCoordinator(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(1, "in"))
	c, p := openAt(t, fake.ListenAddrs()), Partition{"in", 0}
	for i := range int64(8) {
		fake.RehashCoordinators()
		id := GroupIdentity{Group: "g", Generation: -1}
		require.NoError(t, c.CommitOffsets(within(t), id, map[Partition]Commit{p: {Offset: i}}))
		fake.RehashCoordinators()
		found, err := c.CommittedOffsets(within(t), "g", []Partition{p})
		require.NoError(t, err)
		require.Equal(t, i, found[p].Offset)
	}
}
