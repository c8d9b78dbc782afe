// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
)

// transaction is the state of a worker's transaction as its coordinator sees it.
func (s *site) transaction(topo *stream.Topology, dir string) string {
	s.t.Helper()
	instance, err := os.ReadFile(filepath.Join(dir, "instance"))
	if err != nil {
		return ""
	}
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{topo.Name() + "-" + strings.TrimSpace(string(instance)) + "-0"}
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		if shard.Err != nil {
			return ""
		}
		for _, state := range shard.Resp.(*kmsg.DescribeTransactionsResponse).TransactionStates {
			return state.State
		}
	}
	return ""
}

// TestATransactionThatTookTooLong: a function blocks until the broker has aborted the transaction under it. What was
// sent in it is sent once more, by a new producer, and comes once.
func TestATransactionThatTookTooLong(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	blocked, release := make(chan struct{}), make(chan struct{})
	slow := operators.Map(stream.From(topo, text(in)), func(v string) string {
		if v == "slow" {
			select {
			case <-release:
			default:
				close(blocked)
				<-release
			}
		}
		return v
	})
	table := operators.Aggregate("counts", slow, operators.Count[string]())
	stream.To(operators.ToStream(table), counts(out))
	config := stream.Config{
		Brokers: s.addrs, StateDir: t.TempDir(), TransactionTimeout: 1500 * time.Millisecond,
		CommitInterval: 500 * time.Millisecond,
	}
	a := start(t, topo, config)
	t.Cleanup(func() { // runs before the Run is waited for
		select {
		case <-release:
		default:
			close(release)
		}
	})
	s.put(in, record{key: "a"}, record{key: "a"}, record{key: "a", value: "slow"}, record{key: "a"})
	a.await("the function blocks", func() bool {
		select {
		case <-blocked:
			return true
		default:
			return false
		}
	})
	a.await("the coordinator gives the transaction up", func() bool {
		return s.transaction(topo, config.StateDir) == "CompleteAbort"
	})
	close(release)
	a.await("everything is committed", func() bool { return s.position(topo.Name(), in) == 4 })
	require.Equal(t, []string{number(1), number(2), number(3), number(4)}, values(s.committed(out)))
	require.NotEmpty(t, a.log.lines("going back to the last commit"))
	require.NoError(t, a.end())
}
