// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

func TestMembersShareAndHandOver(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		a, b, c := tm.topic(4), tm.topic(4), tm.topic(2)
		opts := quick(kafkatest.Name(t, "g"), []string{a, b}, []string{c})

		m1 := tm.join("m1", opts)
		tm.roster.untilOwns(t, map[string]int{"m1": 10})

		// A second one takes half of the tasks; the first one hears of those only.
		m2 := tm.join("m2", opts)
		tm.roster.until(t, "three tasks each", func() bool {
			return len(tm.roster.partsOf("m1"))+len(tm.roster.partsOf("m2")) == 10 && len(tm.roster.partsOf("m2")) == 5
		})
		require.Equal(t, 1, tm.roster.count("m1", "revoked"))
		for _, who := range []string{"m1", "m2"} {
			for _, p := range tm.roster.owned(who) {
				if p.Topic == a {
					require.Contains(t, tm.roster.owned(who), Partition{b, p.Index}, "co-partitioned topics are apart")
				}
			}
		}

		// When it leaves, the first one gets everything back, long before a session would time out.
		m2.leave(t)
		tm.roster.untilOwns(t, map[string]int{"m1": 10})
		require.Equal(t, 1, tm.roster.count("m2", "revoked"))
		m1.leave(t)
		tm.roster.untilOwns(t, map[string]int{})
	})
}

func TestMembersComeAndGo(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		a, b := tm.topic(7), tm.topic(3)
		opts := quick(kafkatest.Name(t, "g"), []string{a}, []string{b})
		team := []*teammate{tm.join("m0", opts)}
		for i := range 12 {
			if len(team) > 1 && (len(team) == 4 || r.IntN(2) == 0) {
				k := r.IntN(len(team))
				team[k].leave(t)
				team = append(team[:k], team[k+1:]...)
			} else {
				team = append(team, tm.join(fmt.Sprintf("m%d", i+1), opts))
			}
			if r.IntN(3) == 0 {
				continue // the next one comes in the middle of this rebalance
			}
			tm.roster.until(t, "everything owned and even", func() bool {
				total := 0
				for _, m := range team {
					n := len(tm.roster.partsOf(m.name))
					total += n
					if n < 10/len(team) {
						return false
					}
				}
				return total == 10
			})
		}
	})
}

// Members of a new version come one by one, with a sub-topology that the old ones do not know.
func TestMembersRollToANewTopology(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		a, b := tm.topic(4), tm.topic(3)
		group := kafkatest.Name(t, "g")
		older, newer := quick(group, []string{a}), quick(group, []string{a}, []string{b})
		old := []*teammate{tm.join("old0", older), tm.join("old1", older)}
		tm.roster.untilOwns(t, map[string]int{"old0": 2, "old1": 2})

		old[0].leave(t)
		tm.join("new0", newer)
		tm.roster.until(t, "old and new share", func() bool {
			return len(tm.roster.partsOf("new0"))+len(tm.roster.partsOf("old1")) == 7 && len(tm.roster.partsOf("old1")) > 2
		})
		old[1].leave(t)
		tm.join("new1", newer)
		tm.roster.until(t, "everything runs, evenly", func() bool {
			n0, n1 := len(tm.roster.partsOf("new0")), len(tm.roster.partsOf("new1"))
			return n0+n1 == 7 && n0 >= 3 && n1 >= 3
		})
	})
}

// What the engine does in Revoked is commit, and a commit must pass then; in Lost it must not, nor later.
func TestMembersCommitUntilRevokedAndNotWhenLost(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		topic := tm.topic(4)
		opts := quick(kafkatest.Name(t, "g"), []string{topic})
		sleepy := opts
		sleepy.SessionTimeout = 2 * time.Second

		m1 := tm.prepare("m1", sleepy)
		commit := func(m *teammate, parts []Partition) error {
			offsets := map[Partition]Commit{}
			for _, p := range parts {
				offsets[p] = Commit{Offset: 42}
			}
			return m.client.CommitOffsets(context.Background(), m.member.Identity(), offsets)
		}
		revoked, lost := make(chan error, 10), make(chan error, 10)
		m1.onRevoked = func(parts []Partition) { revoked <- commit(m1, parts) }
		m1.onLost = func(parts []Partition) { lost <- commit(m1, parts) }
		require.Error(t, commit(m1, []Partition{{topic, 0}}), "a commit before the first join must be refused")
		tm.run(m1)
		tm.roster.untilOwns(t, map[string]int{"m1": 4})

		tm.join("m2", opts)
		tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
		require.NoError(t, <-revoked)

		// m1 stops for longer than its session: the group gives its partitions to m2, and m1 cannot know.
		tm.roster.sleeps("m1", true)
		m1.clock.sleep()
		tm.roster.untilOwns(t, map[string]int{"m2": 4})
		require.ErrorIs(t, commit(m1, []Partition{{topic, 0}}), sarama.ErrUnknownMemberId)

		// It awakes, hears that everything is lost, and joins as a new member.
		tm.roster.sleeps("m1", false)
		m1.clock.wake()
		tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
		require.ErrorIs(t, <-lost, sarama.ErrUnknownMemberId)
		require.Equal(t, 1, tm.roster.count("m1", "lost"))
	})
}

// The coordinator hears a member whose Handler is busy. Not with kfake: it forgets members that wait in JoinGroup for
// longer than their session, and never answers them.
func TestMemberStaysThroughALongRevoke(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, kafkatest.Shared(t).Addrs())
	opts := quick(kafkatest.Name(t, "g"), []string{tm.topic(4)})
	opts.SessionTimeout = 2 * time.Second
	m1 := tm.prepare("m1", opts)
	entered, release := make(chan struct{}), make(chan struct{})
	m1.onRevoked = func([]Partition) {
		close(entered)
		<-release
		m1.onRevoked = nil
	}
	tm.run(m1)
	tm.roster.untilOwns(t, map[string]int{"m1": 4})
	tm.join("m2", opts)
	<-entered
	m3 := tm.join("m3", opts) // it and m2 wait for m1
	<-clock.System.After(2 * opts.SessionTimeout)
	close(release)
	tm.roster.until(t, "three members", func() bool {
		return len(tm.roster.owner) == 4 && len(tm.roster.partsOf("m3")) > 0 && len(tm.roster.partsOf("m2")) > 0
	})
	require.Zero(t, tm.roster.count("m1", "lost"))
	m3.leave(t)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
}

// A member that is told to stop while it waits for others to join hears the end of that, or does not wait for it for
// long; in either case it commits before it leaves.
func TestMemberLeavesInTheMiddleOfARebalance(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		for name, wait := range map[string]time.Duration{"short": 2 * time.Second, "long": longerThanPatience} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				leaveInTheMiddle(t, newTeam(t, addrs), wait)
			})
		}
	})
}

func leaveInTheMiddle(t *testing.T, tm *team, rebalanceTimeout time.Duration) {
	topic := tm.topic(4)
	opts := quick(kafkatest.Name(t, "g"), []string{topic})
	opts.RebalanceTimeout = rebalanceTimeout // for as long as m2 lets everybody wait
	joins := make(chan struct{}, 100)
	watched := opts
	watched.Warm = func() []Partition { joins <- struct{}{}; return nil }
	m1, m2 := tm.prepare("m1", watched), tm.prepare("m2", opts)
	committed := make(chan error, 2)
	m1.onRevoked = func(parts []Partition) {
		committed <- m1.client.CommitOffsets(context.Background(), m1.member.Identity(),
			map[Partition]Commit{parts[0]: {Offset: 7}})
	}
	tm.run(m1)
	tm.roster.untilOwns(t, map[string]int{"m1": 4})
	tm.run(m2)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
	require.NoError(t, <-committed)

	tm.roster.sleeps("m2", true)
	m2.clock.sleep() // it will not notice the rebalance
	for len(joins) > 0 {
		<-joins
	}
	m3 := tm.join("m3", opts)
	<-joins // m1 has noticed it
	before := m1.member.Identity().Generation
	m1.leave(t)
	require.NoError(t, <-committed)
	require.GreaterOrEqual(t, m1.member.Identity().Generation, before)
	m3.leave(t)
	tm.roster.sleeps("m2", false)
	m2.clock.wake()
	tm.roster.untilOwns(t, map[string]int{"m2": 4})
}

// Who stops before it has joined leaves no trace: the group would wait for it until its session ends, which is longer
// than patience. Not with kfake: it loses count of who has joined when a member leaves that waits in SyncGroup.
func TestMemberThatStopsAtOnceHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	tm := newTeam(t, kafkatest.Shared(t).Addrs())
	opts := quick(kafkatest.Name(t, "g"), []string{tm.topic(4)})
	tm.join("m1", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 4})
	for i := range 100 {
		m := tm.join(fmt.Sprintf("passer-by-%d", i), opts)
		<-clock.System.After(time.Duration(rand.IntN(10000)) * time.Microsecond) // anywhere in its joining
		m.leave(t)
	}
	tm.join("m2", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
}

func TestMemberNoticesNewPartitionsAndTopics(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		a, later := tm.topic(2), kafkatest.Name(t, "later")
		opts := quick(kafkatest.Name(t, "g"), []string{a}, []string{later})
		opts.RefreshInterval = 50 * time.Millisecond
		tm.join("m1", opts)
		tm.join("m2", opts)
		tm.roster.untilOwns(t, map[string]int{"m1": 1, "m2": 1})
		revoked := tm.roster.count("m1", "revoked") + tm.roster.count("m2", "revoked")
		tm.createTopic(later, 2)
		tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
		conf := sarama.NewConfig()
		admin, err := sarama.NewClusterAdmin(addrs, conf)
		require.NoError(t, err)
		defer admin.Close()
		require.NoError(t, admin.CreatePartitions(a, 4, nil, false))
		tm.roster.untilOwns(t, map[string]int{"m1": 3, "m2": 3})
		require.Equal(t, revoked, tm.roster.count("m1", "revoked")+tm.roster.count("m2", "revoked"))
	})
}

func TestMemberRejoinsOnDemand(t *testing.T) {
	onBoth(t, func(t *testing.T, addrs []string) {
		tm := newTeam(t, addrs)
		topic := tm.topic(2)
		opts := quick(kafkatest.Name(t, "g"), []string{topic})
		joins := make(chan struct{}, 100)
		opts.Warm = func() []Partition { joins <- struct{}{}; return []Partition{{topic, 0}} }
		tm.join("m1", opts)
		m2 := tm.join("m2", opts) // not the leader: its joining again means nothing unless it says something new
		tm.roster.untilOwns(t, map[string]int{"m1": 1, "m2": 1})
		before := m2.member.Identity()
		for len(joins) > 0 {
			<-joins
		}
		m2.member.Rejoin()
		for range 2 { // both, though one of them was asked
			select {
			case <-joins:
			case <-time.After(patience):
				require.FailNow(t, "no rebalance")
			}
		}
		m2.leave(t)
		require.Greater(t, m2.member.Identity().Generation, before.Generation)
		require.Equal(t, 1, tm.roster.count("m2", "assigned"))
	})
}
