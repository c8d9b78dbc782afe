// SPDX-License-Identifier: Apache-2.0

package embedded_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/examples/internal/embedded"
)

const topic = "words"

func start(t *testing.T, dir string) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(embedded.Options{Dir: dir})
	require.NoError(t, err)
	return b
}

func client(t *testing.T, b *embedded.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addrs()...), kgo.DefaultProduceTopic(topic))...)
	require.NoError(t, err)
	return cl
}

func create(t *testing.T, cl *kgo.Client) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, -1
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
}

// read gives the first n values of the topic at read committed.
func read(t *testing.T, b *embedded.Broker, n int) []string {
	t.Helper()
	cl := client(t, b, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	var out []string
	for len(out) < n {
		fetches := cl.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		for r := range fetches.RecordsAll() {
			out = append(out, string(r.Value))
		}
	}
	return out
}

func TestBrokerKeepsItsDataInADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir)
	cl := client(t, b)
	create(t, cl)
	require.NoError(t, cl.ProduceSync(t.Context(), kgo.StringRecord("a"), kgo.StringRecord("b")).FirstErr())
	cl.Close()
	_, err := embedded.Start(embedded.Options{Dir: dir})
	require.ErrorContains(t, err, "is in use by another process")
	require.NoError(t, b.Close())

	b = start(t, dir)
	require.Equal(t, []string{"a", "b"}, read(t, b, 2))
	require.NoError(t, b.Close())
}

func TestBrokerKnowsTransactions(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	first := client(t, b, kgo.TransactionalID("x"))
	create(t, first)
	transaction := func(cl *kgo.Client, value string, end kgo.TransactionEndTry) error {
		require.NoError(t, cl.BeginTransaction())
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			return err
		}
		return cl.EndTransaction(t.Context(), end)
	}
	require.NoError(t, transaction(first, "committed", kgo.TryCommit))
	require.NoError(t, transaction(first, "aborted", kgo.TryAbort))

	require.NoError(t, first.BeginTransaction())
	require.NoError(t, first.ProduceSync(t.Context(), kgo.StringRecord("unfinished")).FirstErr())
	second := client(t, b, kgo.TransactionalID("x"))
	require.NoError(t, transaction(second, "successor", kgo.TryCommit))
	require.Error(t, first.EndTransaction(t.Context(), kgo.TryCommit), "it is fenced")

	require.Equal(t, []string{"committed", "successor"}, read(t, b, 2))
	first.Close()
	second.Close()
	require.NoError(t, b.Close())
}

func TestBrokerCommitsOffsetsInTransactions(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	cl := client(t, b)
	create(t, cl)
	for i := range 10 {
		require.NoError(t, cl.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr())
	}
	session := func() (int, kgo.TransactionEndTry, *kgo.GroupTransactSession) {
		s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(b.Addrs()...), kgo.TransactionalID("copy"),
			kgo.ConsumerGroup("copy"), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.RequireStableFetchOffsets(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		require.NoError(t, err)
		fetches := s.PollRecords(t.Context(), 4)
		require.NoError(t, fetches.Err())
		require.NoError(t, s.Begin())
		s.Produce(t.Context(), &kgo.Record{Topic: topic, Value: []byte("out")}, nil)
		return int(fetches.Records()[0].Offset), kgo.TryCommit, s
	}
	offset, end, s := session()
	require.Zero(t, offset)
	committed, err := s.End(t.Context(), end)
	require.True(t, committed)
	require.NoError(t, err)
	s.Close()

	offset, _, s = session()
	require.Equal(t, 4, offset)
	_, err = s.End(t.Context(), kgo.TryAbort)
	require.NoError(t, err)
	s.Close()

	offset, _, s = session()
	require.Equal(t, 4, offset, "the aborted transaction committed no offset")
	_, err = s.End(t.Context(), kgo.TryAbort)
	require.NoError(t, err)
	s.Close()
	cl.Close()
	require.NoError(t, b.Close())
}

func TestBrokerDeletesRecords(t *testing.T) {
	t.Parallel()
	b := start(t, "")
	cl := client(t, b)
	create(t, cl)
	require.NoError(t, cl.ProduceSync(t.Context(), kgo.StringRecord("a")).FirstErr())
	require.NoError(t, cl.ProduceSync(t.Context(), kgo.StringRecord("b")).FirstErr())
	deleteRecords(t.Context(), t, cl, 1)
	require.Equal(t, []string{"b"}, read(t, b, 1))
	cl.Close()
	require.NoError(t, b.Close())
}

func deleteRecords(ctx context.Context, t *testing.T, cl *kgo.Client, before int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = before
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, cl)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode))
}
