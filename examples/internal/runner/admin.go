// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	createTimeoutMillis = 30_000
	retryInterval       = 100 * time.Millisecond
)

// passing says whether an error goes away by itself: a broker that is gone, or does not know its place yet.
func passing(err error) bool {
	var network *net.OpError
	return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded)
}

// patiently asks until there is an answer that stays, or ctx is done.
func patiently[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	for {
		answer, err := ask()
		if err == nil || !passing(err) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(retryInterval):
		}
	}
}

// createTopics creates what is missing, with the broker's default replication. A topic that exists must have the
// wanted number of partitions.
func createTopics(ctx context.Context, cl *kgo.Client, topics []Topic) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = createTimeoutMillis
	for _, t := range topics {
		if t.partitions < 1 {
			return fmt.Errorf("topic %q of the program has %d partitions: want at least 1", t.name, t.partitions)
		}
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.name, t.partitions, -1
		policy := "delete"
		if t.compacted {
			policy = "compact"
		}
		rt.Configs = []kmsg.CreateTopicsRequestTopicConfig{
			{Name: "cleanup.policy", Value: &policy}, {Name: "retention.ms", Value: kmsg.StringPtr("-1")},
		}
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("cannot create topics: %w", err)
	}
	for i, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		if errors.Is(err, kerr.TopicAlreadyExists) {
			_, err = patiently(ctx, func() (any, error) { return nil, checkPartitions(ctx, cl, topics[i]) })
		}
		if err != nil {
			return fmt.Errorf("cannot create topic %s: %w", t.Topic, err)
		}
	}
	return nil
}

func checkPartitions(ctx context.Context, cl *kgo.Client, t Topic) error {
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(t.name)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for _, got := range resp.Topics {
		if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
			return err
		}
		if n := len(got.Partitions); n != int(t.partitions) {
			return fmt.Errorf("it exists with %d partitions, this program wants %d: delete it or use other brokers",
				n, t.partitions)
		}
	}
	return nil
}

// partitionsOf gives the number of partitions of those of the topics that exist.
func partitionsOf(ctx context.Context, cl *kgo.Client, topics []string) (map[string]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, topic := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the partitions of %v: %w", topics, err)
	}
	out := map[string]int32{}
	for _, t := range resp.Topics {
		if t.Topic != nil && t.ErrorCode == 0 {
			out[*t.Topic] = int32(len(t.Partitions))
		}
	}
	return out, nil
}

// endOffsets gives the offset after each partition's last record, committed or not, of topics with so many partitions.
func endOffsets(ctx context.Context, cl *kgo.Client, topics map[string]int32) (offsets, error) {
	return patiently(ctx, func() (offsets, error) { return askEnds(ctx, cl, topics) })
}

func askEnds(ctx context.Context, cl *kgo.Client, topics map[string]int32) (offsets, error) {
	const latest = -1
	req := kmsg.NewPtrListOffsetsRequest()
	for topic, partitions := range topics {
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = topic
		for p := range partitions {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p, latest
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the ends of topics: %w", err)
	}
	out := offsets{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("cannot ask for the end of %s, partition %d: %w", t.Topic, p.Partition, err)
			}
			out.set(t.Topic, p.Partition, p.Offset)
		}
	}
	return out, nil
}

// committed gives the offsets that the group has committed; partitions without one are absent.
func committed(ctx context.Context, cl *kgo.Client, group string) (offsets, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	rg.Topics = nil // all
	req.Groups = append(req.Groups, rg)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the offsets of group %s: %w", group, err)
	}
	out := offsets{}
	for _, g := range resp.Groups {
		// The embedded broker says that it does not know a group before its first commit; a real one has no offsets.
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("cannot ask for the offsets of group %s: %w", group, err)
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				err := kerr.ErrorForCode(p.ErrorCode)
				switch {
				case kerr.IsRetriable(err): // in the middle of a transaction: the next look will tell
				case err != nil:
					return nil, fmt.Errorf("cannot ask for the offset of group %s on %s/%d: %w",
						group, t.Topic, p.Partition, err)
				case p.Offset >= 0:
					out.set(t.Topic, p.Partition, p.Offset)
				}
			}
		}
	}
	return out, nil
}
