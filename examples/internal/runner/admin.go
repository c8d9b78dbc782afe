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

// Topic is a topic that a program needs.
type Topic struct {
	Name       string
	Partitions int32
	Compacted  bool // keep the newest record per key; otherwise all records, however old their event times are
}

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
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = t.Name, t.Partitions, -1
		policy := "delete"
		if t.Compacted {
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
	rt.Topic = kmsg.StringPtr(t.Name)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for _, got := range resp.Topics {
		if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
			return err
		}
		if n := len(got.Partitions); n != int(t.Partitions) {
			return fmt.Errorf("it exists with %d partitions, this program wants %d: delete it or use other brokers",
				n, t.Partitions)
		}
	}
	return nil
}

// endOffsets gives the offset after each partition's last record, committed or not.
func endOffsets(ctx context.Context, cl *kgo.Client, topic string, partitions int32) (map[int32]int64, error) {
	return patiently(ctx, func() (map[int32]int64, error) { return askEnds(ctx, cl, topic, partitions) })
}

func askEnds(ctx context.Context, cl *kgo.Client, topic string, partitions int32) (map[int32]int64, error) {
	const latest = -1
	req := kmsg.NewPtrListOffsetsRequest()
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for p := range partitions {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.Timestamp = p, latest
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the end of %s: %w", topic, err)
	}
	out := map[int32]int64{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("cannot ask for the end of %s, partition %d: %w", topic, p.Partition, err)
			}
			out[p.Partition] = p.Offset
		}
	}
	return out, nil
}

// committed gives the offsets that the group has committed on a topic; partitions without one are absent.
func committed(ctx context.Context, cl *kgo.Client, group, topic string, partitions int32) (map[int32]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	rt := kmsg.NewOffsetFetchRequestGroupTopic()
	rt.Topic = topic
	for p := range partitions {
		rt.Partitions = append(rt.Partitions, p)
	}
	rg.Topics = append(rg.Topics, rt)
	req.Groups = append(req.Groups, rg)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the offsets of group %s: %w", group, err)
	}
	out := map[int32]int64{}
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
						group, topic, p.Partition, err)
				case p.Offset >= 0:
					out[p.Partition] = p.Offset
				}
			}
		}
	}
	return out, nil
}
