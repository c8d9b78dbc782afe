// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSend is what a record of 100 bytes costs the worker. The stub's connection makes sarama's records on another
// core, but does not encode them.
func BenchmarkSend(b *testing.B) {
	for _, partitions := range []int32{1, 8, 64} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			p := stubProducer(b, &stubWire{}, ProducerOptions{})
			targets := make([]*Target, partitions)
			for i := range targets {
				targets[i] = p.Target("t", int32(i))
			}
			key, value := bytes.Repeat([]byte("k"), 12), bytes.Repeat([]byte("v"), 88)
			b.ReportAllocs()
			b.SetBytes(100)
			for i := 0; b.Loop(); i++ {
				if err := targets[i%len(targets)].Send(key, value, int64(i), nil); err != nil {
					b.Fatal(err)
				}
				if i%1000 == 0 {
					p.Kick()
				}
			}
			require.NoError(b, p.Flush(b.Context()))
		})
	}
}

// BenchmarkEncode is what making sarama's records of a batch costs its connection's goroutine.
func BenchmarkEncode(b *testing.B) {
	batch, e := &batch{}, &encoder{}
	batch.begin(&Target{})
	key, value := bytes.Repeat([]byte("k"), 12), bytes.Repeat([]byte("v"), 88)
	for i := range 1000 {
		batch.add(storedSize(key, value, nil), key, value, int64(i), nil)
	}
	batches := encodable{batch}
	b.ReportAllocs()
	for b.Loop() {
		e.begin(batches)
		_ = e.encode(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}

// encodable is what an encoder begins with.
type encodable = []*batch
