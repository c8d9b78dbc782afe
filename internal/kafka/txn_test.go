// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// outsider commits as somebody who is no member: a group without members accepts it.
func outsider(group string) GroupIdentity { return GroupIdentity{Group: group, Generation: -1} }

// at are offsets for partition 0 of topic in.
func at(offset int64, metadata string) map[Partition]Commit {
	return map[Partition]Commit{{"in", 0}: {Offset: offset, Metadata: metadata}}
}

func (r *rig) committed(group string) Commit {
	r.t.Helper()
	found, err := r.client.CommittedOffsets(produceContext(r.t), group, []Partition{{"in", 0}})
	require.NoError(r.t, err)
	return found[Partition{"in", 0}]
}

func (r *rig) transactional(id string) *Producer {
	return r.producer(ProducerOptions{TransactionalID: id, DeliveryTimeout: 10 * time.Second})
}

func sendTo(t testing.TB, p *Producer, topic string, values ...string) {
	t.Helper()
	for i, v := range values {
		require.NoError(t, p.Target(topic, int32(i)%4).Send(nil, []byte(v), 1, nil))
	}
}

// visible is what committed readers see of topic, partition by partition.
func (r *rig) visible(topic string) string {
	r.t.Helper()
	read := readBack(r.t, r.ListenAddrs(), true, topic)
	var parts []string
	for i := range int32(4) {
		parts = append(parts, strings.Join(valuesOf(read[Partition{topic, i}]), " "))
	}
	return strings.Join(parts, "|")
}

func TestRecordsAndOffsetsCommitTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, "in", "out")
	p := r.transactional("app-1")
	p.Begin()
	sendTo(t, p, "out", "a", "b", "c", "d", "e")
	require.NoError(t, p.Flush(produceContext(t)))
	require.Zero(t, r.committed("app").Offset)
	require.NoError(t, p.Commit(produceContext(t), at(5, "clock 12"), outsider("app")))
	require.Equal(t, Commit{Offset: 5, Metadata: "clock 12"}, r.committed("app"))
	require.Equal(t, []Run{{0, 2}}, p.Target("out", 0).Acked())

	p.Begin()
	require.Empty(t, p.Target("out", 0).Acked())
	sendTo(t, p, "out", "never")
	require.NoError(t, p.Flush(produceContext(t)))
	require.NoError(t, p.Abort(produceContext(t)))

	p.Begin() // offsets only
	require.NoError(t, p.Commit(produceContext(t), at(6, ""), outsider("app")))
	p.Begin()
	sendTo(t, p, "out", "f")
	require.NoError(t, p.Commit(produceContext(t), at(7, ""), outsider("app")))
	require.Equal(t, []Run{{5, 1}}, p.Target("out", 0).Acked(), "behind a b commit never abort")
	require.Equal(t, int64(7), r.committed("app").Offset)
	require.Equal(t, "a e f|b|c|d", r.visible("out"))
}

func TestNothingSentCostsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.transactional("app-1")
	var requests atomic.Int32
	r.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		r.KeepControl()
		requests.Add(1)
		return nil, nil, false
	})
	for range 3 {
		p.Begin()
		require.NoError(t, p.Flush(produceContext(t)))
		require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
		p.Begin()
		require.NoError(t, p.Abort(produceContext(t)))
	}
	require.Zero(t, requests.Load())
}

func TestSendOutsideATransaction(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.transactional("app-1")
	require.ErrorContains(t, p.Target("out", 0).Send(nil, nil, 1, nil), "Begin")
	require.ErrorContains(t, p.Commit(produceContext(t), nil, GroupIdentity{}), "Begin")
}

// In the steady state one request enrols all partitions and one the group, both before anything is flushed.
func TestHabitsAreEnrolledTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, "in", "out")
	p := r.transactional("app-1")
	partitions, groups := r.counts(kmsg.AddPartitionsToTxn), r.counts(kmsg.AddOffsetsToTxn)
	const settled = 3
	for i := range 10 {
		if i == settled {
			partitions.Remove()
			partitions = r.counts(kmsg.AddPartitionsToTxn)
		}
		p.Begin()
		sendTo(t, p, "out", "1", "2", "3", "4")
		require.NoError(t, p.Commit(produceContext(t), at(int64(i+1), ""), outsider("app")))
	}
	require.EqualValues(t, 10-settled, partitions.Hits())
	require.EqualValues(t, 10, groups.Hits())
	sendOne := func() {
		p.Begin()
		sendTo(t, p, "out", "5")
		require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
	}
	sendOne() // still out of habit
	sendOne()
	before := endsOf(produceContext(t), t, r.ListenAddrs(), []string{"out"})
	sendOne()
	after := endsOf(produceContext(t), t, r.ListenAddrs(), []string{"out"})
	require.Equal(t, before[Partition{"out", 0}]+2, after[Partition{"out", 0}], "the record and the marker")
	require.Equal(t, before[Partition{"out", 3}], after[Partition{"out", 3}])
}

func TestWhatPassesIsRepeated(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{
		kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
	} {
		for _, code := range []*kerr.Error{
			kerr.ConcurrentTransactions, kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress,
		} {
			t.Run(key.Name()+" "+code.Message, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "in", "out")
				fault := r.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: code, Count: 3})
				p := r.transactional("app-1")
				for i := range 2 {
					p.Begin()
					sendTo(t, p, "out", fmt.Sprint(i))
					require.NoError(t, p.Commit(produceContext(t), at(int64(i+1), ""), outsider("app")))
				}
				require.EqualValues(t, 3, fault.Hits())
				require.Equal(t, "0 1|||", r.visible("out"))
				require.Equal(t, int64(2), r.committed("app").Offset)
			})
		}
	}
}

// A connection that ends before or after the coordinator did its work is no reason to abort.
func TestCoordinatorConnectionsMayBreak(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{
		kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn,
	} {
		t.Run(key.Name(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "in", "out")
			r.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
			p := r.transactional("app-1")
			for i := range 3 {
				p.Begin()
				sendTo(t, p, "out", fmt.Sprint(i))
				require.NoError(t, p.Commit(produceContext(t), at(int64(i+1), ""), outsider("app")))
				r.RehashCoordinators()
			}
			require.Equal(t, "0 1 2|||", r.visible("out"))
			require.Equal(t, int64(3), r.committed("app").Offset)
		})
	}
}

func TestStaleMemberMayCommitAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []*kerr.Error{kerr.IllegalGeneration, kerr.RebalanceInProgress, kerr.UnknownMemberID} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "in", "out")
			p := r.transactional("app-1")
			r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: code, Count: 2})
			p.Begin()
			sendTo(t, p, "out", "a")
			for range 2 {
				err := p.Commit(produceContext(t), at(1, ""), outsider("app"))
				require.ErrorIs(t, err, ErrStaleMember)
				require.NotErrorIs(t, err, ErrAbort)
			}
			require.NoError(t, p.Commit(produceContext(t), at(1, ""), outsider("app")))
			require.Equal(t, []Run{{0, 1}}, p.Target("out", 0).Acked())

			r.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: code})
			p.Begin()
			sendTo(t, p, "out", "lost")
			require.ErrorIs(t, p.Commit(produceContext(t), at(2, ""), outsider("app")), ErrStaleMember)
			require.NoError(t, p.Abort(produceContext(t)))
			p.Begin()
			sendTo(t, p, "out", "b")
			require.NoError(t, p.Commit(produceContext(t), at(3, ""), outsider("app")))
			require.Equal(t, "a b|||", r.visible("out"))
			require.Equal(t, int64(3), r.committed("app").Offset)
		})
	}
}

// After any failure but fencing, Abort makes the producer usable, nothing of the aborted transaction is visible and
// nothing of the next one is lost.
func TestAbortAfterFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key  kmsg.Key
		code *kerr.Error
		want error
	}{
		{kmsg.Produce, kerr.OutOfOrderSequenceNumber, ErrAbort},
		{kmsg.Produce, kerr.UnknownProducerID, ErrAbort},
		{kmsg.Produce, kerr.InvalidTxnState, ErrAbort},
		{kmsg.Produce, kerr.TopicAuthorizationFailed, ErrUnauthorized},
		{kmsg.AddPartitionsToTxn, kerr.InvalidTxnState, ErrAbort},
		{kmsg.AddPartitionsToTxn, kerr.TopicAuthorizationFailed, ErrUnauthorized},
		{kmsg.AddOffsetsToTxn, kerr.InvalidTxnState, ErrAbort},
		{kmsg.AddOffsetsToTxn, kerr.GroupAuthorizationFailed, ErrUnauthorized},
		{kmsg.TxnOffsetCommit, kerr.InvalidTxnState, ErrAbort},
		{kmsg.TxnOffsetCommit, kerr.OffsetMetadataTooLarge, ErrTooLarge},
		{kmsg.EndTxn, kerr.InvalidTxnState, ErrAbort},
		{kmsg.EndTxn, kerr.UnknownServerError, ErrAbort},
	} {
		t.Run(c.key.Name()+" "+c.code.Message, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "in", "out")
			p := r.transactional("app-1")
			p.Begin()
			sendTo(t, p, "out", "a", "b", "c", "d")
			require.NoError(t, p.Commit(produceContext(t), at(4, ""), outsider("app")))

			r.Fault(kfake.Fault{Keys: []kmsg.Key{c.key}, Err: c.code})
			p.Begin()
			sendTo(t, p, "out", "w", "x", "y", "z")
			require.ErrorIs(t, p.Commit(produceContext(t), at(8, ""), outsider("app")), c.want)
			require.ErrorIs(t, p.Flush(produceContext(t)), c.want)
			require.ErrorIs(t, p.Target("out", 0).Send(nil, nil, 1, nil), c.want)
			require.NoError(t, p.Abort(produceContext(t)))
			require.Equal(t, int64(4), r.committed("app").Offset)

			for i := range 2 {
				p.Begin()
				sendTo(t, p, "out", "e", "f", "g", "h")
				require.NoError(t, p.Commit(produceContext(t), at(int64(8+i), ""), outsider("app")))
			}
			require.Equal(t, "a e e|b f f|c g g|d h h", r.visible("out"))
			require.Equal(t, int64(9), r.committed("app").Offset)
		})
	}
}

// A topic may allow less than MaxRecordBytes. The first record that is too large for it costs the transaction; when the
// same work is done again Send names it, and everything else goes on.
func TestTooLargeForTheTopic(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.client.CreateTopics(produceContext(t), []TopicSpec{{
		Name: "small", Partitions: 4, ReplicationFactor: 1, Configs: map[string]string{"max.message.bytes": "5000"},
	}}))
	p := r.transactional("app-1")
	for attempt := range 2 {
		p.Begin()
		sendTo(t, p, "small", "a", "b")
		err := p.Target("small", 0).Send(nil, make([]byte, 8000), 1, nil)
		if attempt == 1 {
			require.ErrorIs(t, err, ErrTooLarge)
			require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
			continue
		}
		require.NoError(t, err)
		require.ErrorIs(t, p.Commit(produceContext(t), nil, GroupIdentity{}), ErrAbort)
		require.NoError(t, p.Abort(produceContext(t)))
	}
	require.Equal(t, "a|b||", r.visible("small"))
}

func TestAbortWhileSending(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.producer(ProducerOptions{TransactionalID: "app-1", BatchBytes: 1 << 10, MaxRequestBytes: 1 << 10})
	var want []string
	for i := range 20 {
		p.Begin()
		for range 100 + i {
			value := fmt.Sprintf("%d-%d", i, len(want))
			require.NoError(t, p.Target("out", 0).Send(nil, []byte(value), 1, nil))
			if i%2 == 0 {
				want = append(want, value)
			}
		}
		if i%2 == 0 {
			require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
		} else {
			require.NoError(t, p.Abort(produceContext(t)))
		}
	}
	require.Equal(t, want, valuesOf(readBack(t, r.ListenAddrs(), true, "out")[Partition{"out", 0}]))
}

func TestSecondProducerFencesTheFirst(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"commit", "idle"} { // more of it with a real broker, which is stricter
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "in", "out")
			first := r.transactional("app-1")
			first.Begin()
			if step != "idle" {
				sendTo(t, first, "out", "zombie")
				require.NoError(t, first.Flush(produceContext(t)))
			}
			second := r.transactional("app-1")
			if step == "idle" {
				sendTo(t, first, "out", "zombie again")
			}
			require.ErrorIs(t, first.Commit(produceContext(t), at(1, ""), outsider("app")), ErrFenced)
			require.ErrorIs(t, first.Abort(produceContext(t)), ErrFenced)
			first.Begin()
			require.ErrorIs(t, first.Target("out", 0).Send(nil, nil, 1, nil), ErrFenced)
			second.Begin()
			sendTo(t, second, "out", "heir")
			require.NoError(t, second.Commit(produceContext(t), at(2, ""), outsider("app")))
			require.Equal(t, "heir|||", r.visible("out"))
			require.Equal(t, int64(2), r.committed("app").Offset)
		})
	}
}

// An abort that cannot reach the coordinator may be called again.
func TestAbortAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.transactional("app-1")
	p.Begin()
	sendTo(t, p, "out", "lost")
	require.NoError(t, p.Flush(produceContext(t)))
	ctx, cancel := context.WithCancel(produceContext(t))
	r.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, true
	})
	require.ErrorIs(t, p.Abort(ctx), context.Canceled)
	require.Error(t, p.Target("out", 0).Send(nil, nil, 1, nil))
	require.NoError(t, p.Abort(produceContext(t)))
	p.Begin()
	sendTo(t, p, "out", "kept")
	require.NoError(t, p.Commit(produceContext(t), nil, GroupIdentity{}))
	require.Equal(t, "kept|||", r.visible("out"))
}

func TestCloseAbortsWhatIsOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t, "out")
	p := r.transactional("app-1")
	p.Begin()
	sendTo(t, p, "out", "lost")
	require.NoError(t, p.Flush(produceContext(t)))
	ends := r.counts(kmsg.EndTxn)
	p.Close()
	require.EqualValues(t, 1, ends.Hits())
	require.ErrorIs(t, p.Target("out", 0).Send(nil, nil, 1, nil), ErrClosed)
	p.Close()
}

func TestTransactionTimeoutBeyondTheBrokers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := NewProducer(produceContext(t), r.client, ProducerOptions{
		TransactionalID: "app-1", TransactionTimeout: 24 * time.Hour,
	})
	require.ErrorIs(t, err, sarama.ErrInvalidTransactionTimeout)
	require.ErrorContains(t, err, "transaction.max.timeout.ms")
}

// Without a transactional id the same calls mean: flush, then commit the offsets.
func TestAtLeastOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "in", "out")
	p := r.producer(ProducerOptions{})
	for i := range 3 {
		p.Begin()
		sendTo(t, p, "out", fmt.Sprint(i))
		require.NoError(t, p.Commit(produceContext(t), at(int64(i+1), "m"), outsider("app")))
		require.Equal(t, []Run{{int64(i), 1}}, p.Target("out", 0).Acked())
	}
	require.Equal(t, Commit{Offset: 3, Metadata: "m"}, r.committed("app"))
	require.Equal(t, "0 1 2|||", r.visible("out"))
}

// TestExactlyOnceTransactionsUnderRandomFaults replays a stream of records through transactions of random sizes, every
// request of which may fail in every way that passes or that ends in an abort. What fails is sent again from the
// committed offset, as the engine does it.
func TestExactlyOnceTransactionsUnderRandomFaults(t *testing.T) {
	t.Parallel()
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "in", "out")
			r.faultAtRandom(seed)
			r.faultTransactions(seed)
			p := r.producer(ProducerOptions{TransactionalID: "app-1", BatchBytes: 512, MaxRequestBytes: 2 << 10})
			want := [4][]string{}
			const records = 2000
			for i := range records {
				want[i%4] = append(want[i%4], fmt.Sprint(i))
			}
			rng, aborts := rand.New(rand.NewPCG(seed, 3)), 0
			for next := 0; next < records; next = int(r.committed("app").Offset) {
				if err := relay(t, p, next, min(next+1+rng.IntN(200), records)); err != nil {
					require.Truef(t, errors.Is(err, ErrAbort) || errors.Is(err, ErrStaleMember), "%v", err)
					aborts++
					require.NoError(t, p.Abort(produceContext(t)))
				}
			}
			require.NotZero(t, aborts)
			read := readBack(t, r.ListenAddrs(), true, "out")
			for i, values := range want {
				require.Equal(t, values, valuesOf(read[Partition{"out", int32(i)}]))
			}
		})
	}
}

// relay sends the records from to to in one transaction.
func relay(t testing.TB, p *Producer, from, to int) error {
	p.Begin()
	for i := from; i < to; i++ {
		if err := p.Target("out", int32(i%4)).Send(nil, fmt.Appendf(nil, "%d", i), 1, nil); err != nil {
			return err
		}
		p.Kick()
	}
	return p.Commit(produceContext(t), at(int64(to), ""), outsider("app"))
}

// faultTransactions makes requests of transactions fail, for a while and for good.
func (r *rig) faultTransactions(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2)) // kfake asks on one goroutine
	for _, fault := range []struct {
		code *kerr.Error
		keys []kmsg.Key
	}{
		{kerr.ConcurrentTransactions, []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.EndTxn}},
		{kerr.NotCoordinator, []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn}},
		{kerr.InvalidTxnState, []kmsg.Key{kmsg.AddPartitionsToTxn, kmsg.Produce}},
		{kerr.UnknownProducerID, []kmsg.Key{kmsg.Produce}},
		{kerr.IllegalGeneration, []kmsg.Key{kmsg.TxnOffsetCommit}},
	} {
		r.Fault(kfake.Fault{
			Keys: fault.keys, Err: fault.code, Count: -1, When: func(kmsg.Request) bool { return rng.IntN(40) == 0 },
		})
	}
}

func TestEveryArrowIsDrawn(t *testing.T) {
	t.Parallel()
	for from, to := range arrows {
		if state(from) != closed {
			require.Contains(t, to, closed)
		}
		if state(from) != starting && state(from) != closed && state(from) != outcast {
			require.Contains(t, to, outcast)
		}
	}
}
