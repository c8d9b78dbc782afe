// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// brokerLimit bounds the tests in which brokers are killed.
const brokerLimit = 4 * time.Minute

// relayer is the least of an engine: it copies the numbers from 0 on to the partitions of a topic, in transactions that
// carry the next number as the committed offset of partition 0 of in, and goes back there after an abort.
type relayer struct {
	t       testing.TB
	client  *Client
	p       *Producer
	in, out string
	group   string
	parts   int
}

func (r *relayer) position(ctx context.Context) int {
	r.t.Helper()
	part := Partition{r.in, 0}
	found, err := r.client.CommittedOffsets(ctx, r.group, []Partition{part})
	require.NoError(r.t, err)
	return int(found[part].Offset)
}

// transact relays the numbers from to to.
func (r *relayer) transact(ctx context.Context, from, to int) error {
	r.p.Begin()
	for i := from; i < to; i++ {
		if err := r.p.Target(r.out, int32(i%r.parts)).Send(nil, fmt.Appendf(nil, "%d", i), int64(i), nil); err != nil {
			return err
		}
		if i%500 == 0 {
			r.p.Kick()
		}
	}
	return r.p.Commit(ctx, map[Partition]Commit{{r.in, 0}: {Offset: int64(to)}}, outsider(r.group))
}

// relayUntil relays until done says so, and gives how far it came and how often it had to go back.
func (r *relayer) relayUntil(ctx context.Context, done func(next int) bool) (next, aborts int) {
	r.t.Helper()
	for next = r.position(ctx); !done(next); {
		to := next + 500 + rand.IntN(3000)
		err := r.transact(ctx, next, to)
		if err == nil {
			next = to
			continue
		}
		require.NoError(r.t, ctx.Err())
		require.Truef(r.t, errors.Is(err, ErrAbort), "%v", err)
		aborts++
		require.NoError(r.t, r.p.Abort(ctx))
		next = r.position(ctx)
	}
	return next, aborts
}

// requireAll checks that committed readers see the numbers below n, each once and in order.
func (r *relayer) requireAll(addrs []string, n int) {
	r.t.Helper()
	read := readBack(r.t, addrs, true, r.out)
	for part := range r.parts {
		values := valuesOf(read[Partition{r.out, int32(part)}])
		for k, v := range values {
			require.Equal(r.t, fmt.Sprint(k*r.parts+part), v, "record %d of partition %d", k, part)
		}
		require.Len(r.t, values, (n-part+r.parts-1)/r.parts)
	}
}

// strokes runs steps one after the other beside the test, with some transactions between them.
type strokes struct {
	steps   []func() error
	running chan error // nil: the next one has not begun
	quiet   int        // transactions since the last one ended
}

// over is called after every transaction. It says when all steps are done.
func (s *strokes) over(t testing.TB) bool {
	const between = 12
	if s.running != nil {
		select {
		case err := <-s.running:
			require.NoError(t, err)
			s.running, s.quiet = nil, 0
		default:
		}
		return false
	}
	if s.quiet++; s.quiet < between {
		return false
	}
	if len(s.steps) == 0 {
		return true
	}
	step, running := s.steps[0], make(chan error, 1)
	s.steps, s.running = s.steps[1:], running
	go func() { running <- step() }()
	return false
}

// Each of three brokers is killed in the middle of a transaction, stays away while others go on, and comes back.
func TestKafkaExactlyOnceWhileBrokersDie(t *testing.T) {
	kafka := kafkatest.Start(t, kafkatest.Options{Brokers: 3, Properties: map[string]string{
		"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", // elections come sooner
	}})
	ctx, cancel := context.WithTimeout(context.Background(), brokerLimit)
	defer cancel()
	c := openFor(t, kafka.Addrs())
	r := &relayer{
		t: t, client: c, parts: 6, group: kafkatest.Name(t, "app"),
		in: kafka.CreateTopic(t, "in", 1, nil), out: kafka.CreateTopic(t, "out", 6, nil),
	}
	r.p = openProducer(t, c, ProducerOptions{TransactionalID: r.group + "-1"})
	var plan strokes
	for i := range 3 {
		kill, restart := func() error { return kafka.Kill(i) }, func() error { return kafka.Restart(i) }
		plan.steps = append(plan.steps, kill, restart)
	}
	n, aborts := r.relayUntil(ctx, func(int) bool { return plan.over(t) })
	t.Logf("%d records, %d aborts", n, aborts)
	r.requireAll(kafka.Addrs(), n)
}

func TestKafkaKeepsOrderOfAnIdempotentProducer(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	c := openFor(t, kafka.Addrs())
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		topic := kafka.CreateTopic(t, "out-"+codec, 4, map[string]string{"max.message.bytes": "20000"})
		p := openProducer(t, c, ProducerOptions{Compression: codec, BatchBytes: 64 << 10, MaxRequestBytes: 128 << 10})
		l := newLedger(t, p)
		for i := range 15 {
			for part := range int32(4) {
				l.send(topic, part, 500)
			}
			p.Kick()
			if i%4 == 0 { // as if the connection had been lost
				p.mu.Lock()
				for _, link := range p.links {
					link.conn.cut()
				}
				p.mu.Unlock()
			}
		}
		require.NoError(t, p.Flush(produceContext(t)))
		l.requireIn(kafka.Addrs(), topic)
	}
}

func TestKafkaHidesWhatWasAborted(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	c := openFor(t, kafka.Addrs())
	topic, in, group := kafka.CreateTopic(t, "out", 1, nil), kafka.CreateTopic(t, "in", 1, nil), kafkatest.Name(t, "app")
	p := openProducer(t, c, ProducerOptions{TransactionalID: group})
	var want, all []string
	for i := range 30 {
		p.Begin()
		value := fmt.Sprint(i)
		all = append(all, value)
		require.NoError(t, p.Target(topic, 0).Send(nil, []byte(value), 1, nil))
		require.NoError(t, p.Flush(produceContext(t)))
		if i%3 == 1 {
			require.NoError(t, p.Abort(produceContext(t)))
			continue
		}
		want = append(want, value)
		offsets := map[Partition]Commit{{in, 0}: {Offset: int64(i), Metadata: "m" + value}}
		require.NoError(t, p.Commit(produceContext(t), offsets, outsider(group)))
		require.Len(t, p.Target(topic, 0).Acked(), 1)
	}
	part := Partition{topic, 0}
	require.Equal(t, want, valuesOf(readBack(t, kafka.Addrs(), true, topic)[part]))
	require.Equal(t, all, valuesOf(readBack(t, kafka.Addrs(), false, topic)[part]))
	found, err := c.CommittedOffsets(produceContext(t), group, []Partition{{in, 0}})
	require.NoError(t, err)
	require.Equal(t, Commit{29, "m29"}, found[Partition{in, 0}])
}

func TestKafkaSecondProducerFencesTheFirst(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	c := openFor(t, kafka.Addrs())
	for _, step := range []string{"send", "flushed", "idle"} {
		topic, id := kafka.CreateTopic(t, "out", 1, nil), kafkatest.Name(t, "app")
		part := Partition{topic, 0}
		first := openProducer(t, c, ProducerOptions{TransactionalID: id})
		first.Begin()
		if step != "idle" {
			require.NoError(t, first.Target(topic, 0).Send(nil, []byte("zombie"), 1, nil))
			require.NoError(t, first.Flush(produceContext(t)))
		}
		second := openProducer(t, c, ProducerOptions{TransactionalID: id})
		if step != "flushed" {
			require.NoError(t, first.Target(topic, 0).Send(nil, []byte("zombie again"), 1, nil))
		}
		err := first.Commit(produceContext(t), nil, GroupIdentity{})
		require.ErrorIs(t, err, ErrFenced, step)
		require.ErrorIs(t, first.Abort(produceContext(t)), ErrFenced, step)
		second.Begin()
		require.NoError(t, second.Target(topic, 0).Send(nil, []byte("heir"), 1, nil))
		require.NoError(t, second.Commit(produceContext(t), nil, GroupIdentity{}))
		require.Equal(t, "heir", strings.Join(valuesOf(readBack(t, kafka.Addrs(), true, topic)[part]), " "), step)
	}
}

// A producer that was broken in the middle of a transaction asks for a new epoch and goes on.
func TestKafkaAbortWithNewEpoch(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Shared(t)
	c := openFor(t, kafka.Addrs())
	topic, id := kafka.CreateTopic(t, "out", 1, nil), kafkatest.Name(t, "app")
	p := openProducer(t, c, ProducerOptions{TransactionalID: id})
	var want []string
	for i := range 6 {
		p.Begin()
		for k := range 3 {
			value := fmt.Sprintf("%d-%d", i, k)
			require.NoError(t, p.Target(topic, 0).Send(nil, []byte(value), 1, nil))
			if i%2 == 0 {
				want = append(want, value)
			}
		}
		if i%2 == 0 {
			require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
			continue
		}
		p.Kick()
		p.mu.Lock()
		p.fail(fmt.Errorf("something broke: %w", ErrAbort))
		epoch := p.epoch
		p.mu.Unlock()
		require.ErrorIs(t, p.Flush(produceContext(t)), ErrAbort)
		require.NoError(t, p.Abort(produceContext(t)))
		require.NotEqual(t, epoch, p.epoch)
	}
	require.Equal(t, want, valuesOf(readBack(t, kafka.Addrs(), true, topic)[Partition{topic, 0}]))
}
