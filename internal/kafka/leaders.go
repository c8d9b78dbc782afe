// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// perLeader asks the leaders of parts, each once for all of its partitions, and again those partitions whose answer
// passes with time, until every one is answered. ask gives an error for each partition that failed.
func (c *Client) perLeader(
	ctx context.Context, what string, parts []Partition,
	ask func(ctx context.Context, b *conn, parts []Partition) map[Partition]error,
) error {
	remaining := parts
	return c.retry(ctx, what, func(ctx context.Context) error {
		byNode, err := c.groupByLeader(ctx, remaining)
		if err != nil {
			return err
		}
		var failed []Partition
		var passing error
		for n, led := range byNode {
			b, err := c.control(n)
			if err != nil {
				return err
			}
			for p, err := range ask(ctx, b, led) {
				err = c.suspectLeader(p, err)
				if !retriable(err) {
					return err
				}
				failed, passing = append(failed, p), err
			}
		}
		remaining = failed
		return passing
	})
}

// suspectLeader gives err the partition's name, and marks what we know of its leader as stale when err says so. A
// leader that does not know the partition may only lag behind the metadata: the next look at them decides.
func (c *Client) suspectLeader(p Partition, err error) error {
	if errors.Is(err, ErrTopicMissing) {
		err = sarama.ErrLeaderNotAvailable
	}
	if moved(err) {
		c.suspect(p)
	}
	return fmt.Errorf("%v: %w", p, err)
}

func (c *Client) groupByLeader(ctx context.Context, parts []Partition) (map[node][]Partition, error) {
	byNode := map[node][]Partition{}
	for _, p := range parts {
		n, _, err := c.leaderNode(ctx, p)
		if err != nil {
			return nil, err
		}
		byNode[n] = append(byNode[n], p)
	}
	return byNode, nil
}

// answers gives each of parts the error that of finds for it, and leaves out those that have none.
func answers(parts []Partition, of func(Partition) error) map[Partition]error {
	failed := map[Partition]error{}
	for _, p := range parts {
		if err := of(p); err != nil {
			failed[p] = err
		}
	}
	return failed
}
