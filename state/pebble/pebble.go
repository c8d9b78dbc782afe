// SPDX-License-Identifier: Apache-2.0

// Package pebble is the state database on disk. It is the only package that imports github.com/cockroachdb/pebble.
package pebble

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/state"
)

// Options are how a database is opened. The zero value works.
type Options struct {
	// Memory is what block cache and memtables may take together, in bytes. Defaults to 64 MiB; at least 4 MiB.
	Memory int64
	// Log takes what Pebble has to say; its chatter is at level Debug. Defaults to nothing.
	Log *slog.Logger
	// Clock tells when the directory was locked, and for how long the disk has taken no writes. Defaults to the system's.
	Clock clock.Clock

	fs vfs.FS // of tests; nil is the machine's
}

const (
	defaultMemory = 64 << 20
	minMemory     = 4 << 20
	minMemtable   = 512 << 10
	maxMemtable   = 64 << 20
	// memtableShare is the part of the memory that one memtable takes. Pebble reserves memtables out of the block cache,
	// so that two of half the cache's size leave nothing to cache blocks in: then a read costs twenty times as much.
	memtableShare = 8
	// memtablesQueued is how many memtables may wait for their flush before writers have to: half of the memory.
	memtablesQueued = 4
	// bloomBits per key: one of a hundred keys that are not in a table is looked for in it all the same.
	bloomBits = 10
)

// format is the newest on-disk format of Pebble v2.1.7. It is written out so that raising it, which no older program
// can then read, is a decision.
const format = pebble.FormatValueSeparation

// DB is a state.DB on disk. Any goroutine may use it.
//
// Its write-ahead log is off: the changelog in Kafka is one. What was flushed survives a crash, and Pebble flushes
// memtables in the order in which they were written, so what survives is always some prefix of the batches.
type DB struct {
	db    *pebble.DB
	cache *pebble.Cache
	lock  *lock
	watch *watch
	left  atomic.Bool // a commit waits in Pebble, for ever
}

var _ state.DB = (*DB)(nil)

// Open opens the database in a directory, which it makes if need be. One process at a time: another one gets an error
// that names the process in its way.
func Open(dir string, o Options) (*DB, error) {
	if o.fs == nil {
		o.fs = vfs.Default
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Clock == nil {
		o.Clock = clock.System
	}
	o.Memory = max(cmp.Or(o.Memory, defaultMemory), minMemory)
	if err := o.fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	lock, err := lockDir(o.fs, dir, o.Clock)
	if err != nil {
		return nil, err
	}
	d := &DB{cache: pebble.NewCache(o.Memory), lock: lock, watch: newWatch(o.Clock, o.Log)}
	if d.db, err = pebble.Open(dir, d.options(o)); err != nil {
		d.cache.Unref()
		return nil, errors.Join(fmt.Errorf("state directory %s: %w: if its files are damaged, remove it, and the state "+
			"is restored from Kafka", dir, err), lock.release())
	}
	return d, nil
}

func (d *DB) options(o Options) *pebble.Options {
	p := &pebble.Options{
		FS:                          o.fs,
		Lock:                        d.lock.held,
		Cache:                       d.cache,
		DisableWAL:                  true,
		FormatMajorVersion:          format,
		Logger:                      logger{o.Log},
		EventListener:               d.watch.listener(),
		MemTableSize:                uint64(min(max(o.Memory/memtableShare, minMemtable), maxMemtable)),
		MemTableStopWritesThreshold: memtablesQueued,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	return p
}

// Get implements state.DB.
func (d *DB) Get(key, dst []byte) ([]byte, bool, error) {
	v, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst[:0], false, nil
	}
	if err != nil {
		return dst[:0], false, err
	}
	dst = append(dst[:0], v...)
	return dst, true, closer.Close()
}

// Scan implements state.DB.
func (d *DB) Scan(lower, upper []byte) (state.Iterator, error) {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: slices.Clone(lower), UpperBound: slices.Clone(upper)})
	if err != nil {
		return nil, err
	}
	return &iterator{it: it}, nil
}

// NewBatch implements state.DB.
func (d *DB) NewBatch() state.Batch { return &batch{d, d.db.NewBatch()} }

// Flush implements state.DB.
func (d *DB) Flush() error {
	_, err := d.watch.try(d.db.Flush)
	return err
}

// Close implements state.DB. A database that has given up while a commit was waiting cannot be closed: it stays locked
// until the process ends, so that nobody opens what may still be written.
func (d *DB) Close() error {
	err := d.Flush()
	if d.left.Load() {
		return err
	}
	err = errors.Join(err, d.db.Close())
	d.cache.Unref()
	return errors.Join(err, d.lock.release())
}
