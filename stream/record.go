// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"slices"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
)

// Record is one record on its way through a task.
//
// An operator gets a pointer that is valid during the call only, and must not change what it points to: other
// operators may get the same pointer. To keep a record, copy the struct, and Clone its Headers. Strings and byte slices
// in Key and Value are never overwritten.
type Record[K, V any] struct {
	Key     K
	Value   V
	Time    int64    // event time in milliseconds since the epoch, UTC; never negative
	Headers []Header // as they came, in order; nil when there are none

	NullKey   bool // Kafka's null, not the empty key; Key is the zero value
	NullValue bool // Kafka's null, in tables a delete; Value is the zero value
}

// When is the event time as a time.Time, in UTC.
func (r *Record[K, V]) When() time.Time { return time.UnixMilli(r.Time).UTC() }

// Header is one header of a record.
type Header = kafka.Header

// CloneHeaders copies headers for whoever keeps them after the call in which they came.
func CloneHeaders(headers []Header) []Header {
	out := slices.Clone(headers)
	for i := range out {
		out[i].Value = slices.Clone(out[i].Value)
	}
	return out
}

// Next hands a record on: to the next operator, or to several. Calling it is the only way to emit; it returns when
// everything that the record causes inside the task has happened.
type Next[K, V any] func(r *Record[K, V])

// Change is an update of a table's row. Old is what was sent as New the last time.
type Change[V any] struct {
	New, Old       V
	HasNew, HasOld bool // absent: a delete, or a row that did not exist

	// OutOfOrder updates, of versioned tables only, have changed the past: the newest version of the row is a later one.
	// Old is then what held at the update's time. Whatever is made of a table's newest rows, such as aggregations and
	// joins with other tables, passes them over.
	OutOfOrder bool
}
