// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
)

// members are the ids of a group's members.
func (s *site) members(group string) []string {
	s.t.Helper()
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	var ids []string
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		if shard.Err != nil {
			return nil
		}
		for _, g := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			for _, m := range g.Members {
				ids = append(ids, m.MemberID)
			}
		}
	}
	return ids
}

// expel takes a member out of its group, as the coordinator does when it has heard nothing of it for a session.
func (s *site) expel(group, member string) {
	s.t.Helper()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		require.NoError(s.t, shard.Err)
		require.NoError(s.t, kerr.ErrorForCode(shard.Resp.(*kmsg.LeaveGroupResponse).ErrorCode))
	}
}

// TestAMemberThatIsExpelledWhileItCommits goes back to work within a few heartbeats. It must not wait for a rebalance
// that it has no part in.
func TestAMemberThatIsExpelledWhileItCommits(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 2, nil)
	o, topo := newTally(10), counting(kafkatest.Name(t, "app"), in, out)
	a := start(t, topo, stream.Config{Brokers: s.addrs, SessionTimeout: shortSession})
	s.put(in, o.more(100, 2)...)
	s.counted(a, topo.Name(), in, out, o)
	s.expel(topo.Name(), s.members(topo.Name())[0])
	s.put(in, o.more(100, 2)...)
	quick := time.After(3 * shortSession)
	a.await("the member is in the group again", func() bool {
		select {
		case <-quick:
			t.Fatal("the worker waits in its commit")
		default:
		}
		return len(s.members(topo.Name())) == 1 && len(a.log.lines("lost the membership")) == 1
	})
	s.counted(a, topo.Name(), in, out, o)
	require.NoError(t, a.end())
}

// TestAPartitionThatIsAdded is no place for keys whose state lies elsewhere, but fine where there is no state.
func TestAPartitionThatIsAdded(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 2, nil)
	stateful := counting(kafkatest.Name(t, "app"), in, out)
	stateless := passing(kafkatest.Name(t, "app"), in, out)
	a, b := start(t, stateful, stream.Config{Brokers: s.addrs}), start(t, stateless, stream.Config{Brokers: s.addrs})
	await(t, "they have begun", func() bool { return len(a.tasks()) == 2 && len(b.tasks()) == 2 })
	s.addPartitions(in, 3)
	for _, topo := range []*stream.Topology{stateful, stateless} {
		s.expel(topo.Name(), s.members(topo.Name())[0]) // so that nobody waits for the next regular look
	}
	requireText(t, a.wait(), in, "partition 2", "state for 2 partitions", "reset its group")
	b.await("the new partition is read", func() bool { return len(b.tasks()) == 3 })
	s.put(in, record{key: "k", value: "v", partition: 2})
	b.await("it is committed", func() bool { return s.positions(stateless.Name(), in, 3)[2] == 1 })
	require.NoError(t, b.end())
}

// addPartitions makes topic have n partitions.
func (s *site) addPartitions(topic string, n int32) {
	s.t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	more := kmsg.NewCreatePartitionsRequestTopic()
	more.Topic, more.Count = topic, n
	req.Topics = append(req.Topics, more)
	resp, err := req.RequestWith(bounded(s.t), s.client)
	require.NoError(s.t, err)
	require.NoError(s.t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	await(s.t, "the partitions are there", func() bool { return s.partitions(topic) == n })
	s.client = s.connect(kgo.RecordPartitioner(kgo.ManualPartitioner())) // which has not seen the topic before
}

// TestAFunctionThatBlocksARebalance: the second process cannot wait for the first one for longer than the rebalance's
// time-out, takes over, and the first one comes back later to find that its work is not counted.
func TestAFunctionThatBlocksARebalance(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 2, nil)
	blocked, release := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { closeOnce(release) })
	var once atomic.Bool
	topo := stream.New(kafkatest.Name(t, "app"))
	slow := operators.Map(stream.From(topo, text(in)), func(v string) string {
		if v == "150" && once.CompareAndSwap(false, true) {
			close(blocked)
			<-release
		}
		return v
	})
	stream.To(operators.ToStream(operators.Aggregate("counts", slow, operators.Count[string]())), counts(out))
	config := stream.Config{Brokers: s.addrs, SessionTimeout: shortSession, RebalanceTimeout: 2 * time.Second}
	o := newTally(10)
	first := start(t, topo, config)
	s.put(in, o.more(100, 2)...)
	s.counted(first, topo.Name(), in, out, o)
	s.put(in, o.more(100, 2)...)
	<-blocked
	second := start(t, topo, config)
	s.counted(second, topo.Name(), in, out, o)
	s.put(in, o.more(100, 2)...)
	s.counted(second, topo.Name(), in, out, o)

	close(release)
	first.await("the first one is back", func() bool { return len(s.members(topo.Name())) == 2 })
	s.put(in, o.more(100, 2)...)
	s.counted(second, topo.Name(), in, out, o)
	require.NoError(t, first.end())
	s.put(in, o.more(100, 2)...)
	s.counted(second, topo.Name(), in, out, o)
	require.NoError(t, second.end())
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// TestAnotherProducerOfTheSameNameFencesAndIsFenced: a transaction that somebody begins under our transactional id, as
// a restart of the process elsewhere would, ends ours; our new producer ends theirs.
func TestAnotherProducerOfTheSameNameFencesAndIsFenced(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 2, nil), c.CreateTopic(t, "out", 2, nil)
	o, topo := newTally(10), counting(kafkatest.Name(t, "app"), in, out)
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir()}
	a := start(t, topo, config)
	s.put(in, o.more(100, 2)...)
	s.counted(a, topo.Name(), in, out, o)
	instance, err := os.ReadFile(filepath.Join(config.StateDir, "instance"))
	require.NoError(t, err)
	id := fmt.Sprintf("%s-%s-0", topo.Name(), strings.TrimSpace(string(instance)))
	other := s.connect(kgo.TransactionalID(id))
	require.NoError(t, other.BeginTransaction())
	require.NoError(t, other.ProduceSync(bounded(t), &kgo.Record{Topic: out, Key: []byte("foreign")}).FirstErr())
	s.put(in, o.more(100, 2)...)
	s.counted(a, topo.Name(), in, out, o)
	require.NotEmpty(t, a.log.lines(goingBack))
	require.Error(t, other.EndTransaction(bounded(t), kgo.TryCommit))
	s.put(in, o.more(100, 2)...)
	s.counted(a, topo.Name(), in, out, o)
	require.NoError(t, a.end())
}

// TestAnErrorThatSpeaksOfACancelledContext is a failure like any other: nobody has asked the Run to stop.
func TestAnErrorThatSpeaksOfACancelledContext(t *testing.T) {
	t.Parallel()
	p := poisons()[2]
	p.stream = func(v int64) error {
		if v == bad {
			return fmt.Errorf("no such number: %w", context.Canceled)
		}
		return nil
	}
	r := newTrial(t, p)
	r.put(r.in, r.record)
	a := start(t, r.topology(), r.config(stream.Fail))
	r.requireFailure(t, a.wait(), 0)
	require.True(t, errors.Is(a.err, context.Canceled))
}

// TestAStopWithoutBrokers ends when its time is over, and says that something was left.
func TestAStopWithoutBrokers(t *testing.T) {
	t.Parallel()
	h := newHostile(t, kfake.SeedTopics(1, "in", "out"))
	topo := counting("count", "in", "out")
	var seen atomic.Uint64
	a := start(t, topo, stream.Config{
		Brokers: h.addrs, StopTimeout: 500 * time.Millisecond, SessionTimeout: time.Second,
		CommitInterval: 5 * time.Second, OnRecords: seen.Store,
	})
	h.put("in", numbered("v", 10)...)
	a.await("the records are processed", func() bool { return seen.Load() == 10 })
	h.Close()
	a.stop()
	select {
	case <-a.ended:
	case <-time.After(impatience):
		t.Fatal("it waits for brokers that are gone")
	}
	requireText(t, a.err, "StopTimeout", "the next start")
}
