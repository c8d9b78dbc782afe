// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ledger is what a test sent, by partition, to be compared with what the partitions hold.
type ledger struct {
	t    testing.TB
	p    *Producer
	n    int
	sent map[Partition][]string
}

func newLedger(t testing.TB, p *Producer) *ledger {
	return &ledger{t: t, p: p, sent: map[Partition][]string{}}
}

// send sends n records, each with a value of its own, to partition of topic.
func (l *ledger) send(topic string, partition int32, n int) {
	l.t.Helper()
	to := l.p.Target(topic, partition)
	for range n {
		value := fmt.Sprintf("%d", l.n)
		l.n++
		require.NoError(l.t, to.Send([]byte(value), []byte(value), int64(l.n), nil))
		l.sent[to.part] = append(l.sent[to.part], value)
	}
}

// requireIn checks that topic holds what was sent, each record once and in order, and that Acked says where.
func (l *ledger) requireIn(addrs []string, topic string) {
	l.t.Helper()
	read := readBack(l.t, addrs, false, topic)
	for part, want := range l.sent {
		require.Equal(l.t, want, valuesOf(read[part]), part)
		i := 0
		for _, run := range l.p.targets[part].Acked() {
			for k := range run.N {
				require.Equal(l.t, run.First+int64(k), read[part][i].Offset, part)
				i++
			}
		}
		require.Equal(l.t, len(want), i, part)
	}
}

// lateAnswers is a connection that keeps back the answers until full requests are under way.
type lateAnswers struct {
	leaderConn
	sent *atomic.Int32
	full chan struct{}
}

func (c lateAnswers) AsyncProduce(req *sarama.ProduceRequest, cb sarama.ProduceCallback) error {
	if c.sent.Add(1) == maxInFlight {
		close(c.full)
	}
	return c.leaderConn.AsyncProduce(req, func(res *sarama.ProduceResponse, err error) {
		<-c.full
		cb(res, err)
	})
}

func TestFiveInFlightWithAFailureInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut,
		kerr.UnknownTopicOrPartition, kerr.CorruptMessage, kerr.KafkaStorageError, kerr.UnknownLeaderEpoch,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			p := r.producer(ProducerOptions{BatchBytes: 1 << 10, MaxRequestBytes: 1 << 10})
			l := newLedger(t, p)
			l.send("out", 0, 1)
			require.NoError(t, p.Flush(produceContext(t))) // the leader knows the producer now
			late := lateAnswers{sent: new(atomic.Int32), full: make(chan struct{})}
			p.targets[Partition{"out", 0}].link.through(late)
			var requests atomic.Int32
			fault := r.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Produce}, Topic: "out", Err: code,
				When: func(kmsg.Request) bool { return requests.Add(1) == 3 },
			})
			for range 20 {
				l.send("out", 0, 30)
				p.Kick()
			}
			require.NoError(t, p.Flush(produceContext(t)))
			require.EqualValues(t, 1, fault.Hits())
			l.requireIn(r.ListenAddrs(), "out")
		})
	}
}

// through puts late around the link's connection.
func (l *link) through(late lateAnswers) {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	late.leaderConn = l.conn
	l.conn = late
}

func TestConnectionCut(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			p := r.producer(ProducerOptions{BatchBytes: 1 << 10, MaxRequestBytes: 2 << 10})
			l := newLedger(t, p)
			var requests atomic.Int32
			cuts := map[int32]bool{1: true, 4: true, 5: true, 11: true}
			r.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				r.KeepControl()
				if cuts[requests.Add(1)] {
					return nil, errors.New("cut"), true
				}
				return nil, nil, false
			})
			for i := range 60 {
				l.send("out", int32(i%4), 30)
				p.Kick()
			}
			require.NoError(t, p.Flush(produceContext(t)))
			require.Greater(t, requests.Load(), int32(11))
			l.requireIn(r.ListenAddrs(), "out")
		})
	}
}

func TestLeadersMoveWhileSending(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.producer(ProducerOptions{BatchBytes: 1 << 10, MaxRequestBytes: 4 << 10})
	l := newLedger(t, p)
	for i := range 30 {
		for partition := range int32(4) {
			l.send("out", partition, 25)
		}
		p.Kick()
		if i%3 == 0 {
			require.NoError(t, r.MoveTopicPartition("out", int32(i/3)%4, int32(i)%3))
		}
	}
	require.NoError(t, p.Flush(produceContext(t)))
	l.requireIn(r.ListenAddrs(), "out")
}

// TestExactlyOnceUnderRandomFaults lets a third of the requests fail in every way that passes, with five in flight, and
// cuts connections before and after the work was done.
func TestExactlyOnceUnderRandomFaults(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			r.faultAtRandom(seed)
			p := r.producer(ProducerOptions{BatchBytes: 1 << 10, MaxRequestBytes: 3 << 10})
			l, rng := newLedger(t, p), rand.New(rand.NewPCG(seed, 1))
			for i := range 300 {
				l.send("out", rng.Int32N(4), rng.IntN(60))
				p.Kick()
				if i%50 == 0 {
					require.NoError(t, p.Flush(produceContext(t)))
				}
			}
			require.NoError(t, p.Flush(produceContext(t)))
			l.requireIn(r.ListenAddrs(), "out")
		})
	}
}

// passing are the codes of Produce after which the same batch may be sent again.
var passing = []*kerr.Error{
	kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut,
	kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable,
}

// faultAtRandom makes about a third of the Produce requests fail, for one partition or as a whole, and leaders move.
func (r *rig) faultAtRandom(seed uint64) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 0))
	chance := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(n) == 0
	}
	for i, code := range passing {
		r.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{int32(i) % 4}, Err: code, Count: -1,
			When: func(kmsg.Request) bool { return chance(20) },
		})
	}
	r.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		r.KeepControl()
		if chance(15) {
			return nil, errors.New("cut"), true
		}
		return nil, nil, false
	})
}

func TestNoAnswerIsAnAbort(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.producer(ProducerOptions{DeliveryTimeout: 100 * time.Millisecond})
	r.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, nil, true })
	require.NoError(t, p.Target("out", 0).Send(nil, []byte("lost"), 1, nil))
	err := p.Flush(produceContext(t))
	require.ErrorIs(t, err, ErrAbort)
	require.ErrorContains(t, err, "out-0")
	require.NoError(t, p.Abort(produceContext(t)))
	require.NoError(t, p.Target("out", 0).Send(nil, []byte("found"), 1, nil))
	require.NoError(t, p.Flush(produceContext(t)))
	require.Equal(t, []string{"found"}, valuesOf(readBack(t, r.ListenAddrs(), false, "out")[Partition{"out", 0}]))
}

// A new cluster takes its time until it has a coordinator: opening is not bounded as what is sent is.
func TestOpeningWaitsForTheCoordinator(t *testing.T) {
	t.Parallel()
	r := newRig(t, "in", "out")
	fault := r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.NotCoordinator, Count: 4})
	r.producer(ProducerOptions{TransactionalID: "app-1", DeliveryTimeout: time.Millisecond})
	require.EqualValues(t, 4, fault.Hits())
}
