// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// A broker that restarts takes nobody's partitions away: the group is in its log.
func TestMembersKeepTheirPartitionsThroughABrokerRestart(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{})
	tm := newTeam(t, cluster.Addrs())
	opts := quick(kafkatest.Name(t, "g"), []string{tm.topic(4)})
	tm.join("m1", opts)
	tm.join("m2", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
	revoked := tm.roster.count("m1", "revoked")

	require.NoError(t, cluster.Kill(0))
	require.NoError(t, cluster.Restart(0))
	m3 := tm.join("m3", opts)
	tm.roster.until(t, "three members", func() bool {
		return len(tm.roster.owner) == 4 && len(tm.roster.partsOf("m3")) > 0
	})
	m3.leave(t)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
	require.Zero(t, tm.roster.count("m1", "lost")+tm.roster.count("m2", "lost"))
	require.LessOrEqual(t, tm.roster.count("m1", "revoked")+tm.roster.count("m2", "revoked"), revoked+1)
}

// With three brokers the group survives the loss of any, its coordinator included.
func TestMembersSurviveTheLossOfTheirCoordinator(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	tm := newTeam(t, cluster.Addrs())
	opts := quick(kafkatest.Name(t, "g"), []string{tm.topic(4)})
	m1 := tm.join("m1", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 4})

	n, err := m1.client.coordinatorNode(t.Context(), coordinatorKey{id: opts.Group})
	require.NoError(t, err)
	var coordinator int
	for i, addr := range cluster.Addrs() {
		if addr == n.addr {
			coordinator = i
		}
	}
	require.NoError(t, cluster.Kill(coordinator))
	tm.join("m2", opts)
	tm.roster.untilOwns(t, map[string]int{"m1": 2, "m2": 2})
	require.NoError(t, cluster.Restart(coordinator))
	require.Zero(t, tm.roster.count("m1", "lost"))
}
