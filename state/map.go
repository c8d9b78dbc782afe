// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/irmak-go/irmak/stream/codec"
)

// Map declares a store of one value per key, kept until it is deleted.
type Map[K comparable, V any] struct {
	// Name is durable and unique in the topology.
	Name string
	// Key and Value encode what the store holds. Scans follow the order of Key's bytes.
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// TTL is how long rows live after they were last written. Defaults to forever. A store that was opened without one
	// before needs a new name, because the values in its changelog have no times.
	TTL TTL
	// Unlogged: no changelog. The store begins empty whenever the task begins or recovers.
	Unlogged bool
}

// Open opens the store in a task. Once per task.
func (d Map[K, V]) Open(p Place) *MapStore[K, V] {
	spec := Spec{Name: d.Name, Kind: KindMap, TTL: d.TTL, Unlogged: d.Unlogged}
	in := p.OpenStore(spec, func(b Backing) Instance {
		m := &MapStore[K, V]{keys: ownerOf(d.Key), values: ownerOf(d.Value), ttl: newExpiry(d.TTL, b)}
		beside := mapIndexBytes[K]()
		if m.ttl != nil {
			beside += writtenLen
		}
		m.core.init(m, spec, b, beside, pointers(reflect.TypeFor[V]()))
		return &m.core
	})
	return handle[*MapStore[K, V], mapRow[K, V]](in, d.Name)
}

// handle is the store behind what a place gave.
func handle[S kind[R], R any](in Instance, name string) S {
	if c, ok := in.(*core[R]); ok {
		if s, ok := c.kind.(S); ok {
			return s
		}
	}
	panic(fmt.Sprintf("two stores are named %q and hold different types: give each its own name", name))
}

// mapIndexBytes is about what an entry of a map[K]int32 takes, given how full such maps are on average.
func mapIndexBytes[K comparable]() int {
	var k K
	return (int(unsafe.Sizeof(k)) + 4 + 1) * 3 / 2
}

// MapStore is an open Map.
//
// Owner: the task's goroutine.
//
//  1. index[r.key] is the number of r for every cached row r.
//  2. Once a scan has been made, order holds exactly the rows that differ from the database, by their keys' bytes.
//  3. While extent is whole, every key that has a value in the database is in index.
type MapStore[K comparable, V any] struct {
	core   core[mapRow[K, V]]
	index  map[K]int32
	order  *btree.Map[string, int32] // nil until the first scan
	extent extent
	keys   owner[K]
	values owner[V]
	ttl    *expiry // nil: forever
}

type mapRow[K comparable, V any] struct {
	key K
	val V
}

// Get is the value of k.
func (m *MapStore[K, V]) Get(k K) (v V, ok bool) {
	i := m.index[k]
	if i == 0 {
		if i = m.load(k); i == 0 {
			return v, false
		}
	}
	r := m.core.rows.at(i)
	r.touch()
	if !m.alive(i, r) {
		return v, false
	}
	return r.it.val, true
}

// alive says whether row i has a value that has not died.
func (m *MapStore[K, V]) alive(i int32, r *row[mapRow[K, V]]) bool {
	return r.flags&present != 0 && (m.ttl == nil || !m.ttl.dead(i))
}

// Has says whether k has a value.
func (m *MapStore[K, V]) Has(k K) bool {
	_, ok := m.Get(k)
	return ok
}

// Upsert gives a pointer to the value of k for the caller to change, a zero value when there was none (existed is
// false), and takes it as changed. The pointer is valid until the next call on the store.
func (m *MapStore[K, V]) Upsert(k K) (v *V, existed bool) {
	i := m.index[k]
	if i == 0 {
		if i = m.load(k); i == 0 {
			return new(V), false
		}
	}
	r := m.core.rows.at(i)
	r.touch()
	if existed = m.alive(i, r); !existed {
		m.revive(r)
	}
	m.written(i, r)
	return &r.it.val, existed
}

// revive makes an absent row a present one with a zero value.
func (m *MapStore[K, V]) revive(r *row[mapRow[K, V]]) {
	var zero V
	r.it.val = zero
	r.flags |= present
	m.core.weigh(r, m.core.typical)
}

// Put sets the value of k, without reading the old one.
func (m *MapStore[K, V]) Put(k K, v V) {
	i := m.index[k]
	if i == 0 {
		i = m.add(k, present)
	}
	r := m.core.rows.at(i)
	r.touch()
	if r.flags&present == 0 {
		m.revive(r)
	}
	r.it.val = v
	m.written(i, r)
}

// written marks row i as changed now.
func (m *MapStore[K, V]) written(i int32, r *row[mapRow[K, V]]) {
	if m.ttl != nil {
		m.ttl.touch(i)
	}
	m.core.change(i, r)
}

// Delete removes k and says whether it was there.
func (m *MapStore[K, V]) Delete(k K) bool {
	i := m.index[k]
	if i == 0 {
		if i = m.load(k); i == 0 {
			return false
		}
	}
	r := m.core.rows.at(i)
	if r.flags&present == 0 {
		return false
	}
	alive := m.alive(i, r)
	m.core.change(i, r)
	m.absent(r)
	return alive
}

func (m *MapStore[K, V]) absent(r *row[mapRow[K, V]]) {
	var zero V
	r.it.val = zero
	r.flags &^= present
	m.core.weigh(r, 0)
}

// Len is about how many keys are in the cache. Those that are only in the database are not counted, those that are
// known to be absent are.
func (m *MapStore[K, V]) Len() int { return len(m.index) }

// Changed calls yield for the rows that changed since the last commit, in the order in which they first did, until it
// returns false. present is false for a row that was deleted. Rows that came and went in between are left out. yield
// must not change the store.
func (m *MapStore[K, V]) Changed(yield func(k K, v *V, exists bool) bool) {
	for at, i := range m.core.dirty {
		if at%warmAhead == 0 {
			m.core.warm(m.core.dirty[at:min(at+warmAhead, len(m.core.dirty))])
		}
		if i == 0 {
			continue
		}
		r := m.core.rows.at(i)
		if r.flags&(present|unborn) == unborn {
			continue
		}
		if !yield(r.it.key, &r.it.val, m.alive(i, r)) {
			return
		}
	}
}

// putNew is Put for a key of which it is known that neither the changelog nor the database has a value.
func (m *MapStore[K, V]) putNew(k K, v V) {
	if m.index[k] == 0 {
		m.add(k, unborn)
	}
	m.Put(k, v)
}

// deleteKnown is Delete for a key of which it is known that it has a value: that is not read.
func (m *MapStore[K, V]) deleteKnown(k K) {
	if m.index[k] == 0 {
		m.add(k, present)
	}
	m.Delete(k)
}

// extent is what the cache knows of the database.
type extent uint8

const (
	unasked extent = iota
	part           // the database may have values for keys that the cache does not hold
	whole          // it has none: a key that is not in the cache is absent
)

// load brings k into the cache, as absent if it has no value. 0 after a failure.
//
// A store that began empty and has not evicted a value yet is whole in the cache: its new keys cost no read.
func (m *MapStore[K, V]) load(k K) int32 {
	if !m.encode(k) || m.extent == unasked && !m.survey() {
		return 0
	}
	if m.extent == whole {
		return m.add(k, unborn)
	}
	enc, ok := m.core.fetch()
	if !ok {
		return m.add(k, unborn)
	}
	i, err := m.adopt(k, enc)
	if err != nil {
		m.core.fail(fmt.Errorf("value of key %v: %w", k, err))
	}
	return i
}

// survey sets extent: whole when the database has nothing of the store yet.
func (m *MapStore[K, V]) survey() bool {
	prefix := m.core.back.Prefix
	it, err := m.core.back.DB.Scan(prefix, after(prefix))
	if err == nil {
		m.extent = whole
		if it.Next() {
			m.extent = part
		}
		err = errors.Join(it.Err(), it.Close())
	}
	if err != nil {
		m.extent = unasked
		m.core.fail(fmt.Errorf("read: %w", err))
	}
	return err == nil
}

// adopt makes a row of k, which the cache does not have, of what the database has. 0 after an error.
func (m *MapStore[K, V]) adopt(k K, enc []byte) (int32, error) {
	v, written, err := m.decode(enc)
	if err != nil {
		return 0, err
	}
	i := m.add(k, present)
	if m.ttl != nil {
		m.ttl.set(i, written)
	}
	r := m.core.rows.at(i)
	r.it.val = v
	m.core.weighed(len(enc))
	m.core.weigh(r, len(enc))
	return i, nil
}

// decode gives a stored value, and when it was written, if that is known.
func (m *MapStore[K, V]) decode(enc []byte) (v V, written int64, err error) {
	if m.ttl != nil {
		if written, enc, err = m.ttl.split(enc); err != nil {
			return v, 0, err
		}
	}
	v, err = m.values.decode(enc)
	return v, written, err
}

// encode puts k's database key into the scratch key.
func (m *MapStore[K, V]) encode(k K) bool {
	var err error
	m.core.key, err = m.keys.codec.Append(append(m.core.key[:0], m.core.back.Prefix...), k)
	if err != nil {
		m.core.fail(fmt.Errorf("key %v: %w", k, err))
	}
	return err == nil
}

// add makes a clean row for k.
func (m *MapStore[K, V]) add(k K, flags uint8) int32 {
	i, r := m.core.insert(flags)
	r.it.key = m.keys.clone(k)
	m.core.weigh(r, m.core.typical)
	m.index[r.it.key] = i
	if m.ttl != nil {
		m.ttl.set(i, 0)
	}
	return i
}
