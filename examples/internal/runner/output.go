// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/stream"
)

// Record is a committed record of an output topic.
type Record[K, V any] struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       K // the zero value for a null key
	Value     V // the zero value for a null value
	Null      bool
	Time      time.Time // in UTC
	Before    bool      // it was there when the program started
}

// Output is an output topic that is read; see Watch.
type Output struct {
	Topic string
	// Tell gives the line to print about a record, "" for none. before: it was there when the program started. An error
	// is that of a record that is not what the topic's codecs write.
	Tell func(r *kgo.Record, before bool) (line string, err error)
}

// Watch gives each record of a topic to tell, those of a partition in order. What tell returns is printed as a line,
// unless it is empty, or the record was there before: that was printed then.
func Watch[K, V any](topic stream.Topic[K, V], tell func(r Record[K, V]) string) Output {
	return Output{Topic: topic.Name, Tell: func(r *kgo.Record, before bool) (string, error) {
		out := Record[K, V]{
			Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Null: r.Value == nil, Time: r.Timestamp.UTC(),
			Before: before,
		}
		var err error
		if r.Key != nil {
			if out.Key, err = topic.Key.Decode(r.Key); err != nil {
				return "", fmt.Errorf("the key of %s/%d at offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
		if r.Value != nil {
			if out.Value, err = topic.Value.Decode(r.Value); err != nil {
				return "", fmt.Errorf("the value of %s/%d at offset %d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
		line := tell(out)
		if before {
			line = ""
		}
		return line, nil
	}}
}
