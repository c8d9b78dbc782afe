// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// EarliestOffset is the first offset that p still holds.
func (c *Client) EarliestOffset(ctx context.Context, p Partition) (int64, error) {
	found, err := c.EarliestOffsets(ctx, []Partition{p})
	return found[p], err
}

// LatestOffset is p's high watermark: the offset after the last record that is replicated, whether or not its
// transaction is decided.
func (c *Client) LatestOffset(ctx context.Context, p Partition) (int64, error) {
	found, err := c.LatestOffsets(ctx, []Partition{p})
	return found[p], err
}

// EarliestOffsets is EarliestOffset for many partitions with one request per leader.
func (c *Client) EarliestOffsets(ctx context.Context, parts []Partition) (map[Partition]int64, error) {
	return c.listOffsets(ctx, parts, sarama.OffsetOldest)
}

// LatestOffsets is LatestOffset for many partitions with one request per leader.
func (c *Client) LatestOffsets(ctx context.Context, parts []Partition) (map[Partition]int64, error) {
	return c.listOffsets(ctx, parts, sarama.OffsetNewest)
}

func (c *Client) listOffsets(ctx context.Context, parts []Partition, at int64) (map[Partition]int64, error) {
	found := make(map[Partition]int64, len(parts))
	err := c.perLeader(ctx, "list offsets", parts, func(
		ctx context.Context, b *conn, parts []Partition,
	) map[Partition]error {
		req := sarama.NewOffsetRequest(c.conf.Version)
		for _, p := range parts {
			req.AddBlock(p.Topic, p.Index, at, 1)
		}
		res, err := call(ctx, b, b.GetAvailableOffsets, req)
		return answers(parts, func(p Partition) error {
			if err != nil {
				return err
			}
			block := res.GetBlock(p.Topic, p.Index)
			if block == nil {
				return sarama.ErrIncompleteResponse
			}
			if block.Err == sarama.ErrNoError {
				found[p] = block.Offset
			}
			return classify(block.Err)
		})
	})
	return found, err
}

// CommittedOffsets is what group has committed for parts; a partition without a commit is absent. It waits for
// transactions that hold a commit and are not decided yet, because what they decide is what counts.
func (c *Client) CommittedOffsets(ctx context.Context, group string, parts []Partition) (map[Partition]Commit, error) {
	var found map[Partition]Commit
	err := c.withCoordinator(ctx, "committed offsets", group, func(ctx context.Context, b *conn) error {
		req := sarama.NewOffsetFetchRequest(c.conf.Version, group, byTopic(parts))
		req.RequireStable = true
		res, err := call(ctx, b, b.FetchOffset, req)
		if err == nil {
			found, err = committed(res, parts)
		}
		return err
	})
	return found, err
}

// committed reads res. Before version 8 it speaks of one group, since then of a list.
func committed(res *sarama.OffsetFetchResponse, parts []Partition) (map[Partition]Commit, error) {
	code, blocks := res.Err, res.Blocks
	if res.Version >= 8 {
		if len(res.Groups) != 1 {
			return nil, sarama.ErrIncompleteResponse
		}
		code, blocks = res.Groups[0].Err, res.Groups[0].Blocks
	}
	found := make(map[Partition]Commit, len(parts))
	if code == sarama.ErrGroupIDNotFound {
		return found, nil // nobody has ever committed
	}
	if code != sarama.ErrNoError {
		return nil, classify(code)
	}
	for _, p := range parts {
		block := blocks[p.Topic][p.Index]
		if block == nil {
			return nil, fmt.Errorf("%v: %w", p, sarama.ErrIncompleteResponse)
		}
		if block.Err != sarama.ErrNoError {
			return nil, fmt.Errorf("%v: %w", p, classify(block.Err))
		}
		if block.Offset >= 0 {
			found[p] = Commit{Offset: block.Offset, Metadata: block.Metadata}
		}
	}
	return found, nil
}

// CommitOffsets commits offsets outside of any transaction. ErrStaleMember means that the group has refused id.
func (c *Client) CommitOffsets(ctx context.Context, id GroupIdentity, offsets map[Partition]Commit) error {
	if len(offsets) == 0 {
		return nil
	}
	return c.withCoordinator(ctx, "commit offsets", id.Group, func(ctx context.Context, b *conn) error {
		req := sarama.NewOffsetCommitRequest(c.conf, id.Group)
		req.ConsumerID, req.ConsumerGroupGeneration = id.MemberID, id.Generation
		if id.InstanceID != "" {
			req.GroupInstanceId = &id.InstanceID
		}
		for p, commit := range offsets {
			req.AddBlockWithLeaderEpoch(p.Topic, p.Index, commit.Offset, -1, 0, commit.Metadata)
		}
		res, err := call(ctx, b, b.CommitOffset, req)
		if err != nil {
			return err
		}
		for p := range offsets {
			if code, ok := res.Errors[p.Topic][p.Index]; !ok {
				return fmt.Errorf("%v: %w", p, sarama.ErrIncompleteResponse)
			} else if code != sarama.ErrNoError {
				return fmt.Errorf("%v: %w", p, classify(code))
			}
		}
		return nil
	})
}

// withCoordinator calls f with the connection to group's coordinator until it succeeds, and looks for the coordinator
// again whenever that has moved.
func (c *Client) withCoordinator(
	ctx context.Context, what, group string, f func(context.Context, *conn) error,
) error {
	return c.retry(ctx, fmt.Sprintf("%s of group %q", what, group), func(ctx context.Context) error {
		b, err := c.coordinator(ctx, group)
		if err != nil {
			return err
		}
		err = f(ctx, b)
		if moved(err) {
			c.forgetCoordinator(group)
		}
		if errors.Is(err, ErrTopicMissing) { // the coordinator has not heard of a new topic yet
			err = fmt.Errorf("%w: %w", sarama.ErrLeaderNotAvailable, err)
		}
		return err
	})
}

func byTopic(parts []Partition) map[string][]int32 {
	m := map[string][]int32{}
	for _, p := range parts {
		m[p.Topic] = append(m[p.Topic], p.Index)
	}
	return m
}
