// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// Replica is a full copy of a topic in the database of one process, the newest value per key, which all tasks of the
// process read, each through a [View] of its own. It has no changelog: the topic is one.
//
// Views keep what they have read, without a lock. They learn that it is old from generations: every key falls into
// one of some thousand slots, and a commit that changes a row moves the generation of its slot. A view reads the
// generation, then the database; if it sees the row as it was before the commit it has the generation from before too.
//
// Owner: one goroutine writes, that is, calls everything but what views call.
//
//  1. Rows and the positions up to which they are the topic's are in one batch of the database.
//  2. A generation moves after the commit that it stands for, and never goes back.
type Replica struct {
	name      string
	db        DB
	prefixes  [][]byte // of each partition of the topic; all rows are under the first, the positions under each
	batch     Batch
	touched   []uint32 // slots of the rows in batch
	seed      maphash.Seed
	slots     [replicaSlots]atomic.Uint32
	positions []Position
	key, val  []byte // scratch
}

// replicaSlots is how finely changes are told apart: what shares a slot with a changed row is read once more. A power
// of two.
const replicaSlots = 1 << 14

// OpenReplica opens the copy called name of a topic with some partitions. What is in it holds up to Position.
func OpenReplica(db DB, c *Catalogue, name string, partitions int32) (*Replica, error) {
	r := &Replica{name: name, db: db, seed: maphash.MakeSeed(), positions: make([]Position, partitions)}
	for p := range partitions {
		prefix, err := c.Prefix(name, p)
		if err != nil {
			return nil, err
		}
		r.prefixes = append(r.prefixes, prefix)
	}
	r.batch = db.NewBatch()
	return r, nil
}

// Position is up to where a partition of the topic is in the copy; ok is false when nothing of it is.
func (r *Replica) Position(partition int32) (p Position, ok bool, err error) {
	p, ok, err = (&Backing{DB: r.db, Prefix: r.prefixes[partition]}).Position()
	if err != nil {
		return p, false, fmt.Errorf("%s: %w", r.name, err)
	}
	return p, ok, nil
}

// Clear deletes everything, positions included.
func (r *Replica) Clear() error {
	for _, prefix := range r.prefixes {
		if err := clearPrefix(r.batch, prefix); err != nil {
			return fmt.Errorf("%s: clear: %w", r.name, err)
		}
	}
	for slot := range uint32(replicaSlots) {
		r.touched = append(r.touched, slot)
	}
	return r.Commit()
}

// Set makes value the row of key, which was written at a time in milliseconds of event time, with the next Commit.
func (r *Replica) Set(key, value []byte, at int64) error {
	r.place(key)
	r.val = append(binary.BigEndian.AppendUint64(r.val[:0], uint64(at)), value...)
	if err := r.batch.Set(r.key, r.val); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

// Delete removes the row of key with the next Commit.
func (r *Replica) Delete(key []byte) error {
	r.place(key)
	if err := r.batch.Delete(r.key); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

func (r *Replica) place(key []byte) {
	r.key = append(append(r.key[:0], r.prefixes[0]...), key...)
	r.touched = append(r.touched, r.slot(key))
}

// SetPosition moves the position of a partition with the next Commit.
func (r *Replica) SetPosition(partition int32, p Position) error {
	if invariants.Enabled {
		was := r.positions[partition]
		invariants.Check(p.Topic != was.Topic || p.Offset >= was.Offset,
			"%s: position of partition %d goes back from %d to %d", r.name, partition, was.Offset, p.Offset)
	}
	r.positions[partition] = p
	if err := r.batch.Set(metaKey(nil, r.prefixes[partition], positionTag), appendPosition(nil, 0, p)); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

// Full says that the batch of the next Commit is large enough.
func (r *Replica) Full() bool { return r.batch.Bytes() >= MaxBatchBytes }

// Commit makes what was set since the last one visible to all views.
func (r *Replica) Commit() error {
	if err := r.batch.Commit(); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	for _, slot := range r.touched {
		r.slots[slot].Add(1)
	}
	r.touched = r.touched[:0]
	return nil
}

// Close drops what was not committed.
func (r *Replica) Close() error { return r.batch.Close() }

// slot is that of the key with the given bytes. Any goroutine.
func (r *Replica) slot(key []byte) uint32 {
	return uint32(maphash.Bytes(r.seed, key)) & (replicaSlots - 1)
}

// now is the generation of a slot. Any goroutine.
func (r *Replica) now(slot uint32) uint32 { return r.slots[slot].Load() }

// get reads a row: its key is in key, behind room for the prefix. Any goroutine.
func (r *Replica) get(key, dst []byte) (value []byte, at int64, ok bool, err error) {
	copy(key, r.prefixes[0])
	value, ok, err = r.db.Get(key, dst)
	if err == nil && ok && (len(value) < 8 || value[0] > math.MaxInt8) {
		err = fmt.Errorf("row %x of %d bytes is damaged", key, len(value))
	}
	if err != nil || !ok {
		return nil, 0, false, err
	}
	return value, int64(binary.BigEndian.Uint64(value)), true, nil
}

// UpTo is the position of a copy that was brought up to an offset now.
func UpTo(topic [16]byte, offset int64, now time.Time) Position {
	return Position{Topic: topic, Offset: offset, At: now.UnixMilli()}
}
