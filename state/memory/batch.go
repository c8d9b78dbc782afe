// SPDX-License-Identifier: Apache-2.0

package memory

import "bytes"

// batch is the list of its writes.
type batch struct {
	db     *DB
	writes []write
	bytes  int
}

type write struct {
	kind       kind
	key, value []byte // value is the upper bound of a range
}

type kind uint8

const (
	set kind = iota
	remove
	removeRange
)

func (b *batch) add(k kind, key, value []byte) error {
	b.writes = append(b.writes, write{k, bytes.Clone(key), append([]byte{}, value...)})
	b.bytes += len(key) + len(value)
	return nil
}

func (b *batch) Set(key, value []byte) error           { return b.add(set, key, value) }
func (b *batch) Delete(key []byte) error               { return b.add(remove, key, nil) }
func (b *batch) DeleteRange(lower, upper []byte) error { return b.add(removeRange, lower, upper) }
func (b *batch) Len() int                              { return len(b.writes) }
func (b *batch) Bytes() int                            { return b.bytes }
func (b *batch) Close() error                          { b.writes, b.bytes = nil, 0; return nil }

// Commit implements state.Batch.
func (b *batch) Commit() error {
	b.db.mu.Lock()
	defer b.db.mu.Unlock()
	for _, w := range b.writes {
		switch w.kind {
		case set:
			b.db.data.Set(string(w.key), w.value)
		case remove:
			b.db.data.Delete(string(w.key))
		case removeRange:
			b.db.removeRange(string(w.key), string(w.value))
		}
	}
	b.writes, b.bytes = b.writes[:0], 0
	return nil
}

func (d *DB) removeRange(lower, upper string) {
	var keys []string
	d.data.Ascend(lower, func(k string, _ []byte) bool {
		if k >= upper {
			return false
		}
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		d.data.Delete(k)
	}
}
