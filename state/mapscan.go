// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tidwall/btree"
)

// Scan calls yield for every key that has a value, in the order of the keys' bytes, until it returns false. It sees
// the task's own changes that are not committed. yield may change the store: rows that it deletes further on are not
// seen any more, rows that it adds may or may not be. v is for reading only.
func (m *MapStore[K, V]) Scan(yield func(k K, v *V) bool) { m.scan(nil, nil, yield) }

// ScanRange is Scan over the keys in [from, to).
func (m *MapStore[K, V]) ScanRange(from, to K, yield func(k K, v *V) bool) {
	lower, err := m.keys.codec.Append(nil, from)
	if err != nil {
		m.core.fail(fmt.Errorf("key %v: %w", from, err))
		return
	}
	upper, err := m.keys.codec.Append([]byte{}, to)
	if err != nil {
		m.core.fail(fmt.Errorf("key %v: %w", to, err))
		return
	}
	if bytes.Compare(lower, upper) < 0 {
		m.scan(lower, upper, yield)
	}
}

// ScanPrefix is Scan over the keys whose bytes begin with prefix.
func (m *MapStore[K, V]) ScanPrefix(prefix []byte, yield func(k K, v *V) bool) {
	m.scan(prefix, after(prefix), yield)
}

// overlayRow is a row that differs from the database, under its key there.
type overlayRow struct {
	key string
	row int32
}

// overlay is the rows in [lower, upper) that differ from the database, in order. The first call sorts all of them, from
// then on hold and settle keep order up to date: stores that are never scanned do not pay for it.
func (m *MapStore[K, V]) overlay(lower, upper []byte) (rows []overlayRow) {
	if m.order == nil {
		m.order = new(btree.Map[string, int32])
		for _, i := range m.core.dirty {
			if i != 0 {
				m.hold(i, &m.core.rows.at(i).it)
			}
		}
		for i := m.core.queue.head; i != 0; i = m.core.rows.at(i).next {
			m.hold(i, &m.core.rows.at(i).it)
		}
	}
	up := string(upper)
	m.order.Ascend(string(lower), func(k string, i int32) bool {
		if upper != nil && k >= up {
			return false
		}
		rows = append(rows, overlayRow{k, i})
		return true
	})
	return rows
}

// scan merges the database with the overlay; nil bounds are none, and both are without the prefix.
func (m *MapStore[K, V]) scan(lower, upper []byte, yield func(k K, v *V) bool) {
	prefix := m.core.back.Prefix
	end := after(prefix)
	if upper != nil {
		end = concat(prefix, upper)
	}
	it, err := m.core.back.DB.Scan(concat(prefix, lower), end)
	if err != nil {
		m.core.fail(fmt.Errorf("scan: %w", err))
		return
	}
	m.core.scans++
	defer func() {
		m.core.scans--
		if err := it.Close(); err != nil {
			m.core.fail(fmt.Errorf("scan: %w", err))
		}
	}()
	over := m.overlay(lower, upper)
	for it.Next() {
		key := it.Key()[len(prefix):]
		for len(over) > 0 && strings.Compare(over[0].key, string(key)) < 0 {
			if !m.yieldCached(over[0].row, yield) {
				return
			}
			over = over[1:]
		}
		if len(over) > 0 && over[0].key == string(key) {
			if !m.yieldCached(over[0].row, yield) {
				return
			}
			over = over[1:]
			continue
		}
		if !m.yieldStored(key, it.Value(), yield) {
			return
		}
	}
	if err := it.Err(); err != nil {
		m.core.fail(fmt.Errorf("scan: %w", err))
		return
	}
	for _, o := range over {
		if !m.yieldCached(o.row, yield) {
			return
		}
	}
}

func (m *MapStore[K, V]) yieldCached(i int32, yield func(k K, v *V) bool) bool {
	r := m.core.rows.at(i)
	return !m.alive(i, r) || yield(r.it.key, &r.it.val)
}

// yieldStored yields a row of the database, unless the cache knows better: yield itself may have changed it just now.
func (m *MapStore[K, V]) yieldStored(key, value []byte, yield func(k K, v *V) bool) bool {
	k, err := m.keys.decode(key)
	if err != nil {
		m.core.fail(fmt.Errorf("key %x: %w", key, err))
		return false
	}
	if i := m.index[k]; i != 0 {
		return m.yieldCached(i, yield)
	}
	v, written, err := m.decode(value)
	if err != nil {
		m.core.fail(fmt.Errorf("value of key %v: %w", k, err))
		return false
	}
	return m.ttl != nil && m.ttl.death(written) <= m.ttl.now() || yield(k, &v)
}

func concat(a, b []byte) []byte { return append(append(make([]byte, 0, len(a)+len(b)), a...), b...) }
