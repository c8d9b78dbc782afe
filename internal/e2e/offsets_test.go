// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/stream"
)

// deleteRecords lets the broker drop what lies before an offset of partition 0, as retention would.
func (s *site) deleteRecords(topic string, before int64) {
	s.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	parts := kmsg.NewDeleteRecordsRequestTopic()
	parts.Topic = topic
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Offset = before
	parts.Partitions = append(parts.Partitions, part)
	req.Topics = append(req.Topics, parts)
	for _, shard := range s.client.RequestSharded(bounded(s.t), req) {
		require.NoError(s.t, shard.Err)
		for _, t := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			require.NoError(s.t, kerr.ErrorForCode(t.Partitions[0].ErrorCode))
		}
	}
}

// deleteTopic returns when the topic is gone.
func (s *site) deleteTopic(topic string) {
	s.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	gone := kmsg.NewDeleteTopicsRequestTopic()
	gone.Topic = kmsg.StringPtr(topic)
	req.Topics, req.TopicNames = append(req.Topics, gone), append(req.TopicNames, topic)
	resp, err := req.RequestWith(bounded(s.t), s.client)
	require.NoError(s.t, err)
	require.NoError(s.t, kerr.ErrorForCode(resp.Topics[0].ErrorCode))
	await(s.t, "the topic is gone", func() bool {
		req := kmsg.NewPtrMetadataRequest()
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, asked)
		seen, err := req.RequestWith(bounded(s.t), s.client)
		require.NoError(s.t, err)
		return kerr.ErrorForCode(seen.Topics[0].ErrorCode) == kerr.UnknownTopicOrPartition
	})
}

// TestRecordsThatWereDeletedBeforeTheyWereRead: the program was stopped at offset 5 for so long that offset 20 is the
// oldest that is left, of 30.
func TestRecordsThatWereDeletedBeforeTheyWereRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reset stream.OffsetReset
		then  []string
	}{
		"fail":     {reset: stream.ResetFail},
		"earliest": {stream.ResetEarliest, append(texts("v", 20, 30), "new")},
		"latest":   {stream.ResetLatest, []string{"new"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := shared(t)
			in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
			topo := passing(kafkatest.Name(t, "app"), in, out)
			config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir(), OffsetReset: test.reset}
			records := numbered("v", 30)
			s.put(in, records[:5]...)
			a := start(t, topo, config)
			a.await("the first are committed", func() bool { return s.position(topo.Name(), in) == 5 })
			require.NoError(t, a.end())
			s.put(in, records[5:]...)
			s.deleteRecords(in, 20)

			a = start(t, topo, config)
			if test.reset == stream.ResetFail {
				requireText(t, a.wait(), "task 0_0", in+"-0 at offset 5", "out of range", "offsets 20 to 30", "OffsetReset")
				return
			}
			a.await("it has moved on", func() bool { return len(a.log.lines("offset out of range, moving on", "offset=5")) > 0 })
			s.put(in, record{key: "k", value: "new"})
			a.await("everything is committed", func() bool { return s.position(topo.Name(), in) == 31 })
			require.Equal(t, append(texts("v", 0, 5), test.then...), values(s.committed(out)))
		})
	}
}

// TestAChangelogThatWasMadeAnew: what the directory holds belongs to the deleted topic, so the state begins anew, and
// the log says so.
func TestAChangelogThatWasMadeAnew(t *testing.T) {
	t.Parallel()
	s, c := shared(t)
	in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
	topo := counting(kafkatest.Name(t, "app"), in, out)
	config := stream.Config{Brokers: s.addrs, StateDir: t.TempDir()}
	s.put(in, record{key: "a"}, record{key: "a"}, record{key: "a"})
	a := start(t, topo, config)
	a.await("three are counted", func() bool { return s.position(topo.Name(), in) == 3 })
	require.NoError(t, a.end())
	s.deleteTopic(topo.Name() + "-counts-changelog")

	s.put(in, record{key: "a"})
	a = start(t, topo, config)
	a.await("one more is counted", func() bool { return s.position(topo.Name(), in) == 4 })
	require.Equal(t, []string{number(1), number(2), number(3), number(1)}, values(s.committed(out)))
	require.Len(t, a.log.lines("made anew", "rebuilding", "store=counts", "partition=0"), 1)
	require.NoError(t, a.end())
}

// TestInputsBeginWhereTheyAreToldTo: without a committed offset at the beginning, or at the end when asked for.
func TestInputsBeginWhereTheyAreToldTo(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{"beginning": {"old", "new"}, "end": {"new"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := shared(t)
			in, out := c.CreateTopic(t, "in", 1, nil), c.CreateTopic(t, "out", 1, nil)
			topo := passing(kafkatest.Name(t, "app"), in, out)
			s.put(in, record{value: "old"})
			a := start(t, topo, stream.Config{Brokers: s.addrs, FromLatest: name == "end"})
			a.await("the task runs", func() bool { return len(a.log.lines("task runs")) > 0 })
			s.put(in, record{value: "new"})
			a.await("everything is committed", func() bool { return s.position(topo.Name(), in) == 2 })
			require.Equal(t, want, values(s.committed(out)))
		})
	}
}
