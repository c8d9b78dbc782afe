// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds a test that hangs; no test depends on how long anything takes.
const patience = 3 * time.Minute

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// openAt is a client that is closed after the test.
func openAt(t testing.TB, addrs []string, change ...func(*Options)) *Client {
	opts := Options{Brokers: addrs, RetryBackoff: time.Millisecond, RetryBackoffMax: 20 * time.Millisecond}
	for _, f := range change {
		f(&opts)
	}
	c, err := Open(within(t), opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// fetchWith is a fetcher that is closed after the test.
func fetchWith(t testing.TB, c *Client, opts FetchOptions) *Fetcher {
	f := NewFetcher(c, opts)
	t.Cleanup(f.Close)
	return f
}

// kgoAt is a client of another library, to write what we read.
func kgoAt(t testing.TB, addrs []string, opts ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ManualFlushing(),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

// write produces values "from" to "from+n-1" to p, in few batches.
func write(t testing.TB, cl *kgo.Client, p Partition, from, n int) {
	t.Helper()
	records := make([]*kgo.Record, n)
	for i := range n {
		records[i] = &kgo.Record{Value: fmt.Appendf(nil, "%d", from+i), Timestamp: time.UnixMilli(int64(1000 + from + i))}
	}
	writeRecords(t, cl, p, records...)
}

// writeRecords produces records to p, in few batches.
func writeRecords(t testing.TB, cl *kgo.Client, p Partition, records ...*kgo.Record) {
	t.Helper()
	for _, r := range records {
		r.Topic, r.Partition = p.Topic, p.Index
		cl.Produce(t.Context(), r, func(_ *kgo.Record, err error) { assert.NoError(t, err) })
	}
	require.NoError(t, cl.Flush(within(t)))
}

// reading is a queue with its consumer.
type reading struct {
	*Queue
	woken chan struct{}
}

func addTo(f *Fetcher, p Partition, from int64) reading {
	r := reading{woken: make(chan struct{}, 1)}
	r.Queue = f.Add(p, from, func() {
		select {
		case r.woken <- struct{}{}:
		default:
		}
	})
	return r
}

// until waits until done says so of a state, and hands every batch to each on the way.
func (r reading) until(t testing.TB, done func(QueueState) bool, each func(*Batch)) QueueState {
	t.Helper()
	ctx := within(t)
	for {
		for b, ok := r.Pop(); ok; b, ok = r.Pop() {
			each(b)
			r.Done(b)
		}
		s := r.State()
		if s.Queued == 0 && done(s) {
			return s
		}
		select {
		case <-r.woken:
		case <-ctx.Done():
			require.FailNow(t, "the queue does not get there", "%+v", s)
		}
	}
}

// values reads up to offset end.
func (r reading) values(t testing.TB, end int64) []string {
	t.Helper()
	var got []string
	s := r.until(t, func(s QueueState) bool { return s.Err != nil || s.Next >= end }, func(b *Batch) {
		for _, rec := range b.Records {
			got = append(got, string(rec.Value))
		}
	})
	require.NoError(t, s.Err)
	return got
}

// err waits for the queue to fail.
func (r reading) err(t testing.TB) error {
	t.Helper()
	return r.until(t, func(s QueueState) bool { return s.Err != nil }, func(*Batch) {}).Err
}

// counting is "from" to "to-1".
func counting(from, to int) []string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return slices.Clip(s)
}
