// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestCreateTopics(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	c, ctx := openAt(t, k.Addrs()), within(t)
	name := kafkatest.Name(t, "new")
	compact := map[string]string{"cleanup.policy": "compact"}
	spec := TopicSpec{Name: name, Partitions: 3, ReplicationFactor: -1, Configs: compact}
	require.NoError(t, c.CreateTopics(ctx, nil))
	require.NoError(t, c.CreateTopics(ctx, []TopicSpec{spec, {Name: name + "-default"}}))
	require.NoError(t, c.CreateTopics(ctx, []TopicSpec{spec}), "exists already")
	n, err := c.Partitions(ctx, name)
	require.NoError(t, err)
	require.Equal(t, int32(3), n)
	id, err := c.TopicID(ctx, name)
	require.NoError(t, err)
	require.NotZero(t, id)

	spec.Partitions = 5
	err = c.CreateTopics(ctx, []TopicSpec{spec})
	require.ErrorContains(t, err, "has 3 partitions but 5 are needed")
	require.ErrorContains(t, err, "delete the topic")

	bad := TopicSpec{Name: name + "-bad", Partitions: 1, Configs: map[string]string{"segment.bytes": "lots"}}
	err = c.CreateTopics(ctx, []TopicSpec{bad})
	require.ErrorContains(t, err, bad.Name)
	require.ErrorContains(t, err, "segment.bytes", "what the broker says")
	_, err = c.Partitions(ctx, bad.Name)
	require.ErrorIs(t, err, ErrTopicMissing)
	_, err = c.TopicID(ctx, bad.Name)
	require.ErrorIs(t, err, ErrTopicMissing)
}

// A broker before 3.6 does not know the setting that AnyTime needs on newer ones.
func TestCreateTopicsForAnyTime(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t)
	old := fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "old", Err: kerr.InvalidConfig, Count: -1,
		When: func(r kmsg.Request) bool {
			for _, topic := range r.(*kmsg.CreateTopicsRequest).Topics {
				if topic.Topic == "old" && len(topic.Configs) > 0 {
					return true
				}
			}
			return false
		},
	})
	c := openAt(t, fake.ListenAddrs())
	require.NoError(t, c.CreateTopics(within(t), []TopicSpec{
		{Name: "old", Partitions: 1, ReplicationFactor: 1, AnyTime: true},
		{Name: "new", Partitions: 1, ReplicationFactor: 1, AnyTime: true},
	}))
	require.Equal(t, 1, old.Hits())
}

func TestCreateTopicsOutlastsWhatPasses(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.NotController, kerr.ThrottlingQuotaExceeded, kerr.RequestTimedOut} {
		fake := kafkatest.FakeCluster(t)
		create := fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "new", Err: code, Count: 2})
		noLeader := fake.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Metadata}, Topic: "new", Err: kerr.LeaderNotAvailable, Count: 2,
		})
		c := openAt(t, fake.ListenAddrs())
		require.NoError(t, c.CreateTopics(within(t), []TopicSpec{{Name: "new", Partitions: 2, ReplicationFactor: 1}}))
		require.Equal(t, []int{2, 2}, []int{create.Hits(), noLeader.Hits()}, code.Message)
	}
}

func TestCreateTopicsWithoutPermission(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t)
	fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "new", Err: kerr.ClusterAuthorizationFailed})
	err := openAt(t, fake.ListenAddrs()).CreateTopics(within(t), []TopicSpec{{Name: "new", Partitions: 2}})
	require.ErrorIs(t, err, ErrUnauthorized)
	require.ErrorContains(t, err, "new")
}

func TestDeleteRecords(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	name := k.CreateTopic(t, "in", 2, nil)
	cl, c, ctx := kgoAt(t, k.Addrs()), openAt(t, k.Addrs()), within(t)
	a, b := Partition{name, 0}, Partition{name, 1}
	write(t, cl, a, 0, 10)
	write(t, cl, b, 0, 10)
	require.NoError(t, c.DeleteRecords(ctx, map[Partition]int64{a: 4, b: 10}))
	earliest, err := c.EarliestOffsets(ctx, []Partition{a, b})
	require.NoError(t, err)
	require.Equal(t, map[Partition]int64{a: 4, b: 10}, earliest)
	require.ErrorIs(t, c.DeleteRecords(ctx, map[Partition]int64{a: 11}), ErrOutOfRange)
	require.ErrorIs(t, c.DeleteRecords(ctx, map[Partition]int64{{name, 5}: 1}), ErrTopicMissing)
}
