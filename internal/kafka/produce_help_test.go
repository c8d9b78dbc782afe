// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// produceLimit bounds a test that hangs; nothing depends on how long anything takes.
const produceLimit = 60 * time.Second

func produceContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), produceLimit)
	t.Cleanup(cancel)
	return ctx
}

// stubWire is a broker that acknowledges everything, in order, as soon as hold is closed (nil: at once), and keeps
// nothing.
type stubWire struct {
	hold chan struct{}
	keep bool // keep the requests

	mu       sync.Mutex
	requests []*sarama.ProduceRequest
	last     chan struct{} // closed once the answer before has been given
}

func (s *stubWire) Connected() (bool, error) { return true, nil }
func (s *stubWire) cut()                     {}

func (s *stubWire) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		<-s.last
	}
}

func (s *stubWire) AsyncProduce(req *sarama.ProduceRequest, cb sarama.ProduceCallback) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep {
		s.requests = append(s.requests, req)
	}
	if s.hold == nil {
		cb(stubAnswer, nil)
		return nil
	}
	before, answered := s.last, make(chan struct{})
	s.last = answered
	go func() {
		<-s.hold
		if before != nil {
			<-before
		}
		cb(stubAnswer, nil)
		close(answered)
	}()
	return nil
}

// stubAnswer acknowledges the partitions 0 to 63 of topic "t".
var stubAnswer = func() *sarama.ProduceResponse {
	res := &sarama.ProduceResponse{Version: 9}
	for i := range int32(64) {
		res.AddTopicPartition("t", i, sarama.ErrNoError)
	}
	return res
}()

// stubProducer is a producer whose only broker is w; it knows 64 partitions of topic "t".
func stubProducer(t testing.TB, w leaderConn, opts ProducerOptions) *Producer {
	t.Helper()
	return stubProducerAt(t, w, opts, clock.System)
}

func stubProducerAt(t testing.TB, w leaderConn, opts ProducerOptions, now clock.Clock) *Producer {
	t.Helper()
	o := Options{Clock: now}.withDefaults()
	c := &Client{
		opts: o, log: o.Log, nodes: map[int32]node{1: {id: 1, addr: "stub:9092"}},
		topics: map[string]topic{"t": {leaders: make([]leadership, 64)}},
	}
	for i := range c.topics["t"].leaders {
		c.topics["t"].leaders[i].node = 1
	}
	codec, err := codecOf(opts.Compression)
	require.NoError(t, err)
	p := newProducer(c, opts, codec)
	p.dial = func(node) leaderConn { return w }
	p.start()
	t.Cleanup(p.Close)
	return p
}

// rig is a fake cluster of three brokers with a client of ours.
type rig struct {
	*kfake.Cluster
	t      testing.TB
	client *Client
}

// newRig seeds topics with four partitions each.
func newRig(t testing.TB, topics ...string) *rig {
	t.Helper()
	c := kafkatest.FakeCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, topics...))
	return &rig{Cluster: c, t: t, client: openFor(t, c.ListenAddrs())}
}

func openFor(t testing.TB, addrs []string) *Client {
	t.Helper()
	c, err := Open(produceContext(t), Options{Brokers: addrs, RetryBackoff: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func openProducer(t testing.TB, c *Client, opts ProducerOptions) *Producer {
	t.Helper()
	p, err := NewProducer(produceContext(t), c, opts)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func (r *rig) producer(opts ProducerOptions) *Producer { return openProducer(r.t, r.client, opts) }

// counts counts the requests with key that a broker answers by itself.
func (r *rig) counts(key kmsg.Key) *kfake.FaultHandle {
	return r.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Count: -1, Observe: true})
}

// readBack reads the topics up to their ends, by partition. Only what committed readers see, when committed is set.
func readBack(t testing.TB, addrs []string, committed bool, topics ...string) map[Partition][]*kgo.Record {
	t.Helper()
	ctx := produceContext(t)
	opts := []kgo.Opt{
		kgo.SeedBrokers(addrs...), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(100 * time.Millisecond),
	}
	if committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	defer client.Close()
	ends := endsOf(ctx, t, addrs, topics)
	read := map[Partition][]*kgo.Record{}
	for at := map[Partition]int64{}; !reached(at, ends); {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err0())
		fetches.EachRecord(func(r *kgo.Record) {
			part := Partition{r.Topic, r.Partition}
			at[part] = r.Offset + 1
			if !r.Attrs.IsControl() {
				read[part] = append(read[part], r)
			}
		})
	}
	return read
}

func reached(at, ends map[Partition]int64) bool {
	for part, end := range ends {
		if at[part] < end {
			return false
		}
	}
	return true
}

// endsOf are the high watermarks. With every transaction ended, what ends a partition is a record or a control record.
func endsOf(ctx context.Context, t testing.TB, addrs []string, topics []string) map[Partition]int64 {
	t.Helper()
	c := openFor(t, addrs)
	var parts []Partition
	for _, topic := range topics {
		n, err := c.Partitions(ctx, topic)
		require.NoError(t, err)
		for i := range n {
			parts = append(parts, Partition{topic, i})
		}
	}
	ends, err := c.LatestOffsets(ctx, parts)
	require.NoError(t, err)
	return ends
}

// valuesOf are the values of records, as text.
func valuesOf(records []*kgo.Record) []string {
	values := []string{}
	for _, r := range records {
		values = append(values, string(r.Value))
	}
	return values
}
