// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package kafka

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// BenchmarkFetch reads records of 100 B; the CPU of the whole process counts, and the broker is another one.
func BenchmarkFetch(b *testing.B) {
	k := kafkatest.Shared(b)
	const partitions, total = 8, 1_000_000
	name := k.CreateTopic(b, "in", partitions, nil)
	cl := kgoAt(b, k.Addrs(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := make([]byte, 100)
	for i := range total {
		cl.Produce(b.Context(), &kgo.Record{Topic: name, Partition: int32(i % partitions), Value: value}, nil)
		if i%5000 == 4999 {
			require.NoError(b, cl.Flush(b.Context()))
		}
	}
	c := openAt(b, k.Addrs())
	b.ResetTimer()
	began, cpu, records := clock.System.Now(), cpuTime(), 0
	for b.Loop() {
		f := NewFetcher(c, FetchOptions{ReadCommitted: true})
		woken := make(chan struct{}, 1)
		queues := make([]*Queue, partitions)
		for i := range queues {
			queues[i] = f.Add(Partition{name, int32(i)}, 0, func() {
				select {
				case woken <- struct{}{}:
				default:
				}
			})
		}
		for got := 0; got < total; {
			<-woken
			for _, q := range queues {
				for batch, ok := q.Pop(); ok; batch, ok = q.Pop() {
					got += len(batch.Records)
					q.Done(batch)
				}
			}
		}
		records += total
		f.Close()
	}
	b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(records), "cpu-ns/record")
	b.ReportMetric(float64(records)/clock.System.Now().Sub(began).Seconds(), "records/s")
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
