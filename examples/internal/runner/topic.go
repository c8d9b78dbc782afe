// SPDX-License-Identifier: Apache-2.0

package runner

import "github.com/irmak-go/irmak/stream"

// Topic is a topic that a program needs; see TopicOf.
type Topic struct {
	name       string
	partitions int32
	compacted  bool
}

// TopicOf is a topic with so many partitions. It keeps all records, however old their event times are.
func TopicOf[K, V any](topic stream.Topic[K, V], partitions int32) Topic {
	return Topic{name: topic.Name, partitions: partitions}
}

// Compact is the topic that keeps the newest record per key.
func (t Topic) Compact() Topic {
	t.compacted = true
	return t
}
