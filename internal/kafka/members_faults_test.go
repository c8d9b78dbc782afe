// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

var errHangUp = errors.New("hang up") // kfake closes the connection

// refuseNext makes the coordinator answer the next request of the kind with err.
func refuseNext(fake *kfake.Cluster, key kmsg.Key, err error) {
	fake.ControlKey(key.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		code, isCode := errors.AsType[*kerr.Error](err)
		if !isCode {
			return nil, err, true
		}
		res := req.ResponseKind()
		switch res := res.(type) {
		case *kmsg.HeartbeatResponse:
			res.ErrorCode = code.Code
		case *kmsg.JoinGroupResponse:
			res.ErrorCode = code.Code
		case *kmsg.SyncGroupResponse:
			res.ErrorCode = code.Code
		}
		return res, nil, true
	})
}

// What a coordinator may answer at any time: the member comes through, with its partitions if it may keep them.
func TestMemberComesThroughErrors(t *testing.T) {
	t.Parallel()
	const heartbeat, join, sync = kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup
	cases := []struct {
		name  string
		key   kmsg.Key
		err   error
		loses bool
	}{
		{"heartbeat: not the coordinator", heartbeat, kerr.NotCoordinator, false},
		{"heartbeat: no coordinator", heartbeat, kerr.CoordinatorNotAvailable, false},
		{"heartbeat: loading", heartbeat, kerr.CoordinatorLoadInProgress, false},
		{"heartbeat: the broker fails", heartbeat, kerr.UnknownServerError, false},
		{"heartbeat: connection closed", heartbeat, errHangUp, false},
		{"heartbeat: rebalance", heartbeat, kerr.RebalanceInProgress, false},
		{"heartbeat: unknown member", heartbeat, kerr.UnknownMemberID, true},
		{"heartbeat: illegal generation", heartbeat, kerr.IllegalGeneration, true},
		{"join: not the coordinator", join, kerr.NotCoordinator, false},
		{"join: loading", join, kerr.CoordinatorLoadInProgress, false},
		{"join: connection closed", join, errHangUp, false},
		{"join: unknown member", join, kerr.UnknownMemberID, true},
		{"sync: not the coordinator", sync, kerr.NotCoordinator, false},
		{"sync: another rebalance", sync, kerr.RebalanceInProgress, false},
		{"sync: connection closed", sync, errHangUp, false},
		{"sync: illegal generation", sync, kerr.IllegalGeneration, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake := kafkatest.FakeCluster(t, kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second))
			tm := newTeam(t, fake.ListenAddrs())
			opts := quick("g", []string{tm.topic(4)})
			opts.SessionTimeout = 2 * time.Second // the coordinator waits for the member that it said it did not know
			m1 := tm.join("m1", opts)
			tm.roster.untilOwns(t, map[string]int{"m1": 4})
			refuseNext(fake, c.key, c.err)
			m1.member.Rejoin() // with heartbeats before or after
			if c.loses {
				tm.roster.until(t, "loss", func() bool { return len(tm.roster.heard) >= 2 })
			}
			tm.join("m2", opts)
			tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
			lost := 0
			if c.loses {
				lost = 1
			}
			require.Equal(t, lost, tm.roster.count("m1", "lost")+tm.roster.count("m2", "lost"))
		})
	}
}

// What no further attempt can change ends Run, and the partitions are lost.
func TestMemberGivesUp(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		err  *kerr.Error
		want error
		says string
	}{
		{"acl", kerr.GroupAuthorizationFailed, ErrUnauthorized, ""},
		{"instance", kerr.FencedInstanceID, ErrFenced, "give each its own"},
		{"too many", kerr.GroupMaxSizeReached, nil, "group.max.size"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fake := kafkatest.FakeCluster(t, kfake.NumBrokers(1))
			tm := newTeam(t, fake.ListenAddrs())
			m1 := tm.join("m1", quick("g", []string{tm.topic(4)}))
			tm.roster.untilOwns(t, map[string]int{"m1": 4})
			refuseNext(fake, kmsg.Heartbeat, c.err)
			m1.wait(t)
			require.Error(t, m1.err)
			if c.want != nil {
				require.ErrorIs(t, m1.err, c.want)
			}
			require.ErrorContains(t, m1.err, c.says)
			require.Equal(t, 1, tm.roster.count("m1", "lost"))
			tm.roster.untilOwns(t, map[string]int{})
		})
	}
}

func TestMemberFollowsTheCoordinator(t *testing.T) {
	t.Parallel()
	fake := kafkatest.FakeCluster(t, kfake.NumBrokers(3))
	tm := newTeam(t, fake.ListenAddrs())
	opts := quick("g", []string{tm.topic(6)})
	tm.join("m1", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 6})
	for range 5 {
		fake.RehashCoordinators()
		m := tm.join("m2", opts)
		tm.roster.untilOwns(t, map[string]int{"m1": 3, "m2": 3})
		m.leave(t)
		tm.roster.untilOwns(t, map[string]int{"m1": 6})
	}
	require.Zero(t, tm.roster.count("m1", "lost"))
}

func TestMemberRefusesAForeignGroup(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		topic, group := tm.topic(1), kafkatest.Name(t, "g")
		joined := make(chan struct{})
		foreign, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
			kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
		require.NoError(t, err)
		defer foreign.Close()
		<-joined
		m1 := tm.join("m1", quick(group, []string{topic}))
		m1.wait(t)
		require.ErrorContains(t, m1.err, "clients of another kind")
	})
}

func TestStaticMemberComesBackToItsPartitions(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		group, topic := kafkatest.Name(t, "g"), tm.topic(4)
		static := func(id string) MemberOptions {
			opts := quick(group, []string{topic})
			opts.InstanceID = id
			return opts
		}
		m1 := tm.join("m1", static("one"))
		tm.roster.untilOwns(t, map[string]int{"m1": 4})
		tm.join("m2", static("two"))
		tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
		before, others := tm.roster.owned("m1"), tm.roster.owned("m2")

		m1.leave(t)
		tm.roster.untilOwns(t, map[string]int{"m2": 2})
		again := tm.join("m1", static("one"))
		tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
		require.Equal(t, before, tm.roster.owned("m1"))
		require.Equal(t, others, tm.roster.owned("m2"))
		require.Zero(t, tm.roster.count("m2", "revoked"))
		require.Equal(t, "one", again.member.Identity().InstanceID)

		// A second process with the same id takes the place of the first.
		tm.roster.sleeps("m1", true) // its partitions are taken before it hears of that
		tm.join("m1-twin", static("one"))
		tm.roster.until(t, "the twin's partitions", func() bool { return len(tm.roster.partsOf("m1-twin")) == 2 })
		again.wait(t)
		require.ErrorIs(t, again.err, ErrFenced)
		require.Equal(t, 1, tm.roster.count("m1", "lost"))
	})
}

func TestMemberOptionsAreChecked(t *testing.T) {
	t.Parallel()
	client, err := Open(t.Context(), Options{Brokers: kafkatest.Fake(t)})
	require.NoError(t, err)
	defer client.Close()
	_, err = NewMember(client, MemberOptions{Groups: [][]string{{"a"}}}, nil)
	require.ErrorContains(t, err, "group's name")
	_, err = NewMember(client, MemberOptions{Group: "g"}, nil)
	require.ErrorContains(t, err, "at least one topic")
	m, err := NewMember(client, MemberOptions{Group: "g", Groups: [][]string{{"a"}}, SessionTimeout: time.Second}, nil)
	require.NoError(t, err)
	require.Equal(t, time.Second/3, m.opts.HeartbeatInterval)
	require.Equal(t, GroupIdentity{Group: "g"}, m.Identity())
}
