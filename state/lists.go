// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"

	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/stream/codec"
)

// List declares a store of a list per key: values are added at the end and leave at the front.
type List[K comparable, V any] struct {
	// Name is durable and unique in the topology. The values are kept in a second store, Name with "-items".
	Name  string
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// Unlogged: no changelog. The store begins empty whenever the task begins or recovers.
	Unlogged bool
}

// Open opens the store in a task. Once per task.
func (d List[K, V]) Open(p Place) *ListStore[K, V] {
	ends := Map[K, ends]{Name: d.Name, Key: d.Key, Value: endsCodec{}, Unlogged: d.Unlogged}
	items := Map[item[K], V]{Name: d.Name + "-items", Key: itemCodec[K]{d.Key}, Value: d.Value, Unlogged: d.Unlogged}
	return &ListStore[K, V]{ends: ends.Open(p), items: items.Open(p)}
}

// ListStore is an open List.
//
// A value is a row of its own under the list's key and a number that is counted up, so that appending writes the value
// and the list's ends however long the list is, and memory holds what is in use of it. Lists that are empty leave
// nothing behind.
//
// Owner: the task's goroutine.
//
//  1. items holds exactly the rows (k, i) with ends[k].first ≤ i < ends[k].next.
//  2. No list that ends holds is empty.
type ListStore[K comparable, V any] struct {
	ends  *MapStore[K, ends]
	items *MapStore[item[K], V]
	ahead [readAhead]item[K] // scratch of Scan
}

// ends are the number of a list's first value and that of the one to come.
type ends struct{ first, next int64 }

// item is the key of a value.
type item[K comparable] struct {
	key K
	at  int64
}

// readAhead is how many values Scan and Trim ask the database for at once.
const readAhead = 64

// Len is the number of values in the list of k.
func (s *ListStore[K, V]) Len(k K) int {
	e, _ := s.ends.Get(k)
	return int(e.next - e.first)
}

// Append adds v at the end of the list of k.
func (s *ListStore[K, V]) Append(k K, v V) {
	e, _ := s.ends.Upsert(k)
	at := e.next
	e.next++
	s.items.putNew(item[K]{k, at}, v)
}

// Get is the i-th value in the list of k, from 0 at the front.
func (s *ListStore[K, V]) Get(k K, i int) (v V, ok bool) {
	e, _ := s.ends.Get(k)
	if i < 0 || int64(i) >= e.next-e.first {
		return v, false
	}
	return s.items.Get(item[K]{k, e.first + int64(i)})
}

// Scan calls yield for the values of k from the front, until it returns false. It sees the task's own changes that are
// not committed. yield may change the store: it sees what is appended meanwhile, and nothing that is trimmed; when it
// empties the list the scan ends. A list may be longer than memory.
func (s *ListStore[K, V]) Scan(k K, yield func(v V) bool) {
	e, ok := s.ends.Get(k)
	for at, fetched := e.first, e.first; ok && at < e.next; at++ {
		if at >= fetched {
			fetched = s.fetch(k, at, e.next)
		}
		v, there := s.items.Get(item[K]{k, at})
		if invariants.Enabled {
			invariants.Check(there, "store %q: (1) value %d of key %v is missing", s.ends.core.spec.Name, at, k)
		}
		if !there || !yield(v) {
			return // not there: the task has failed
		}
		was := e
		e, ok = s.ends.Get(k)
		if e.first < was.first || e.next < was.next { // emptied, and begun anew
			return
		}
		at = max(at, e.first-1)
	}
}

// fetch brings the values from at on, but not from end, into the cache, and gives the number after the last of them.
func (s *ListStore[K, V]) fetch(k K, at, end int64) int64 {
	n := min(end-at, readAhead)
	for i := range n {
		s.ahead[i] = item[K]{k, at + i}
	}
	s.items.Prefetch(s.ahead[:n])
	return at + n
}

// Trim removes the first n values of k, or all when there are fewer, and gives their number.
func (s *ListStore[K, V]) Trim(k K, n int) int {
	e, _ := s.ends.Get(k)
	n = int(min(int64(max(n, 0)), e.next-e.first))
	switch {
	case n == 0:
		return 0
	case e.first+int64(n) == e.next:
		s.ends.Delete(k)
	default:
		u, _ := s.ends.Upsert(k)
		u.first += int64(n)
	}
	for i := range int64(n) {
		s.items.deleteKnown(item[K]{k, e.first + i})
	}
	return n
}

// Keys calls yield for every key that has a list, with its length, in the order of the keys' bytes, until it returns
// false. See [MapStore.Scan].
func (s *ListStore[K, V]) Keys(yield func(k K, n int) bool) {
	s.ends.Scan(func(k K, e *ends) bool { return yield(k, int(e.next-e.first)) })
}

// endsCodec writes [first, 8 bytes][next, 8 bytes].
type endsCodec struct{}

func (endsCodec) Append(dst []byte, e ends) ([]byte, error) {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(e.first)), uint64(e.next)), nil
}

func (endsCodec) Decode(src []byte) (e ends, err error) {
	if len(src) != 16 {
		return e, fmt.Errorf("ends of a list: %d bytes", len(src))
	}
	return ends{int64(binary.BigEndian.Uint64(src)), int64(binary.BigEndian.Uint64(src[8:]))}, nil
}

// itemCodec writes [key][number, 8 bytes].
type itemCodec[K comparable] struct{ key codec.Codec[K] }

func (c itemCodec[K]) Append(dst []byte, i item[K]) ([]byte, error) {
	dst, err := c.key.Append(dst, i.key)
	return binary.BigEndian.AppendUint64(dst, uint64(i.at)), err
}

func (c itemCodec[K]) Decode(src []byte) (i item[K], err error) {
	end := len(src) - 8
	if end < 0 {
		return i, fmt.Errorf("value of a list: key of %d bytes is too short", len(src))
	}
	i.at = int64(binary.BigEndian.Uint64(src[end:]))
	i.key, err = c.key.Decode(src[:end:end])
	return i, err
}
