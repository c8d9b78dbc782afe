// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
)

// TestBrokersThatAreKilled: each broker in turn is killed with -9 while there is work, and started again. The Run goes
// on by itself, and every result comes once.
func TestBrokersThatAreKilled(t *testing.T) {
	t.Parallel()
	for _, brokers := range []int{1, 3} {
		t.Run(fmt.Sprint(brokers), func(t *testing.T) {
			t.Parallel()
			c := kafkatest.Start(t, kafkatest.Options{Brokers: brokers})
			s := siteOf(t, c.Addrs())
			const partitions = 4
			in, out := c.CreateTopic(t, "in", partitions, nil), c.CreateTopic(t, "out", partitions, nil)
			o, topo := newTally(1000), counting(kafkatest.Name(t, "app"), in, out)
			config := stream.Config{
				Brokers: s.addrs, StateDir: t.TempDir(), Workers: 2, SessionTimeout: shortSession,
				CommitInterval: 20 * time.Millisecond, CheckpointInterval: 200 * time.Millisecond,
			}
			a := start(t, topo, config)
			s.put(in, o.more(5000, partitions)...)
			s.counted(a, topo.Name(), in, out, o)
			for i := range brokers {
				s.put(in, o.more(5000, partitions)...) // some of it is under way when the broker dies
				require.NoError(t, c.Kill(i))
				began := clock.System.Now()
				s.send(in, o.more(5000, partitions)...)
				if brokers == 1 {
					require.NoError(t, c.Restart(i))
				}
				s.flush()
				s.counted(a, topo.Name(), in, out, o)
				t.Logf("caught up %v after broker %d was killed", clock.System.Now().Sub(began).Round(time.Millisecond), i)
				if brokers > 1 {
					require.NoError(t, c.Restart(i))
				}
			}
			require.NoError(t, a.end())

			config.StateDir = t.TempDir()
			s.put(in, o.more(1000, partitions)...)
			a = start(t, topo, config)
			s.counted(a, topo.Name(), in, out, o)
			require.NoError(t, a.end())
		})
	}
}
