// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// TestCloseLeavesNoGoroutine is not parallel: other tests' goroutines would look like ours.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	fake := kafkatest.FakeCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(6, "in"))
	c, err := Open(within(t), Options{Brokers: fake.ListenAddrs()})
	require.NoError(t, err)
	f := NewFetcher(c, FetchOptions{MaxWait: time.Hour})
	for i := range int32(6) {
		r := addTo(f, Partition{"in", i}, 0)
		r.until(t, func(s QueueState) bool { return s.Known }, nil)
	}
	_, err = c.CommittedOffsets(within(t), "g", []Partition{{"in", 0}})
	require.NoError(t, err)
	f.Close()
	require.NoError(t, c.Close())
	for ctx := within(t); ; runtime.Gosched() { // sarama's end a moment after their sockets
		left := ours()
		if len(left) == 0 {
			return
		}
		require.NoError(t, ctx.Err(), "%s", left)
	}
}

// ours are the stacks of the goroutines that this package or sarama has started.
func ours() (stacks []string) {
	buf := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, by, started := strings.Cut(stack, "created by ")
		if started && !strings.Contains(stack, "testing.") &&
			(strings.HasPrefix(by, "github.com/IBM/sarama.") || strings.Contains(by, "irmak/internal/kafka.")) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
