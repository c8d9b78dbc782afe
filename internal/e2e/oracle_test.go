// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/stream/codec"
)

// tally is the oracle of a count with every update out: a key that came n times must have come out as 1, 2, … n, each
// once and in this order. Anything lost, doubled or taken from a wrong state breaks the row.
type tally struct {
	keys int
	n    map[string]int64
	next int
}

func newTally(keys int) *tally { return &tally{keys: keys, n: map[string]int64{}} }

// more gives n further records over all keys, each key always in the same one of partitions.
func (o *tally) more(n int, partitions int32) []record {
	records := make([]record, n)
	for i := range records {
		k := o.next % o.keys
		key := fmt.Sprintf("key-%d", k)
		records[i] = record{key: key, value: fmt.Sprint(o.next), partition: int32(k) % partitions}
		o.n[key]++
		o.next++
	}
	return records
}

// check holds the committed results against the oracle.
func (o *tally) check(t testing.TB, results []*kgo.Record) {
	t.Helper()
	rows := map[string]int64{}
	for _, r := range results {
		v, err := codec.Int64.Decode(r.Value)
		require.NoError(t, err)
		require.Equal(t, rows[string(r.Key)]+1, v, "%s at %d-%d", r.Key, r.Partition, r.Offset)
		rows[string(r.Key)] = v
	}
	require.Equal(t, o.n, rows)
}

// counted waits until all input of a count is committed, and checks what came out.
func (s *site) counted(a *app, group, in, out string, o *tally) {
	s.t.Helper()
	n := s.partitions(in)
	a.await(fmt.Sprintf("all of %d records are committed", o.next), func() bool {
		sum := 0
		for _, at := range s.positions(group, in, n) {
			sum += max(int(at), 0)
		}
		return sum >= o.next
	})
	o.check(s.t, s.committed(out))
}

// partitionOf is where Kafka's own clients put a key, of n partitions.
func partitionOf(key string, n int32) int32 {
	r := kgo.Record{Key: []byte(key)}
	return int32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&r, int(n)))
}
