// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/stream"
)

// Event is one step of a feed: a record for an input topic, made by Send or Delete. The zero Event is a barrier: what
// came before it is there, for readers at read committed, before what follows.
type Event struct {
	record    *kgo.Record
	reference bool
	err       error
}

// Send is a record. Its Kafka timestamp is at.
func Send[K, V any](topic stream.Topic[K, V], key K, value V, at time.Time) Event {
	encoded, err := topic.Value.Append([]byte{}, value)
	if err != nil {
		return Failed(fmt.Errorf("cannot encode a value for topic %s: %w", topic.Name, err))
	}
	return event(topic, key, encoded, at)
}

// Delete is a record with a null value.
func Delete[K, V any](topic stream.Topic[K, V], key K, at time.Time) Event {
	return event(topic, key, nil, at)
}

func event[K, V any](topic stream.Topic[K, V], key K, value []byte, at time.Time) Event {
	encoded, err := topic.Key.Append([]byte{}, key)
	switch {
	case err != nil:
		return Failed(fmt.Errorf("cannot encode a key for topic %s: %w", topic.Name, err))
	case topic.Partition != nil:
		return Failed(errors.New("topic " + topic.Name + " has a Partition function, which a feed does not know to use"))
	}
	return Event{record: &kgo.Record{Topic: topic.Name, Key: encoded, Value: value, Timestamp: at}}
}

// Reference marks a record that is there for the work, such as a table's row, and not part of it: -n does not count it.
func Reference(e Event) Event {
	e.reference = true
	return e
}

// Failed ends the feed and the program with an error.
func Failed(err error) Event { return Event{err: err} }

// Record is what is fed, nil for a barrier, and the error of one that Failed made.
func (e Event) Record() (*kgo.Record, error) { return e.record, e.err }

// barrier says whether the event is nothing but that.
func (e Event) barrier() bool { return e.record == nil && e.err == nil }
