// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
)

// TestRecordsOfAnOpenTransactionAreWaitedFor: a transaction that writes to both inputs of a task becomes visible in one
// after the other. What is visible first must not be taken before what is older and known to be there.
func TestRecordsOfAnOpenTransactionAreWaitedFor(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	orders, payments := c.CreateTopic(t, "orders", 2, nil), c.CreateTopic(t, "payments", 2, nil)
	out := c.CreateTopic(t, "out", 2, nil)
	topo := stream.New(kafkatest.Name(t, "app"))
	both := operators.Merge(stream.From(topo, text(orders)), stream.From(topo, text(payments)))
	to := text(out)
	to.Partition = func(_ string, _ int32) int32 { return 0 }
	stream.To(both, to)

	slow := s.connect(kgo.TransactionalID(topo.Name()+"-shop"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, slow.BeginTransaction())
	require.NoError(t, slow.ProduceSync(bounded(t), &kgo.Record{Topic: orders, Value: []byte("ordered")}).FirstErr())
	s.put(payments, record{value: "paid"})
	s.put(payments, record{value: "of the other task", partition: 1})

	a := start(t, topo, stream.Config{Brokers: s.addrs})
	a.await("the other task is done", func() bool { return len(s.committed(out)) > 0 })
	require.NoError(t, slow.EndTransaction(bounded(t), kgo.TryCommit))
	a.await("all is done", func() bool { return len(s.committed(out)) == 3 })
	require.Equal(t, []string{"of the other task", "ordered", "paid"}, values(s.committed(out)))
}
