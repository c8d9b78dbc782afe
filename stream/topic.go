// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/stream/codec"
)

// Topic is a Kafka topic with the types of its keys and values. It is a value: write it once, and use it in the
// topology, in tests and in whatever else reads or writes the topic.
type Topic[K, V any] struct {
	// Name is the topic's name. The topic must exist; only topics between operators are created.
	Name string
	// Key and Value say how keys and values are encoded.
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// Time gives a value's event time. A zero or negative time is a decode error. Defaults to the Kafka timestamp.
	Time func(V) time.Time
	// Disorder is how far a record may lie behind the newest one without being late: operators' clocks stay behind the
	// highest event time by that much. Defaults to 0.
	Disorder time.Duration
	// Idle is the wall time without a record after which clocks follow the wall, by that distance, so that windows close
	// on quiet input; behind windows that send panes when they close, by as much more as they hold back. What comes later
	// than that is late, so it is for live input: old records that are read once more want none. Defaults to 0: never;
	// only records move clocks.
	Idle time.Duration
	// NullValues passes records with a null value on, flagged; stateful operators drop and count them all the same.
	// Defaults to false: a stream drops and counts them where it is read. In tables a null value is a delete anyway.
	NullValues bool
	// Partition chooses the partition of a key when the topic is written, among n. Defaults to Kafka's own: murmur2 of the
	// key's bytes; records without a key are spread evenly.
	Partition func(key K, n int32) int32
}

func (t *Topic[K, V]) check() error {
	err := graph.CheckTopic(t.Name)
	switch {
	case err != nil:
		return err
	case t.Key == nil:
		return fmt.Errorf("topic %q has no Key codec", t.Name)
	case t.Value == nil:
		return fmt.Errorf("topic %q has no Value codec", t.Name)
	case t.Disorder < 0:
		return fmt.Errorf("topic %q: Disorder is %v; it must not be negative", t.Name, t.Disorder)
	case t.Idle < 0:
		return fmt.Errorf("topic %q: Idle is %v; it must not be negative", t.Name, t.Idle)
	}
	return nil
}
