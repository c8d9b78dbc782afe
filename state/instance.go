// SPDX-License-Identifier: Apache-2.0

package state

import "time"

// Log takes a store's changes at a commit: the changelog partition.
type Log interface {
	// Append adds one record. A nil value is a delete, an empty one is not. It copies what it is given. timeMs is the
	// record's time, NoTime for that of the wall, which is what all kinds of stores ask for at present.
	Append(key, value []byte, timeMs int64) error
}

// NoTime asks for the wall time. The broker compares a record's time with its own clock when it deletes old records,
// and when it refuses those from the future: a row of a day that is being processed again would be deleted at once, a
// timer for tomorrow refused. Counted from when a row was last written, retention does what it says.
const NoTime int64 = -1

// Instance is the engine's side of an open store. All calls come from the goroutine that owns the task, or, while a
// store is being restored, from the one goroutine that restores it and before the operators have seen it.
//
// A commit is, in this order, with nothing else between Flush and the end of the transaction:
//
//	n := Flush(log)          every changed row is encoded once, in the order of first change
//	… the records are acknowledged …
//	Acked(first, count)      … once per run of offsets, in order, n in all
//	… the transaction is committed …
//	for more { more = WriteBehind(batch, now, interval); batch.Commit() }
//
// When the transaction is aborted, or anything failed: Forget, replay from Position with Restore, go on.
type Instance interface {
	// Spec is what the store was declared as.
	Spec() Spec

	// Flush appends every row that changed since the last Flush to log, once, in the order in which they first changed,
	// and returns how many records that were. A row that came and went in between leaves nothing. An Unlogged store never
	// touches log, which may then be nil.
	Flush(log Log) (n int, err error)

	// Acked says that the next n records of what Flush appended got the offsets first, first+1 and so on. With n = 0 it
	// says that first is the next offset of interest: a replay need not begin before it unless a queued change asks for
	// it.
	Acked(first int64, n int)

	// WriteBehind puts the queued rows that are due into b, oldest first, and the new position. Everything that was
	// flushed must have been committed, and nothing changed since: it stops at a row that has, and does nothing after an
	// expiry, because what a recovery would need is then no longer in the cache. It paces itself so that, called at each
	// commit, no row waits longer than interval, and it writes more when queued rows take up too much of the cache;
	// interval 0 writes everything (a graceful stop). A store in which nothing changes gets its position dated anew now
	// and then. It stops when b has grown to MaxBatchBytes: then more is true, and
	// it wants to be called again with an empty batch. b must be committed before the store is used again; if that fails
	// the task must be recovered.
	WriteBehind(b Batch, now time.Time, interval time.Duration) (more bool, err error)

	// Position is from where the changelog must be replayed, as the database has it. ok is false when it has none: replay
	// everything. When its topic is not the changelog's, its offset lies outside the log, or it is so old that the log
	// may have forgotten deletes that came after it: Clear, then replay everything.
	Position() (p Position, ok bool, err error)

	// Restore puts one committed changelog record into b. Between Forget (or open) and the last Restore nothing else may
	// be called but SetPosition, Clear and Position. SetPosition goes into the same batch as the records before offset.
	Restore(b Batch, key, value []byte, timeMs, offset int64) error
	SetPosition(b Batch, offset int64, now time.Time) error

	// Clear puts the deletion of everything this store holds into b, position included.
	Clear(b Batch) error

	// Forget drops the cache and with it every change that is not in the database. Handles and limits stay.
	Forget() error

	// Pressure is true when changed and queued rows take up so much of the cache that the worker should commit now, and
	// while a walk has read much more than the cache may hold.
	Pressure() bool
	// SetLimit bounds the cache, in bytes. Rows that are not yet in the database cannot be evicted, so it is kept by
	// committing (Pressure) and writing behind.
	SetLimit(bytes int)
	// Stats is the store's condition. Like everything here it is the owner's to ask for.
	Stats() Stats
}

// Position is a place in a changelog.
type Position struct {
	// Topic is the id of the topic that Offset belongs to.
	Topic [16]byte
	// Offset is the first offset that is not yet known to be in the database.
	Offset int64
	// At is when it was written, in milliseconds of wall time: the database was up to date with the changelog then.
	At int64
}

// MaxBatchBytes is the size at which WriteBehind takes a batch to be full.
const MaxBatchBytes = 4 << 20

// Stats is a store's condition, for metrics and tests.
type Stats struct {
	Rows      int           // in the cache
	Bytes     int           // of the cache
	HeldBytes int           // of rows that cannot be evicted: dirty or queued
	Dirty     int           // rows changed since the last Flush
	Queued    int           // rows newer than the database
	QueueAge  time.Duration // of the oldest queued row, at the last WriteBehind
	Misses    int64         // reads of the database
	Evictions int64
	Written   int64 // rows written behind
}
