// SPDX-License-Identifier: Apache-2.0

package state

import (
	"time"

	"github.com/tidwall/btree"
)

// The core's view of a MapStore. In the database a row's key is the prefix and the bytes of K, in the changelog the
// bytes of K; the value is the bytes of V in both, so that restoring decodes nothing.

func (m *MapStore[K, V]) appendLogKey(dst []byte, r *mapRow[K, V]) ([]byte, error) {
	return m.keys.codec.Append(dst, r.key)
}

func (m *MapStore[K, V]) appendDBKey(dst []byte, r *mapRow[K, V]) ([]byte, error) {
	return m.keys.codec.Append(dst, r.key)
}

func (m *MapStore[K, V]) appendValue(dst []byte, r *mapRow[K, V]) ([]byte, error) {
	return m.values.codec.Append(dst, r.val)
}

func (m *MapStore[K, V]) gone(*mapRow[K, V]) bool     { return false }
func (m *MapStore[K, V]) keySize(r *mapRow[K, V]) int { return m.keys.size(&r.key) }
func (m *MapStore[K, V]) own(r *mapRow[K, V])         { m.values.own(&r.val) }
func (m *MapStore[K, V]) shape() uint64               { return 0 }
func (m *MapStore[K, V]) flushMark(Log) (int, error)  { return 0, nil }
func (m *MapStore[K, V]) ahead() bool                 { return false }
func (m *MapStore[K, V]) learn() error                { return nil }

func (m *MapStore[K, V]) writeMark(Batch, time.Time, time.Duration) error { return nil }

func (m *MapStore[K, V]) unlink(_ int32, r *mapRow[K, V], lost bool) {
	delete(m.index, r.key)
	if lost {
		m.extent = part
	}
}

func (m *MapStore[K, V]) clear() {
	m.index = make(map[K]int32)
	m.extent = unasked
	if m.order != nil {
		m.order = new(btree.Map[string, int32])
	}
}

func (m *MapStore[K, V]) hold(i int32, r *mapRow[K, V]) {
	if m.order != nil {
		if k, ok := m.orderKey(r); ok {
			m.order.Set(k, i)
		}
	}
}

func (m *MapStore[K, V]) settle(_ int32, r *mapRow[K, V]) {
	if m.order != nil {
		if k, ok := m.orderKey(r); ok {
			m.order.Delete(k)
		}
	}
}

// orderKey is what a row is sorted by. A key that cannot be encoded fails the task, not the scan.
func (m *MapStore[K, V]) orderKey(r *mapRow[K, V]) (string, bool) {
	b, err := m.keys.codec.Append(make([]byte, 0, 32), r.key)
	if err != nil {
		m.core.fail(err)
		return "", false
	}
	return string(b), true
}

func (m *MapStore[K, V]) restore(b Batch, key, value []byte) error {
	m.extent = unasked
	m.core.key = append(append(m.core.key[:0], m.core.back.Prefix...), key...)
	if value == nil {
		return b.Delete(m.core.key)
	}
	return b.Set(m.core.key, value)
}
