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

// probeTimeout bounds one question to a broker that is coming up.
const probeTimeout = 2 * time.Second

// probe asks one broker what it knows.
type probe struct{ *kgo.Client }

func newProbe(port int) (probe, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr(port)), kgo.DialTimeout(probeTimeout), kgo.RequestRetries(0))
	return probe{client}, err
}

func (p probe) metadata(ctx context.Context, topics ...string) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, topic := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := p.SeedBrokers()[0].Request(ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.MetadataResponse), nil
}

// ready is nil when the broker serves and sees that many brokers, itself among them. A broker that is still catching
// up, or that the controller has not let in, is in nobody's list.
func (p probe) ready(ctx context.Context, self int32, brokers int) error {
	m, err := p.metadata(ctx)
	if err != nil {
		return err
	}
	known := false
	for _, b := range m.Brokers {
		known = known || b.NodeID == self
	}
	if !known || len(m.Brokers) < brokers {
		return fmt.Errorf("it knows %d brokers of %d (itself: %t)", len(m.Brokers), brokers, known)
	}
	return nil
}

// leads is nil when the broker knows the topic and a leader for each of its partitions.
func (p probe) leads(ctx context.Context, topic string, partitions int32) error {
	m, err := p.metadata(ctx, topic)
	if err != nil {
		return err
	}
	t := m.Topics[0]
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return err
	}
	if int32(len(t.Partitions)) != partitions {
		return fmt.Errorf("%d partitions of %d", len(t.Partitions), partitions)
	}
	for _, part := range t.Partitions {
		if err := kerr.ErrorForCode(part.ErrorCode); err != nil {
			return fmt.Errorf("partition %d: %w", part.Partition, err)
		}
	}
	return nil
}
