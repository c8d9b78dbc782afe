// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// sample is a record as a test sends it.
type sample struct {
	key, value []byte
	time       int64
	headers    []Header
}

// samples are records of every shape: null, empty and filled keys, values and header values, times in any order.
func samples(rng *rand.Rand, n int) []sample {
	slice := func() []byte {
		switch rng.IntN(4) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		return bytes.Repeat([]byte{byte(rng.IntN(256))}, rng.IntN(200))
	}
	list := make([]sample, n)
	for i := range list {
		list[i] = sample{key: slice(), value: slice(), time: rng.Int64N(maxTime + 1)}
		for range rng.IntN(3) * rng.IntN(2) {
			list[i].headers = append(list[i].headers, Header{Key: fmt.Sprint(i), Value: slice()})
		}
	}
	return list
}

func batchOf(list []sample) *batch {
	b := &batch{}
	b.begin(&Target{})
	for _, s := range list {
		b.add(storedSize(s.key, s.value, s.headers), s.key, s.value, s.time, s.headers)
	}
	return b
}

func requireRecords(t *testing.T, want []sample, got *sarama.RecordBatch) {
	t.Helper()
	require.Len(t, got.Records, len(want))
	require.Equal(t, want[0].time, got.FirstTimestamp.UnixMilli())
	require.EqualValues(t, len(want)-1, got.LastOffsetDelta)
	latest := int64(math.MinInt64)
	for i, w := range want {
		r := got.Records[i]
		latest = max(latest, w.time)
		require.Equal(t, w.key, r.Key)
		require.Equal(t, w.value, r.Value)
		require.EqualValues(t, i, r.OffsetDelta)
		require.Equal(t, w.time, got.FirstTimestamp.UnixMilli()+r.TimestampDelta.Milliseconds())
		require.Len(t, r.Headers, len(w.headers))
		for j, h := range w.headers {
			require.Equal(t, h.Key, string(r.Headers[j].Key))
			require.Equal(t, h.Value, r.Headers[j].Value)
		}
	}
	require.Equal(t, latest, got.MaxTimestamp.UnixMilli())
}

func TestBatchGivesBackWhatWasAdded(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	e := &encoder{}
	for range 200 {
		list, other := samples(rng, 1+rng.IntN(40)), samples(rng, 1+rng.IntN(40))
		b, c := batchOf(list), batchOf(other)
		e.begin([]*batch{b, c})
		first, second := e.encode(b), e.encode(c)
		requireRecords(t, list, first)
		requireRecords(t, other, second)
	}
}

func TestSplitKeepsRecordsAndNumbers(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	e := &encoder{}
	for range 200 {
		list := samples(rng, 2+rng.IntN(40))
		b := batchOf(list)
		b.seq = math.MaxInt32 - int32(rng.IntN(20))
		halves := b.split()
		require.Equal(t, b.seq, halves[0].seq)
		require.Equal(t, follow(b.seq, halves[0].n), halves[1].seq)
		e.begin(halves[:])
		requireRecords(t, list[:halves[0].n], e.encode(halves[0]))
		requireRecords(t, list[halves[0].n:], e.encode(halves[1]))
	}
}

func TestSequenceNumbersWrapToZero(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, math.MaxInt32, follow(math.MaxInt32-1, 1))
	require.EqualValues(t, 0, follow(math.MaxInt32, 1))
	require.EqualValues(t, 9, follow(math.MaxInt32-5, 15))
}

func TestPoolGivesMemoryThatFits(t *testing.T) {
	t.Parallel()
	f := pool{max: 300 << 10}
	small, large := f.get(4<<10), f.get(100<<10)
	require.GreaterOrEqual(t, cap(small.data), 4<<10)
	require.GreaterOrEqual(t, cap(large.data), 100<<10)
	f.put(large)
	f.put(small)
	require.Same(t, small, f.get(3<<10), "the smallest that has room")
	require.NotSame(t, large, f.get(3<<10), "a large one is not wasted on little")
	require.Same(t, large, f.get(90<<10))
	for size := 1; size < 1<<20; size += 1 + size/7 {
		up := roundUp(size)
		require.GreaterOrEqual(t, up, size)
		require.LessOrEqual(t, up, size+size/4+1)
		require.Equal(t, up, roundUp(up))
	}
	for range 10 {
		f.put(f.get(1 << 10))
		f.put(&batch{data: make([]byte, 0, 128<<10)})
	}
	require.LessOrEqual(t, f.bytes, f.max)
}

func TestCompressionNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "none", "gzip", "snappy", "lz4", "zstd"} {
		_, err := codecOf(name)
		require.NoError(t, err, name)
	}
	_, err := codecOf("brotli")
	require.ErrorContains(t, err, "gzip")
}

func TestTimesThatKafkaCannotKeep(t *testing.T) {
	t.Parallel()
	require.Equal(t, 2262, time.UnixMilli(maxTime).UTC().Year())
	p := stubProducer(t, &stubWire{}, ProducerOptions{})
	to := p.Target("t", 0)
	for _, bad := range []int64{-1, math.MinInt64, maxTime + 1, math.MaxInt64} {
		require.ErrorContains(t, to.Send(nil, nil, bad, nil), "t-0")
	}
	require.NoError(t, to.Send(nil, nil, 0, nil))
	require.NoError(t, to.Send(nil, nil, maxTime, nil))
	require.NoError(t, p.Flush(produceContext(t)))
}
