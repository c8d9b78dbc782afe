// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// site is a cluster as a test looks at it, beside the Run and with a client of another make.
type site struct {
	t      testing.TB
	addrs  []string
	client *kgo.Client
}

// record is one to produce.
type record struct {
	key, value string
	partition  int32
	headers    []kgo.RecordHeader
}

func siteOf(t testing.TB, addrs []string) *site {
	t.Helper()
	s := &site{t: t, addrs: addrs}
	s.client = s.connect(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return s
}

// shared is the broker of all tests of this package.
func shared(t testing.TB) (*site, *kafkatest.Cluster) {
	t.Helper()
	c := kafkatest.Shared(t)
	return siteOf(t, c.Addrs()), c
}

func (s *site) connect(opts ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.addrs...)}, opts...)...)
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	return client
}

// bounded is a context for one step of a test.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// put produces records, each to its partition, in order.
func (s *site) put(topic string, records ...record) {
	s.t.Helper()
	s.send(topic, records...)
	s.flush()
}

// send is put without the wait.
func (s *site) send(topic string, records ...record) {
	s.t.Helper()
	for _, r := range records {
		s.client.Produce(bounded(s.t), &kgo.Record{
			Topic: topic, Key: []byte(r.key), Value: []byte(r.value), Partition: r.partition, Headers: r.headers,
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				s.t.Errorf("produce to %s: %v", topic, err)
			}
		})
	}
}

func (s *site) flush() {
	s.t.Helper()
	require.NoError(s.t, s.client.Flush(bounded(s.t)))
}

// committed is what a topic holds for readers at read-committed, partition by partition, once no transaction is open.
func (s *site) committed(topic string) []*kgo.Record {
	s.t.Helper()
	var first, last []int64
	await(s.t, "every transaction in "+topic+" is decided", func() bool {
		first, last = s.offsetsAt(topic, earliest, committedOnly), s.offsetsAt(topic, latest, committedOnly)
		return slices.Equal(last, s.offsetsAt(topic, latest, everything))
	})
	open := map[int32]kgo.Offset{}
	for p, at := range first {
		if at < last[p] {
			open[int32(p)] = kgo.NewOffset().At(at)
		}
	}
	byPartition := make([][]*kgo.Record, len(first))
	if len(open) > 0 {
		reader := s.connect(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: open}), kgo.KeepControlRecords(),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(quickWait))
		defer reader.Close()
		for len(open) > 0 {
			fetches := reader.PollFetches(bounded(s.t))
			require.NoError(s.t, fetches.Err())
			fetches.EachRecord(func(r *kgo.Record) {
				if r.Offset+1 >= last[r.Partition] {
					delete(open, r.Partition)
				}
				if !r.Attrs.IsControl() && r.Offset < last[r.Partition] {
					byPartition[r.Partition] = append(byPartition[r.Partition], r)
				}
			})
		}
	}
	var all []*kgo.Record
	for _, records := range byPartition {
		all = append(all, records...)
	}
	return all
}

// What ListOffsets is asked for, and as what kind of reader.
const (
	earliest, latest          = int64(-2), int64(-1)
	everything, committedOnly = int8(0), int8(1)
)

// offsetsAt are topic's first or last offsets by partition.
func (s *site) offsetsAt(topic string, at int64, reader int8) []int64 {
	s.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = reader
	parts := kmsg.NewListOffsetsRequestTopic()
	parts.Topic = topic
	n := s.partitions(topic)
	for p := range n {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, at
		parts.Partitions = append(parts.Partitions, part)
	}
	req.Topics = append(req.Topics, parts)
	found := make([]int64, n)
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		require.NoError(s.t, shard.Err)
		for _, answered := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range answered.Partitions {
				require.NoError(s.t, kerr.ErrorForCode(p.ErrorCode))
				found[p.Partition] = p.Offset
			}
		}
	}
	return found
}

// partitions is how many topic has.
func (s *site) partitions(topic string) int32 {
	s.t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, asked)
	seen, err := req.RequestWith(bounded(s.t), s.client)
	require.NoError(s.t, err)
	require.NoError(s.t, kerr.ErrorForCode(seen.Topics[0].ErrorCode), topic)
	return int32(len(seen.Topics[0].Partitions))
}

// position is what the group has committed for partition 0 of topic, -1 when nothing.
func (s *site) position(group, topic string) int64 { return s.positions(group, topic, 1)[0] }

// positions are what the group has committed for the first n partitions of topic, -1 where nothing, or nobody knows.
func (s *site) positions(group, topic string, n int32) []int64 {
	s.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = group
	parts := kmsg.NewOffsetFetchRequestGroupTopic()
	parts.Topic = topic
	found := make([]int64, n)
	for p := range n {
		parts.Partitions = append(parts.Partitions, p)
		found[p] = -1
	}
	asked.Topics = append(asked.Topics, parts)
	req.Groups = append(req.Groups, asked)
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		if shard.Err != nil {
			break // the coordinator is on its way: ask again later
		}
		for _, g := range shard.Resp.(*kmsg.OffsetFetchResponse).Groups {
			for _, topic := range g.Topics {
				for _, p := range topic.Partitions {
					found[p.Partition] = p.Offset
				}
			}
		}
	}
	return found
}

// values are the records' values, as text.
func values(records []*kgo.Record) []string {
	got := make([]string, len(records))
	for i, r := range records {
		got[i] = string(r.Value)
	}
	return got
}

// header is the value of a record's header, "" when it has none.
func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
