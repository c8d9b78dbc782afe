// SPDX-License-Identifier: Apache-2.0

package pebble

import "github.com/cockroachdb/pebble/v2"

// iterator walks over a snapshot. Pebble's own begins with First, ours with Next.
type iterator struct {
	it    *pebble.Iterator
	begun bool
}

func (i *iterator) Next() bool {
	if !i.begun {
		i.begun = true
		return i.it.First()
	}
	return i.it.Next()
}

func (i *iterator) SeekGE(key []byte) bool {
	i.begun = true
	return i.it.SeekGE(key)
}

func (i *iterator) Last() bool {
	i.begun = true
	return i.it.Last()
}

func (i *iterator) Key() []byte { return i.it.Key() }

// Value is empty when it cannot be read; Err then says why.
func (i *iterator) Value() []byte {
	v, err := i.it.ValueAndErr()
	if err != nil {
		return nil
	}
	return v
}

func (i *iterator) Err() error   { return i.it.Error() }
func (i *iterator) Close() error { return i.it.Close() }

// batch is a Pebble batch that can be used again after its commit.
type batch struct {
	db *DB
	b  *pebble.Batch
}

func (b *batch) Set(key, value []byte) error           { return b.b.Set(key, value, nil) }
func (b *batch) Delete(key []byte) error               { return b.b.Delete(key, nil) }
func (b *batch) DeleteRange(lower, upper []byte) error { return b.b.DeleteRange(lower, upper, nil) }
func (b *batch) Len() int                              { return int(b.b.Count()) }
func (b *batch) Close() error                          { return b.b.Close() }

func (b *batch) Bytes() int {
	if b.b.Empty() {
		return 0
	}
	return b.b.Len()
}

// Commit takes a new batch, because a large one lives on in the queue of what is to be flushed.
func (b *batch) Commit() error {
	if b.b.Empty() {
		return nil
	}
	full := b.b
	b.b = b.db.db.NewBatch()
	left, err := b.db.watch.try(func() error { return full.Commit(pebble.NoSync) })
	if left {
		b.db.left.Store(true) // and full is Pebble's
		return err
	}
	if cerr := full.Close(); err == nil {
		err = cerr
	}
	return err
}
