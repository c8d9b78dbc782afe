// SPDX-License-Identifier: Apache-2.0

package state

// DB is the ordered key-value database behind all stores of a process. Keys are compared as bytes; none is empty.
//
// It may be used from any goroutine. It has no write-ahead log: after a crash it holds what it held after some prefix
// of the committed batches, at least up to the last Flush. Never half a batch, never a later one without an earlier
// one.
type DB interface {
	// Get appends the value of key to dst[:0]. ok is false when there is none. The value is the caller's.
	Get(key, dst []byte) (value []byte, ok bool, err error)
	// Scan iterates over the keys in [lower, upper) as they are now; nil is no bound, and lower is not above upper. It
	// stands before the first key.
	Scan(lower, upper []byte) (Iterator, error)
	// NewBatch gives an empty batch.
	NewBatch() Batch
	// Flush returns when every batch committed so far survives a crash.
	Flush() error
	// Close flushes and closes. Iterators must be closed before.
	Close() error
}

// Iterator walks over a snapshot of a DB in ascending order of keys, and back to the last one if asked. One goroutine.
type Iterator interface {
	// Next moves to the next key, at first to the first one, and tells whether there is one.
	Next() bool
	// SeekGE moves to the first key that is not below key.
	SeekGE(key []byte) bool
	// Last moves to the last key.
	Last() bool
	// Key and Value are valid until the next move. The caller must not change them.
	Key() []byte
	Value() []byte
	// Err is what ended the walk too early, if anything did.
	Err() error
	Close() error
}

// Batch collects writes that become visible together. Later writes win over earlier ones. One goroutine.
type Batch interface {
	// Set, Delete and DeleteRange copy what they are given.
	Set(key, value []byte) error
	Delete(key []byte) error
	// DeleteRange deletes all keys in [lower, upper).
	DeleteRange(lower, upper []byte) error
	// Len is the number of writes, Bytes about the size of their keys and values.
	Len() int
	Bytes() int
	// Commit applies the batch and empties it for further use. After an error its effect is unknown.
	Commit() error
	// Close drops the batch. It must not be used any more.
	Close() error
}
