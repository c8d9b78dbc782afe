// SPDX-License-Identifier: Apache-2.0

package kafkatest

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is a topic to be made, replicated to as many brokers as there are.
type Topic struct {
	Name       string
	Partitions int32
	Configs    map[string]string // e.g. cleanup.policy=compact
}

// MakeTopic creates the topic and returns when every broker that runs knows all its leaders: a client that comes next
// meets no UNKNOWN_TOPIC_OR_PARTITION.
func (c *Cluster) MakeTopic(ctx context.Context, topic Topic) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...))
	if err != nil {
		return err
	}
	defer client.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(readyTimeout.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic.Name, topic.Partitions, -1
	for _, key := range sortedKeys(topic.Configs) {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, kmsg.StringPtr(topic.Configs[key])
		t.Configs = append(t.Configs, config)
	}
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic.Name, err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return fmt.Errorf("create topic %s: %w: %s", topic.Name, err, deref(resp.Topics[0].ErrorMessage))
	}
	for _, port := range c.runningPorts() {
		if err := waitLeaders(ctx, port, topic); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) runningPorts() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ports []int
	for _, b := range c.running() {
		ports = append(ports, b.ports.client)
	}
	return ports
}

func waitLeaders(ctx context.Context, port int, topic Topic) error {
	p, err := newProbe(port)
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		err := p.leads(ctx, topic.Name, topic.Partitions)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topic %s has no leaders on %s: %w", topic.Name, addr(port), err)
		case <-time.After(pollInterval):
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
