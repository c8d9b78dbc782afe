// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// TestFetchOutlastsTheLossOfBrokers kills two brokers of three in turn while records are written and read: every record
// is read, once and in order.
func TestFetchOutlastsTheLossOfBrokers(t *testing.T) {
	t.Parallel()
	k := kafkatest.Start(t, kafkatest.Options{Brokers: 3})
	name := k.CreateTopic(t, "in", 6, nil)
	c := openAt(t, k.Addrs())
	f := fetchWith(t, c, FetchOptions{ReadCommitted: true})
	cl := kgoAt(t, k.Addrs())

	const rounds, each = 4, 20
	next := 0
	var all sync.WaitGroup
	for i := range int32(6) {
		r := addTo(f, Partition{name, i}, 0)
		all.Go(func() {
			assert.Equal(t, counting(0, rounds*each), r.values(t, rounds*each), "partition %d", i)
		})
	}
	for round := range rounds {
		if round%2 == 0 {
			require.NoError(t, k.Kill(round/2))
		} else {
			require.NoError(t, k.Restart(round/2))
		}
		for i := range int32(6) {
			write(t, cl, Partition{name, i}, next, each)
		}
		next += each
	}
	all.Wait()
}
