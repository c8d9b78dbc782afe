// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// createTimeout is how long a broker may take to create topics before it answers that they are still on their way.
const createTimeout = 10 * time.Second

// TopicSpec is a topic that should exist.
type TopicSpec struct {
	Name              string
	Partitions        int32             // 0: the broker's default
	ReplicationFactor int16             // -1 or 0: the broker's default
	Configs           map[string]string // of a topic that is created; for one that exists see EnsureConfigs
	// AnyTime lets the records have event times however far ahead. Brokers since 3.6 refuse more than an hour otherwise;
	// older ones do not know the setting and have no such limit.
	AnyTime bool
}

// newestTime is the topic's setting for AnyTime.
const newestTime = "message.timestamp.after.max.ms"

// CreateTopics creates the topics of specs that do not exist, and returns when every partition has a leader. A topic
// that exists is fine when its partition count agrees: with another count, keys would go to partitions where their
// state is not, so that is an error.
func (c *Client) CreateTopics(ctx context.Context, specs []TopicSpec) error {
	if len(specs) == 0 {
		return nil
	}
	missing := map[string]*sarama.TopicDetail{}
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i], missing[s.Name] = s.Name, s.detail()
	}
	err := c.retry(ctx, "create topics", func(ctx context.Context) error { return c.createMissing(ctx, missing) })
	if err != nil {
		return err
	}
	err = c.retryIf(ctx, "wait for leaders of new topics", notYet, func(ctx context.Context) error {
		if err := c.refreshOnce(ctx, names...); err != nil {
			return err
		}
		return c.leaderless(names)
	})
	if err != nil {
		return err
	}
	var wrong []error
	for _, s := range specs {
		wrong = append(wrong, c.checkPartitions(s))
	}
	return errors.Join(wrong...)
}

// notYet says whether a topic that exists may just not be known to the broker that was asked: it hears of new ones
// later than the controller.
func notYet(err error) bool { return retriable(err) || errors.Is(err, ErrTopicMissing) }

// errOldBroker passes: the topic is asked for once more, without the setting.
var errOldBroker = fmt.Errorf("the broker does not know %s: %w", newestTime, sarama.ErrNotController)

func (s TopicSpec) detail() *sarama.TopicDetail {
	d := &sarama.TopicDetail{NumPartitions: s.Partitions, ReplicationFactor: s.ReplicationFactor}
	if d.NumPartitions == 0 {
		d.NumPartitions = -1
	}
	if d.ReplicationFactor == 0 {
		d.ReplicationFactor = -1
	}
	d.ConfigEntries = make(map[string]*string, len(s.Configs))
	for k, v := range s.Configs {
		d.ConfigEntries[k] = &v
	}
	if s.AnyTime {
		unlimited := strconv.FormatInt(math.MaxInt64, 10)
		d.ConfigEntries[newestTime] = &unlimited
	}
	return d
}

// createMissing asks the controller once, and removes from missing what exists now.
func (c *Client) createMissing(ctx context.Context, missing map[string]*sarama.TopicDetail) error {
	if len(missing) == 0 {
		return nil
	}
	b, err := c.controllerConn(ctx)
	if err != nil {
		return err
	}
	res, err := call(ctx, b, b.CreateTopics, sarama.NewCreateTopicsRequest(c.conf.Version, missing, createTimeout, false))
	if err != nil {
		return err
	}
	var passing error
	for name := range missing {
		answer := res.TopicErrors[name]
		switch {
		case answer == nil:
			return fmt.Errorf("%s: %w", name, sarama.ErrIncompleteResponse)
		case answer.Err == sarama.ErrNoError || answer.Err == sarama.ErrTopicAlreadyExists:
			delete(missing, name)
		case answer.Err == sarama.ErrInvalidConfig && missing[name].ConfigEntries[newestTime] != nil:
			delete(missing[name].ConfigEntries, newestTime)
			passing = cmp.Or(passing, error(errOldBroker))
		case retriable(answer.Err):
			passing = fmt.Errorf("%s: %w", name, answer)
			if answer.Err == sarama.ErrNotController {
				c.forgetController()
			}
		default:
			return fmt.Errorf("%s: %w", name, classify(answer))
		}
	}
	return passing
}

func (c *Client) checkPartitions(s TopicSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	have := int32(len(c.topics[s.Name].leaders))
	if s.Partitions <= 0 || have == s.Partitions {
		return nil
	}
	return fmt.Errorf("topic %s has %d partitions but %d are needed: delete the topic, or give it the partition count "+
		"of the topics that it is joined with (state and changelog must be reset when partitions change)",
		s.Name, have, s.Partitions)
}

// controllerConn is the control connection to the controller, or to a broker that will ask it for us.
func (c *Client) controllerConn(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	n, known := c.nodes[c.controller]
	c.mu.Unlock()
	if !known {
		if err := c.refreshOnce(ctx, bootstrapTopic); err != nil {
			return nil, err
		}
		c.mu.Lock()
		n, known = c.nodes[c.controller]
		c.mu.Unlock()
	}
	if !known {
		return nil, sarama.ErrNotController
	}
	return c.control(n)
}

func (c *Client) forgetController() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.controller = -1
}

// Partitions is how many partitions topic has, as the cluster says now.
func (c *Client) Partitions(ctx context.Context, topic string) (int32, error) {
	t, err := c.lookUp(ctx, topic)
	return int32(len(t.leaders)), err
}

// TopicID is the identity of topic: another one under the same name means that it was deleted and created again. It is
// zero when the brokers are older than Kafka 2.8.
func (c *Client) TopicID(ctx context.Context, topic string) ([16]byte, error) {
	t, err := c.lookUp(ctx, topic)
	return t.id, err
}

func (c *Client) lookUp(ctx context.Context, name string) (topic, error) {
	var t topic
	err := c.retry(ctx, "topic "+name, func(ctx context.Context) error {
		if err := c.refreshOnce(ctx, name); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		t = c.topics[name]
		return t.err
	})
	return t, err
}

// DeleteRecords lets the brokers drop, from each partition, what lies before the given offset: repartition topics once
// their records are processed.
func (c *Client) DeleteRecords(ctx context.Context, before map[Partition]int64) error {
	parts := make([]Partition, 0, len(before))
	for p := range before {
		parts = append(parts, p)
	}
	return c.perLeader(ctx, "delete records", parts, func(
		ctx context.Context, b *conn, parts []Partition,
	) map[Partition]error {
		req := &sarama.DeleteRecordsRequest{Version: 2, Timeout: createTimeout}
		req.Topics = map[string]*sarama.DeleteRecordsRequestTopic{}
		for _, p := range parts {
			t := req.Topics[p.Topic]
			if t == nil {
				t = &sarama.DeleteRecordsRequestTopic{PartitionOffsets: map[int32]int64{}}
				req.Topics[p.Topic] = t
			}
			t.PartitionOffsets[p.Index] = before[p]
		}
		res, err := call(ctx, b, b.DeleteRecords, req)
		return answers(parts, func(p Partition) error {
			if err != nil {
				return err
			}
			if t := res.Topics[p.Topic]; t != nil && t.Partitions[p.Index] != nil {
				return classify(t.Partitions[p.Index].Err)
			}
			return sarama.ErrIncompleteResponse
		})
	})
}
