// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"unsafe"

	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/stream/codec"
)

// View is a task's way into a Replica: it decodes rows, and keeps those that it has read lately.
//
// The cache is two maps. A row that is read enters young; when young has taken half of the limit it becomes old, and
// what was old goes. So a row stays that was read at least once while half of the cache was filled anew; there are no
// links to keep, and nothing is written for a hit in young.
//
// Owner: the task's goroutine.
//
//  1. A cached row whose generation is its slot's present one says what the replica says.
//  2. size is the sum of the sizes of the rows in young, and at most half of the limit, or one row.
type View[K comparable, V any] struct {
	r      *Replica // nil in a plan: nothing is there
	keys   owner[K]
	values owner[V]
	fail   func(error)

	young, old  map[K]viewRow[V]
	size, limit int
	fixed       int
	key, val    []byte // scratch
}

// viewRow is a row as it was when its slot had a generation.
type viewRow[V any] struct {
	val              V
	at               int64
	slot, generation uint32
	size             int32
	ok               bool // else it is known to be absent
}

// NewView gives a view of r, which may be nil: then it is empty. fail is told of errors, after which rows seem absent.
func NewView[K comparable, V any](r *Replica, key codec.Codec[K], value codec.Codec[V], fail func(error)) *View[K, V] {
	return &View[K, V]{
		r: r, keys: ownerOf(key), values: ownerOf(value), fail: fail, limit: DefaultLimit,
		young: map[K]viewRow[V]{}, old: map[K]viewRow[V]{},
		fixed: (int(unsafe.Sizeof(viewRow[V]{})) + mapIndexBytes[K]()) * 3 / 2,
	}
}

// SetLimit bounds the cache, in bytes.
func (v *View[K, V]) SetLimit(bytes int) { v.limit = bytes }

// Get is the row of k, and the event time of its last update in milliseconds.
func (v *View[K, V]) Get(k K) (val V, at int64, ok bool) {
	row, cached := v.young[k]
	if !cached {
		if row, cached = v.old[k]; cached && v.fresh(&row) {
			v.keep(v.keys.clone(k), row)
		}
	}
	if !cached || !v.fresh(&row) {
		row = v.load(k)
	}
	return row.val, row.at, row.ok
}

func (v *View[K, V]) fresh(row *viewRow[V]) bool { return v.r.now(row.slot) == row.generation }

// load reads the row of k from the replica.
func (v *View[K, V]) load(k K) (row viewRow[V]) {
	if v.r == nil {
		return row
	}
	var err error
	if v.key, err = v.keys.codec.Append(append(v.key[:0], v.r.prefixes[0]...), k); err != nil {
		v.fail(fmt.Errorf("%s: key %v: %w", v.r.name, k, err))
		return row
	}
	row.slot = v.r.slot(v.key[prefixLen:])
	row.generation = v.r.now(row.slot) // before the row is read: see Replica
	enc, at, ok, err := v.r.get(v.key, v.val)
	if err == nil && ok {
		v.val = enc[:0]
		row.val, err = v.values.decode(enc[8:])
		row.at, row.ok = at, true
	}
	if err != nil {
		v.fail(fmt.Errorf("%s: value of key %v: %w", v.r.name, k, err))
		return viewRow[V]{}
	}
	row.size = int32(v.fixed + v.keys.size(&k) + len(enc))
	delete(v.old, k)
	v.keep(v.keys.clone(k), row)
	return row
}

// keep puts a row into young.
func (v *View[K, V]) keep(k K, row viewRow[V]) {
	if was, ok := v.young[k]; ok {
		v.size -= int(was.size)
		delete(v.young, k)
	}
	if v.size > 0 && v.size+int(row.size) > v.limit/2 {
		v.old, v.young, v.size = v.young, map[K]viewRow[V]{}, 0
	}
	v.young[k] = row
	v.size += int(row.size)
	if invariants.Enabled {
		invariants.Check(v.size <= max(v.limit/2, int(row.size)),
			"%s: (2) %d bytes of a limit of %d are young", v.r.name, v.size, v.limit)
	}
}
