// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The values are those of Kafka's own UtilsTest.testMurmur2.
func TestMurmur2IsJavas(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		require.Equal(t, want, int32(Murmur2([]byte(key))), key)
	}
}

// franz-go's default partitioner is Java's too; the two were written independently.
func TestPartitionForAgreesWithAnotherClient(t *testing.T) {
	t.Parallel()
	other := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	key := make([]byte, 0, 64)
	for i := range 64 {
		key = append(key, byte(i*37+200))
		for _, n := range []int32{1, 2, 7, 64} {
			want := other.Partition(&kgo.Record{Key: key}, int(n))
			require.Equal(t, int32(want), PartitionFor(key, n), "key of %d bytes, %d partitions", len(key), n)
		}
	}
}
