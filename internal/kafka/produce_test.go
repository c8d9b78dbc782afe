// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/clock"
)

func TestRecordsArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			p := r.producer(ProducerOptions{Compression: codec, BatchBytes: 1 << 10})
			rng := rand.New(rand.NewPCG(1, 2))
			sent := samples(rng, 500)
			to := p.Target("out", 1)
			for _, s := range sent {
				require.NoError(t, to.Send(s.key, s.value, s.time, s.headers))
			}
			require.NoError(t, p.Flush(produceContext(t)))
			require.Equal(t, []Run{{0, len(sent)}}, to.Acked())

			got := readBack(t, r.ListenAddrs(), false, "out")[Partition{"out", 1}]
			require.Len(t, got, len(sent))
			for i, s := range sent {
				require.Equal(t, s.key, got[i].Key)
				require.Equal(t, s.value, got[i].Value)
				require.Equal(t, s.time, got[i].Timestamp.UnixMilli())
				require.Len(t, got[i].Headers, len(s.headers))
				for j, h := range s.headers {
					require.Equal(t, h.Key, got[i].Headers[j].Key)
					require.Equal(t, h.Value, got[i].Headers[j].Value)
				}
			}
		})
	}
}

func TestSendCopies(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.producer(ProducerOptions{})
	key, value, header := []byte("key"), []byte("value"), []Header{{"h", []byte("header")}}
	require.NoError(t, p.Target("out", 0).Send(key, value, 1, header))
	clear(key)
	clear(value)
	clear(header[0].Value)
	require.NoError(t, p.Flush(produceContext(t)))
	got := readBack(t, r.ListenAddrs(), false, "out")[Partition{"out", 0}][0]
	require.Equal(t, "key value header", fmt.Sprintf("%s %s %s", got.Key, got.Value, got.Headers[0].Value))
}

func TestSendDoesNotAllocate(t *testing.T) {
	p := stubProducer(t, &stubWire{}, ProducerOptions{})
	targets := []*Target{p.Target("t", 0), p.Target("t", 1), p.Target("t", 2)}
	key, value := []byte("a key of some bytes"), bytes.Repeat([]byte("v"), 81)
	i := 0
	send := func() {
		for range 10_000 {
			if err := targets[i%3].Send(key, value, int64(i), nil); err != nil {
				t.Fatal(err)
			}
			i++
		}
		p.Kick()
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	send()
	perRecord := testing.AllocsPerRun(20, send) / 10_000
	require.Less(t, perRecord, 0.02, "allocations are per batch and per request")
}

func TestPartitionsOfALeaderShareARequest(t *testing.T) {
	t.Parallel()
	w := &stubWire{}
	p := stubProducer(t, w, ProducerOptions{})
	for round := range 2 { // in the first round the leaders are not known yet
		w.mu.Lock()
		w.keep, w.requests = round == 1, nil
		w.mu.Unlock()
		for i := range int32(64) {
			require.NoError(t, p.Target("t", i).Send(nil, []byte("v"), 1, nil))
		}
		require.NoError(t, p.Flush(produceContext(t)))
	}
	require.Len(t, w.requests, 1)
}

func TestKickSendsWholeRequestsOnly(t *testing.T) {
	t.Parallel()
	w := &stubWire{keep: true}
	p := stubProducer(t, w, ProducerOptions{BatchBytes: 8 << 10, MaxRequestBytes: 16 << 10})
	value := make([]byte, 1000)
	send := func(partition int32, n int) {
		for range n {
			require.NoError(t, p.Target("t", partition).Send(nil, value, 1, nil))
		}
		p.Kick()
	}
	landed := func(n int) {
		require.NoError(t, p.await(produceContext(t), func() bool { return p.unacked == 0 }))
		require.EqualValues(t, n*(1000+recordHead), p.acked)
	}
	send(0, 5)
	landed(0) // neither a full batch nor a full request
	send(0, 5)
	landed(8) // one batch of 8 KiB
	send(1, 6)
	send(2, 6)
	landed(8)
	send(3, 4)
	landed(26) // 18 open records are more than a request
	require.NoError(t, p.Flush(produceContext(t)))
	landed(26)
}

func TestSendWaitsWhenTheBufferIsFull(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	w := &stubWire{hold: hold}
	p := stubProducer(t, w, ProducerOptions{BatchBytes: 1 << 10, MaxRecordBytes: 4 << 10, BufferBytes: 64 << 10})
	to, value := p.Target("t", 0), make([]byte, 100)
	for range 64 << 10 / (100 + recordHead) {
		require.NoError(t, to.Send(nil, value, 1, nil))
	}
	done := make(chan error)
	go func() { done <- to.Send(nil, value, 1, nil) }()
	select {
	case err := <-done:
		t.Fatalf("Send did not wait: %v", err)
	case <-time.After(20 * time.Millisecond): // too short at worst, never too long
	}
	close(hold)
	require.NoError(t, <-done)
	require.NoError(t, p.Flush(produceContext(t)))
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.producer(ProducerOptions{MaxRecordBytes: 10_000})
	to := p.Target("out", 2)
	require.NoError(t, to.Send([]byte("k"), []byte("before"), 1, nil))
	err := to.Send([]byte("key"), make([]byte, 9_950), 1, nil)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "out-2")
	require.ErrorContains(t, err, "9950")
	require.NoError(t, to.Send([]byte("k"), []byte("after"), 1, nil))
	require.NoError(t, p.Flush(produceContext(t)))
	read := readBack(t, r.ListenAddrs(), false, "out")
	require.Equal(t, []string{"before", "after"}, valuesOf(read[Partition{"out", 2}]))
}

// The size that Send compares is the one that the broker sees: the largest record that Send takes is one that a topic
// of the same limit takes too, and one byte more is refused.
func TestTooLargeIsExact(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const limit = 5000
	require.NoError(t, r.client.CreateTopics(produceContext(t), []TopicSpec{{
		Name: "small", Partitions: 1, ReplicationFactor: 1,
		Configs: map[string]string{"max.message.bytes": fmt.Sprint(limit)},
	}}))
	p := r.producer(ProducerOptions{MaxRecordBytes: limit})
	to, headers := p.Target("small", 0), []Header{{"name", []byte("value")}, {"null", nil}}
	largest := 0
	for n := limit; largest == 0; n-- {
		if err := to.Send([]byte("key"), make([]byte, n), 1, headers); err == nil {
			largest = n
		}
	}
	require.NoError(t, p.Flush(produceContext(t)), "a value of %d bytes", largest)
	q := r.producer(ProducerOptions{})
	require.NoError(t, q.Target("small", 0).Send([]byte("key"), make([]byte, largest+1), 1, headers))
	require.ErrorIs(t, q.Flush(produceContext(t)), ErrAbort)
	require.NoError(t, q.Abort(produceContext(t)))
	require.ErrorIs(t, q.Target("small", 0).Send([]byte("key"), make([]byte, largest+1), 1, headers), ErrTooLarge)
	require.NoError(t, q.Target("small", 0).Send([]byte("key"), make([]byte, largest), 1, headers))
	require.NoError(t, q.Flush(produceContext(t)))
}

func TestBatchesThatTheTopicFindsTooLargeAreSplit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.client.CreateTopics(produceContext(t), []TopicSpec{{
		Name: "small", Partitions: 1, ReplicationFactor: 1, Configs: map[string]string{"max.message.bytes": "10000"},
	}}))
	p := r.producer(ProducerOptions{BatchBytes: 64 << 10})
	to, want := p.Target("small", 0), []string{}
	for i := range 2000 {
		want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", i%300)))
		require.NoError(t, to.Send(nil, []byte(want[i]), int64(5000-i), nil))
	}
	require.NoError(t, p.Flush(produceContext(t)))
	require.Equal(t, []Run{{0, len(want)}}, to.Acked())
	require.Equal(t, want, valuesOf(readBack(t, r.ListenAddrs(), false, "small")[Partition{"small", 0}]))

	require.NoError(t, to.Send(nil, make([]byte, 20_000), 1, nil))
	err := p.Flush(produceContext(t))
	require.ErrorIs(t, err, ErrAbort)
	require.ErrorContains(t, err, "small-0")
	require.NoError(t, p.Abort(produceContext(t)))
	require.NoError(t, to.Send(nil, []byte("more"), 1, nil))
	err = to.Send(nil, make([]byte, 20_000), 1, nil)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorContains(t, err, "max.message.bytes")
	require.NoError(t, p.Flush(produceContext(t)))
}

func TestTopicMissing(t *testing.T) {
	t.Parallel()
	for _, part := range []Partition{{"nowhere", 0}, {"out", 4}} {
		t.Run(part.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			p := r.producer(ProducerOptions{DeliveryTimeout: 2 * time.Second})
			require.NoError(t, p.Target(part.Topic, part.Index).Send(nil, []byte("x"), 1, nil))
			err := p.Flush(produceContext(t))
			require.ErrorIs(t, err, ErrTopicMissing)
			require.ErrorContains(t, err, part.String())
			require.NoError(t, p.Abort(produceContext(t)))
			require.NoError(t, p.Target("out", 0).Send(nil, []byte("x"), 1, nil))
			require.NoError(t, p.Flush(produceContext(t)))
		})
	}
}

// A topic that appears a little later is no error.
func TestTopicAppears(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "app-1"} {
		t.Run("id="+id, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			p := r.producer(ProducerOptions{TransactionalID: id})
			looked, looks := make(chan struct{}), 0
			r.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
				if looks++; looks == 4 {
					close(looked)
				}
				return nil, nil, false
			})
			p.Begin()
			require.NoError(t, p.Target("new", 0).Send(nil, []byte("x"), 1, nil))
			p.sealAll()
			p.hand()
			<-looked
			require.NoError(t, r.client.CreateTopics(produceContext(t), []TopicSpec{{Name: "new", Partitions: 1}}))
			require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for code, want := range map[*kerr.Error]error{
		kerr.TopicAuthorizationFailed: ErrUnauthorized,
		kerr.UnknownServerError:       ErrAbort,
		kerr.UnknownProducerID:        ErrAbort,
		kerr.OutOfOrderSequenceNumber: ErrAbort,
		kerr.InvalidProducerEpoch:     ErrAbort, // without transactions nobody fences
		kerr.InvalidRecord:            sarama.ErrInvalidRecord,
		kerr.InvalidTimestamp:         sarama.ErrInvalidTimestamp,
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "out")
			p := r.producer(ProducerOptions{})
			r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{3}, Err: code})
			require.NoError(t, p.Target("out", 0).Send(nil, []byte("good"), 1, nil))
			require.NoError(t, p.Target("out", 3).Send(nil, []byte("bad"), 1, nil))
			err := p.Flush(produceContext(t))
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, "out-3")
			require.ErrorIs(t, p.Flush(produceContext(t)), want, "until Abort")
			require.ErrorIs(t, p.Target("out", 0).Send(nil, nil, 1, nil), want)
			require.NoError(t, p.Abort(produceContext(t)))
			require.NoError(t, p.Target("out", 3).Send(nil, []byte("later"), 1, nil))
			require.NoError(t, p.Flush(produceContext(t)))
			require.Equal(t, []string{"later"}, valuesOf(readBack(t, r.ListenAddrs(), false, "out")[Partition{"out", 3}]))
		})
	}
}

func TestDeliveryTimeout(t *testing.T) {
	t.Parallel()
	now := clock.NewManual(time.UnixMilli(0))
	w := &stubWire{hold: make(chan struct{})}
	p := stubProducerAt(t, w, ProducerOptions{}, now)
	to := p.Target("t", 0)
	require.NoError(t, to.Send(nil, []byte("x"), 1, nil))
	p.sealAll()
	p.hand()
	done := make(chan error)
	go func() { done <- p.Flush(produceContext(t)) }()
	for waiting := true; waiting; {
		select {
		case err := <-done:
			require.ErrorIs(t, err, ErrAbort)
			require.ErrorContains(t, err, "t-0")
			require.ErrorContains(t, err, "30s")
			waiting = false
		default:
			now.Advance(time.Second)
		}
	}
	close(w.hold)
	require.NoError(t, p.land(produceContext(t)))
}

// locked is a broker that refuses our credentials.
type locked struct{ stubWire }

func (*locked) Connected() (bool, error) { return false, sarama.ErrSASLAuthenticationFailed }

func TestRefusedCredentials(t *testing.T) {
	t.Parallel()
	p := stubProducer(t, &locked{}, ProducerOptions{})
	require.NoError(t, p.Target("t", 0).Send(nil, []byte("x"), 1, nil))
	err := p.Flush(produceContext(t))
	require.ErrorIs(t, err, ErrAuth)
	require.ErrorContains(t, err, "stub:9092")
}
