// SPDX-License-Identifier: Apache-2.0

// Package memory is a state database in memory: for tests, and for state that is small or that may be restored from
// Kafka whenever the process starts.
package memory

import (
	"sync"

	"github.com/tidwall/btree"

	"github.com/irmak-go/irmak/state"
)

// DB is a state.DB in memory. Any goroutine may use it; mu guards the fields.
//
//  1. Values are never changed once they are in data.
//  2. flushed is data as it was at the last Flush.
type DB struct {
	mu            sync.RWMutex
	data, flushed *btree.Map[string, []byte]
}

var _ state.DB = (*DB)(nil)

// New gives an empty database.
func New() *DB {
	return &DB{data: new(btree.Map[string, []byte]), flushed: new(btree.Map[string, []byte])}
}

// Get implements state.DB.
func (d *DB) Get(key, dst []byte) ([]byte, bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	v, ok := d.data.Get(string(key))
	return append(dst[:0], v...), ok, nil
}

// Scan implements state.DB. The tree is copied when it is next written to, page by page: a scan holds up nobody.
func (d *DB) Scan(lower, upper []byte) (state.Iterator, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &iterator{it: d.data.Copy().Iter(), lower: string(lower), upper: string(upper), bounded: upper != nil}, nil
}

// NewBatch implements state.DB.
func (d *DB) NewBatch() state.Batch { return &batch{db: d} }

// Flush implements state.DB.
func (d *DB) Flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushed = d.data.Copy()
	return nil
}

// Close implements state.DB.
func (d *DB) Close() error { return d.Flush() }

// Crash takes the database back to the last Flush: what a real one may look like after kill -9.
func (d *DB) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data = d.flushed.Copy()
}
