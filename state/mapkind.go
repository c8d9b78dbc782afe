// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
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

func (m *MapStore[K, V]) appendValue(dst []byte, i int32, r *mapRow[K, V]) ([]byte, error) {
	if m.ttl != nil {
		dst = binary.BigEndian.AppendUint64(dst, uint64(m.ttl.written[i]))
	}
	return m.values.codec.Append(dst, r.val)
}

func (m *MapStore[K, V]) gone(*mapRow[K, V]) bool     { return false }
func (m *MapStore[K, V]) keySize(r *mapRow[K, V]) int { return m.keys.size(&r.key) }
func (m *MapStore[K, V]) own(r *mapRow[K, V])         { m.values.own(&r.val) }
func (m *MapStore[K, V]) ahead() bool                 { return false }

// shape implements kind: that of a store with a time to live has an index beside the rows.
func (m *MapStore[K, V]) shape() uint64 {
	if m.ttl == nil {
		return 0
	}
	return uint64(m.ttl.segment)
}

func (m *MapStore[K, V]) learn() error {
	if m.ttl == nil {
		return nil
	}
	return m.ttl.learn(m.core.back.DB, m.core.back.Prefix)
}

// beside implements kind: when the row dies.
func (m *MapStore[K, V]) beside(b Batch, key []byte, i int32) error {
	if m.ttl == nil {
		return nil
	}
	return m.ttl.index(b, key, m.ttl.written[i])
}

// flushMark implements kind. It logs no mark: what has died becomes deleted rows, which the Flush at work logs.
func (m *MapStore[K, V]) flushMark(Log) (int, error) {
	if m.ttl == nil {
		return 0, nil
	}
	return 0, m.sweep()
}

// writeMark implements kind.
func (m *MapStore[K, V]) writeMark(b Batch, _ time.Time, _ time.Duration) error {
	if m.ttl == nil {
		return nil
	}
	for _, key := range m.ttl.swept {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	m.ttl.swept = nil
	return nil
}

func (m *MapStore[K, V]) unlink(_ int32, r *mapRow[K, V], lost bool) {
	delete(m.index, r.key)
	if lost {
		m.extent = part
	}
}

func (m *MapStore[K, V]) clear() {
	m.index = make(map[K]int32)
	m.extent = unasked
	if m.ttl != nil {
		m.ttl.forget()
	}
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
	if m.ttl != nil {
		written, _, err := m.ttl.split(value)
		if err != nil {
			return err
		}
		if err := m.ttl.index(b, m.core.key, written); err != nil {
			return err
		}
	}
	return b.Set(m.core.key, value)
}
