// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// Timed is a value with the event time of its last update, in milliseconds.
type Timed[V any] struct {
	Value V
	Time  int64
}

// Rows is a store of rows with their times: what a table is kept in.
type Rows[K comparable, V any] struct {
	store *state.MapStore[K, Timed[V]]
}

// OpenRows opens the store of a table in a task, under the given name.
func OpenRows[K comparable, V any](t *Task, name string, key codec.Codec[K], value codec.Codec[V]) *Rows[K, V] {
	return &Rows[K, V]{store: state.Map[K, Timed[V]]{Name: name, Key: key, Value: TimedCodec(value)}.Open(t)}
}

// Get implements Reader.
func (r *Rows[K, V]) Get(k K) (v V, at int64, ok bool) {
	t, ok := r.store.Get(k)
	return t.Value, t.Time, ok
}

// Put sets the row of k.
func (r *Rows[K, V]) Put(k K, v V, at int64) { r.store.Put(k, Timed[V]{v, at}) }

// Delete removes the row of k.
func (r *Rows[K, V]) Delete(k K) { r.store.Delete(k) }

// Store is the store itself.
func (r *Rows[K, V]) Store() *state.MapStore[K, Timed[V]] { return r.store }

// timeWidth is the length of the time before a value.
const timeWidth = 8

type timedCodec[V any] struct{ value codec.Codec[V] }

// TimedCodec puts eight bytes before what value writes: the time, big-endian.
func TimedCodec[V any](value codec.Codec[V]) codec.Codec[Timed[V]] { return timedCodec[V]{value} }

func (c timedCodec[V]) Append(dst []byte, v Timed[V]) ([]byte, error) {
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(v.Time)), v.Value)
}

func (c timedCodec[V]) Decode(src []byte) (v Timed[V], err error) {
	if len(src) < timeWidth {
		return v, fmt.Errorf("a row of %d bytes has no time before its value", len(src))
	}
	v.Time = int64(binary.BigEndian.Uint64(src))
	v.Value, err = c.value.Decode(src[timeWidth:])
	return v, err
}
