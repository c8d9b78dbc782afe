// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/irmak-go/irmak/internal/kafkatest"
)

// wire is a record batch as a broker sends it, with one-byte values. kfake cannot be brought to send some of them.
type wire struct {
	first   int64
	last    int32 // delta
	values  string
	offsets []int // deltas; by default 0, 1, 2 …
}

func (w wire) bytes() []byte {
	b := kmsg.RecordBatch{
		FirstOffset: w.first, Magic: 2, LastOffsetDelta: w.last, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: int32(len(w.values)),
	}
	for i := range w.values {
		delta := i
		if w.offsets != nil {
			delta = w.offsets[i]
		}
		r := kmsg.Record{OffsetDelta: int32(delta), Key: nil, Value: []byte(w.values[i : i+1])}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		b.Records = r.AppendTo(b.Records)
	}
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// answering is a broker with one topic "in" of three partitions, whose log of partition 1 is answer's business: it gets
// the offset and bytes that are asked for, and gives what is sent, with end as high watermark.
func answering(t *testing.T, end int64, answer func(from int64, max int32) []byte) *Client {
	c := kafkatest.FakeCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(3, "in"))
	cl := kgoAt(t, c.ListenAddrs())
	write(t, cl, Partition{"in", 0}, 0, 3)
	write(t, cl, Partition{"in", 2}, 0, 3)
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		ours := false
		for _, rt := range req.Topics {
			topic := kmsg.FetchResponseTopic{Topic: rt.Topic}
			for _, rp := range rt.Partitions {
				p := kmsg.NewFetchResponseTopicPartition()
				p.Partition = rp.Partition
				if rp.Partition == 1 {
					ours = true
					p.HighWatermark, p.LastStableOffset = end, end
					p.RecordBatches = answer(rp.FetchOffset, rp.PartitionMaxBytes)
				}
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, ours
	})
	return openAt(t, c.ListenAddrs())
}

func join(batches ...wire) (raw []byte) {
	for _, b := range batches {
		raw = append(raw, b.bytes()...)
	}
	return raw
}

func TestDamagedBatchFailsItsPartitionOnly(t *testing.T) {
	t.Parallel()
	damaged := wire{values: "abc", last: 2}.bytes()
	damaged[len(damaged)-1] ^= 1
	f := fetchWith(t, answering(t, 3, func(int64, int32) []byte { return damaged }), FetchOptions{})
	bad, good := addTo(f, Partition{"in", 1}, 0), addTo(f, Partition{"in", 0}, 0)
	err := bad.err(t)
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "in-1 at offset 0")
	require.Equal(t, counting(0, 3), good.values(t, 3))
	require.Equal(t, counting(0, 3), addTo(f, Partition{"in", 2}, 0).values(t, 3))
}

// TestBatchesThatCompactionEmptied leads over what is left of batches without records: first alone, then in front of
// others, in the middle and at the end.
func TestBatchesThatCompactionEmptied(t *testing.T) {
	t.Parallel()
	log := map[int64][]byte{
		0:  join(wire{first: 0, last: 4}, wire{first: 5, last: 4}),
		10: join(wire{first: 10, last: 9}, wire{first: 20, last: 9, values: "ab", offsets: []int{3, 7}}),
		30: join(wire{first: 30, last: 4}),
		35: join(wire{first: 35, last: 0, values: "c"}, wire{first: 36, last: 3}),
		36: join(wire{first: 36, last: 3}),
		40: {},
	}
	c := answering(t, 40, func(from int64, _ int32) []byte {
		raw, ok := log[from]
		if !ok {
			t.Errorf("asked for offset %d", from)
		}
		return raw
	})
	r := addTo(fetchWith(t, c, FetchOptions{}), Partition{"in", 1}, 0)
	var offsets []int64
	r.until(t, func(s QueueState) bool { return s.Next == 40 }, func(b *Batch) {
		for i := range b.Records {
			offsets = append(offsets, b.Offset(i))
		}
	})
	require.Equal(t, []int64{23, 27, 35}, offsets)
}

func TestBatchIsCutAtTheOffsetThatWasAskedFor(t *testing.T) {
	t.Parallel()
	holes := wire{first: 10, last: 9, values: "abc", offsets: []int{0, 4, 8}}.bytes()
	for _, test := range []struct {
		from int64
		want []string
	}{
		{10, []string{"a", "b", "c"}}, {11, []string{"b", "c"}}, {14, []string{"b", "c"}}, {15, []string{"c"}}, {19, nil},
	} {
		c := answering(t, 20, func(from int64, _ int32) []byte {
			if from == 20 {
				return nil
			}
			return holes
		})
		r := addTo(fetchWith(t, c, FetchOptions{}), Partition{"in", 1}, test.from)
		require.Equal(t, test.want, r.values(t, 20), "from %d", test.from)
	}
}

// TestBatchLargerThanTheRequest is about brokers that cut the first batch, as those before Kafka 0.10.1 did.
func TestBatchLargerThanTheRequest(t *testing.T) {
	t.Parallel()
	whole := wire{values: "abc", last: 2}.bytes()
	asked := make(chan int32, 10)
	c := answering(t, 3, func(from int64, max int32) []byte {
		if from == 3 {
			return nil
		}
		asked <- max
		return whole[:min(len(whole), int(max))]
	})
	f := fetchWith(t, c, FetchOptions{MaxBatchBytes: 30})
	require.Equal(t, []string{"a", "b", "c"}, addTo(f, Partition{"in", 1}, 0).values(t, 3))
	require.Equal(t, []int32{30, 60, 120}, []int32{<-asked, <-asked, <-asked})
}

func TestBatchThatNeverFits(t *testing.T) {
	t.Parallel()
	whole := wire{values: "abc", last: 2}.bytes()
	f := fetchWith(t, answering(t, 3, func(int64, int32) []byte { return whole[:70] }), FetchOptions{})
	require.ErrorIs(t, addTo(f, Partition{"in", 1}, 0).err(t), ErrTooLarge)
}

func TestMessageSetsFromBeforeKafka011(t *testing.T) {
	t.Parallel()
	m := kmsg.MessageV1{Magic: 1, Value: []byte("old")}
	raw := m.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[12:], crc32.ChecksumIEEE(raw[16:]))
	err := addTo(fetchWith(t, answering(t, 1, func(int64, int32) []byte { return raw }), FetchOptions{}),
		Partition{"in", 1}, 0).err(t)
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "before Kafka 0.11")
}

// sarama makes nanoseconds of the distances between times in a batch: 292 years are the most that these hold.
func TestTimesOfABatchLieFarApart(t *testing.T) {
	t.Parallel()
	const now, year9999 = 1_800_000_000_000, 253_402_300_799_999
	times := []int64{now, year9999, 0, now - 1, now + 1, now, 1 << 56}
	for _, first := range times {
		b := &Batch{FirstTime: first}
		for i, at := range times {
			b.Records = append(b.Records, &Record{TimestampDelta: time.Duration(at-first) * time.Millisecond})
			require.Equal(t, at, b.Time(i))
		}
	}
	b := &Batch{FirstTime: 1, MaxTime: 5, LogAppendTime: true, Records: []*Record{{}}}
	require.EqualValues(t, 5, b.TimeOf(b.Records[0]))
}

func TestSpanIsTheDistanceOfFirstAndLast(t *testing.T) {
	t.Parallel()
	buffer := []byte("..key1.value1..key2.value2.....")
	at := func(from, to int) []byte { return buffer[from:to] }
	both := []*Record{{Key: at(2, 6), Value: at(7, 13)}, {Key: at(15, 19), Value: at(20, 26)}}
	require.Equal(t, 24, span(both))
	require.Equal(t, 11, span(both[:1]))
	require.Equal(t, 19, span([]*Record{{Value: at(7, 13)}, {Value: at(20, 26)}}))
	require.Equal(t, 12, span([]*Record{{Value: at(7, 13)}, {Key: at(15, 19)}}))
	require.Equal(t, 0, span([]*Record{{}, {}}))
}
