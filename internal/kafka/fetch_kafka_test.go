// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// transactor writes transactions of one producer.
type transactor struct {
	*kgo.Client
	t *testing.T
	p Partition
}

func newTransactor(t *testing.T, addrs []string, p Partition) transactor {
	return transactor{kgoAt(t, addrs, kgo.TransactionalID(kafkatest.Name(t, "tx"))), t, p}
}

func (tx transactor) begin(values ...string) {
	require.NoError(tx.t, tx.BeginTransaction())
	tx.more(values...)
}

func (tx transactor) more(values ...string) {
	for _, v := range values {
		writeRecords(tx.t, tx.Client, tx.p, kgo.StringRecord(v))
	}
}

func (tx transactor) end(commit kgo.TransactionEndTry) {
	require.NoError(tx.t, tx.EndTransaction(within(tx.t), commit))
}

func TestReadCommittedSkipsAbortedTransactions(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	p := Partition{k.CreateTopic(t, "in", 1, nil), 0}
	plain, a, b := kgoAt(t, k.Addrs()), newTransactor(t, k.Addrs(), p), newTransactor(t, k.Addrs(), p)

	write(t, plain, p, 0, 2) // offsets 0, 1
	a.begin("a1", "a2")      // 2, 3: aborted
	b.begin("b1")            // 4: committed
	a.more("a3")             // 5
	a.end(kgo.TryAbort)      // 6: marker
	a.begin("a4")            // 7: the same producer, committed this time
	b.end(kgo.TryCommit)     // 8
	write(t, plain, p, 2, 1) // 9
	a.end(kgo.TryCommit)     // 10
	b.begin("b2")            // 11: aborted, last
	b.end(kgo.TryAbort)      // 12

	c := openAt(t, k.Addrs())
	committed := addTo(fetchWith(t, c, FetchOptions{ReadCommitted: true}), p, 0)
	require.Equal(t, []string{"0", "1", "b1", "a4", "2"}, committed.values(t, 13))
	require.Equal(t, int64(13), committed.State().Next, "behind the last marker")

	all := addTo(fetchWith(t, c, FetchOptions{}), p, 0)
	require.Equal(t, []string{"0", "1", "a1", "a2", "b1", "a3", "a4", "2", "b2"}, all.values(t, 13))

	// From the middle of an aborted transaction: the broker names transactions that began before the offset.
	middle := addTo(fetchWith(t, c, FetchOptions{ReadCommitted: true}), p, 3)
	require.Equal(t, []string{"b1", "a4", "2"}, middle.values(t, 13))
}

func TestReadCommittedWaitsForTheDecision(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	p := Partition{k.CreateTopic(t, "in", 1, nil), 0}
	plain, open := kgoAt(t, k.Addrs()), newTransactor(t, k.Addrs(), p)
	write(t, plain, p, 0, 1)
	open.begin("undecided")
	write(t, plain, p, 1, 1)
	r := addTo(fetchWith(t, openAt(t, k.Addrs()), FetchOptions{ReadCommitted: true}), p, 0)
	require.Equal(t, []string{"0"}, r.values(t, 1))
	s := r.until(t, func(s QueueState) bool { return s.HighWatermark == 3 }, func(*Batch) {})
	require.Equal(t, []int64{1, 1, 3}, []int64{s.Next, s.LastStable, s.HighWatermark})
	open.end(kgo.TryCommit)
	require.Equal(t, []string{"undecided", "1"}, r.values(t, 4))
}

// TestReadCommittedAgainstRandomTransactions compares with a client of another library.
func TestReadCommittedAgainstRandomTransactions(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	p := Partition{k.CreateTopic(t, "in", 1, nil), 0}
	seed := uint64(clock.System.Now().UnixNano())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	txs := make([]transactor, 3)
	running := make([]bool, 3)
	for i := range txs {
		txs[i] = newTransactor(t, k.Addrs(), p)
	}
	plain := kgoAt(t, k.Addrs())
	end := func(i int) {
		txs[i].end(kgo.TransactionEndTry(rnd.IntN(2) == 0))
		running[i] = false
	}
	for n := range 200 {
		i := rnd.IntN(4)
		switch {
		case i == 3:
			write(t, plain, p, n, 1+rnd.IntN(5))
		case !running[i]:
			txs[i].begin(fmt.Sprintf("tx%d-%d", i, n))
			running[i] = true
		case rnd.IntN(2) == 0:
			txs[i].more(fmt.Sprintf("tx%d-%d", i, n))
		default:
			end(i)
		}
	}
	for i := range txs {
		if running[i] {
			end(i)
		}
	}
	c := openAt(t, k.Addrs())
	last, err := c.LatestOffset(within(t), p)
	require.NoError(t, err)
	want := readAll(t, k.Addrs(), p, last)
	for _, bytes := range []int32{1 << 20, 700} { // all at once, and a few batches at a time
		r := addTo(fetchWith(t, c, FetchOptions{ReadCommitted: true, MaxBatchBytes: bytes}), p, 0)
		require.Equal(t, want, r.values(t, last))
	}
}

// readAll reads p as kgo does, up to the marker before end.
func readAll(t *testing.T, addrs []string, p Partition, end int64) (values []string) {
	cl := kgoAt(t, addrs, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.Index: kgo.NewOffset().At(0)}}))
	for next := int64(0); next < end; {
		fetches := cl.PollFetches(within(t))
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

func TestEveryCompressionAndEveryPartOfARecord(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	c := openAt(t, k.Addrs())
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			p := Partition{k.CreateTopic(t, "in", 1, nil), 0}
			cl := kgoAt(t, k.Addrs(), kgo.ProducerBatchCompression(codec))
			records := []*kgo.Record{
				{Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h"}}},
				{Key: nil, Value: []byte("no key")}, {Key: []byte("tombstone"), Value: nil}, {Key: []byte{}, Value: []byte{}},
			}
			for i := range 100 {
				records = append(records, &kgo.Record{Key: fmt.Append(nil, i), Value: make([]byte, 1000)})
			}
			for i, r := range records {
				r.Timestamp = time.UnixMilli(int64(5000 - i)) // time may run backwards
			}
			writeRecords(t, cl, p, records...)
			r := addTo(fetchWith(t, c, FetchOptions{ReadCommitted: true}), p, 0)
			n := 0
			r.until(t, func(s QueueState) bool { return s.Next == int64(len(records)) }, func(b *Batch) {
				require.Greater(t, b.Bytes, len(b.Records)*recordBytes)
				for i, got := range b.Records {
					want := records[n]
					require.Equal(t, [2]int64{int64(n), int64(5000 - n)}, [2]int64{b.Offset(i), b.Time(i)})
					require.Equal(t, [2][]byte{want.Key, want.Value}, [2][]byte{got.Key, got.Value})
					require.Len(t, got.Headers, len(want.Headers))
					for j, h := range want.Headers {
						require.Equal(t, [2][]byte{[]byte(h.Key), h.Value}, [2][]byte{got.Headers[j].Key, got.Headers[j].Value})
					}
					n++
				}
			})
			require.Equal(t, len(records), n)
		})
	}
}

func TestLogAppendTimeIsTheBatchs(t *testing.T) {
	t.Parallel()
	k := kafkatest.Shared(t)
	p := Partition{k.CreateTopic(t, "in", 1, map[string]string{"message.timestamp.type": "LogAppendTime"}), 0}
	before := clock.System.Now().UnixMilli()
	write(t, kgoAt(t, k.Addrs()), p, 0, 3)
	r := addTo(fetchWith(t, openAt(t, k.Addrs()), FetchOptions{}), p, 0)
	r.until(t, func(s QueueState) bool { return s.Next == 3 }, func(b *Batch) {
		require.True(t, b.LogAppendTime)
		for i := range b.Records {
			require.Equal(t, b.MaxTime, b.Time(i))
			require.GreaterOrEqual(t, b.Time(i), before-1000)
		}
	})
}

// TestCompactedTopic reads a log with holes and emptied batches, from each of its offsets. The broker compacts only
// segments that are closed; a segment is closed when a record comes whose timestamp is segment.ms after its first.
func TestCompactedTopic(t *testing.T) {
	t.Parallel()
	k := kafkatest.Start(t, kafkatest.Options{Properties: map[string]string{"log.cleaner.backoff.ms": "50"}})
	p := Partition{k.CreateTopic(t, "changelog", 1, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "1000", "min.cleanable.dirty.ratio": "0.001",
	}), 0}
	const keys, rounds = 10, 12
	first, tx := kgoAt(t, k.Addrs()), newTransactor(t, k.Addrs(), p)
	began := clock.System.Now()
	put := func(cl *kgo.Client, round int) {
		for i := range keys {
			writeRecords(t, cl, p, &kgo.Record{
				Key: fmt.Append(nil, i), Value: fmt.Append(nil, round),
				Timestamp: began.Add(2 * time.Second * time.Duration(round)),
			})
		}
	}
	put(first, 0) // never writes again: compaction keeps its last batch, without records
	for round := 1; round <= rounds; round++ {
		require.NoError(t, tx.BeginTransaction())
		put(tx.Client, round)
		tx.end(kgo.TryCommit)
	}
	const end = keys + rounds*(keys+1)
	c := openAt(t, k.Addrs())
	f := fetchWith(t, c, FetchOptions{ReadCommitted: true})
	read := func(from int64) (found int) {
		r, next, last := addTo(f, p, from), from, map[string]string{}
		defer f.Remove(r.Queue)
		r.until(t, func(s QueueState) bool { return s.Next >= end }, func(b *Batch) {
			for i, rec := range b.Records {
				require.GreaterOrEqual(t, b.Offset(i), next)
				next = b.Offset(i) + 1
				last[string(rec.Key)] = string(rec.Value)
				found++
			}
		})
		if from < end-keys {
			for i := range keys {
				require.Equal(t, fmt.Sprint(rounds), last[fmt.Sprint(i)], "key %d from offset %d", i, from)
			}
		}
		return found
	}
	for ctx := within(t); read(0) > 2*keys; {
		require.NoError(t, ctx.Err(), "the broker does not compact")
	}
	for from := range int64(end) {
		read(from)
	}
	leader, err := c.leader(within(t), p)
	require.NoError(t, err)
	req := &sarama.FetchRequest{Version: fetchVersion, SessionEpoch: -1, MaxBytes: 1, MinBytes: 1}
	req.AddBlock(p.Topic, p.Index, 0, 1, -1)
	res, err := call(within(t), leader, leader.Fetch, req)
	require.NoError(t, err)
	next, ok := endOfEmpty(res.GetBlock(p.Topic, p.Index))
	require.True(t, ok)
	require.Equal(t, int64(keys), next, "the emptied batch was there")
	require.Empty(t, res.GetBlock(p.Topic, p.Index).RecordsSet)
}
