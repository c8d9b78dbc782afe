// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// TTL is how long rows live after they were last written. The zero value is forever.
type TTL struct {
	// After is the time to live, at least a millisecond. A row that was last written at t is not seen any more from
	// t + After on; reading does not prolong its life. Then it is deleted, in the changelog too: a sixteenth of After
	// later at most, or as fast as rows are written at all when very many go at once.
	After time.Duration
	// Wall measures by the wall clock. Defaults to false: by the clock of the operator that opened the store, which must
	// have one: on quiet input nothing expires.
	Wall bool
}

// ttlParts is how many segments a time to live is cut into: what is gone waits for the end of its segment, and a row
// that is rewritten all the time leaves that many entries. ADR 0009.
const ttlParts = 16

// sweepLeast is how many entries a commit looks at when nothing was written; it looks at twice as many as rows were
// written beside, so that the entries cannot pile up.
const sweepLeast = 256

// expiry is what a MapStore with a time to live keeps beside its rows: when each was last written, and in the database,
// by segments of the time at which they die, an entry for each row.
//
//	row     prefix key            → [written, 8 bytes][value]
//	entry    'e' prefix segment key → nothing
//
// Owner: the store's.
//
//  1. Every row of the database has an entry in the segment of its death; an entry may have no row.
//  2. The database has no entry in a segment below low.
//  3. swept are entries whose rows are gone, or live longer, with the changes that the last Flush has seen.
type expiry struct {
	after, segment int64 // ms
	clock          func() int64
	latest         int64   // time never goes back
	written        []int64 // by number of the row
	low            int64
	swept          [][]byte // keys of entries, to be deleted with the next WriteBehind
	key            []byte   // scratch
}

// writtenLen is the length of the time before a value.
const writtenLen = 8

var expiryPfx = []byte{0, 0, 0, 0, 'e'}

// newExpiry is nil without a time to live.
func newExpiry(ttl TTL, b Backing) *expiry {
	if ttl.After <= 0 {
		return nil
	}
	e := &expiry{after: max(ttl.After.Milliseconds(), 1), clock: b.EventTime, low: math.MaxInt64}
	if ttl.Wall {
		e.clock = b.WallTime
	}
	if e.clock == nil {
		e.clock = func() int64 { return 0 }
	}
	e.segment = (e.after + ttlParts - 1) / ttlParts
	return e
}

func (e *expiry) now() int64 {
	e.latest = max(e.latest, e.clock())
	return e.latest
}

// touch notes that row i is written now.
func (e *expiry) touch(i int32) { e.set(i, e.now()) }

func (e *expiry) set(i int32, at int64) {
	for int(i) >= len(e.written) {
		e.written = append(e.written, 0)
	}
	e.written[i] = at
}

// dead says whether row i is past its time.
func (e *expiry) dead(i int32) bool { return e.death(e.written[i]) <= e.now() }

// death is when a row dies that was written at a time.
func (e *expiry) death(written int64) int64 { return written + min(e.after, math.MaxInt64-written) }

// split takes the time off a stored value.
func (e *expiry) split(enc []byte) (written int64, value []byte, err error) {
	if len(enc) < writtenLen || enc[0] > math.MaxInt8 {
		return 0, nil, fmt.Errorf("value %x has no time of writing before it: a store that gets a TTL needs a new name", enc)
	}
	return int64(binary.BigEndian.Uint64(enc)), enc[writtenLen:], nil
}

// entryKey is the key of the entry of a row: rowKey is that of the row, with the prefix.
func (e *expiry) entryKey(dst, rowKey []byte, written int64) []byte {
	dst = e.segmentKey(dst, rowKey[:prefixLen], e.death(written)/e.segment)
	return append(dst, rowKey[prefixLen:]...)
}

func (e *expiry) segmentKey(dst, prefix []byte, segment int64) []byte {
	dst = append(append(dst, expiryPfx...), prefix...)
	return binary.BigEndian.AppendUint64(dst, uint64(segment))
}

// segmentAt is where the segment of an entry stands in its key.
var segmentAt = len(expiryPfx) + prefixLen

// index puts the entry of a row into b.
func (e *expiry) index(b Batch, rowKey []byte, written int64) error {
	e.low = min(e.low, e.death(written)/e.segment)
	e.key = e.entryKey(e.key[:0], rowKey, written)
	return b.Set(e.key, nil)
}

// forget is for a store that has forgotten its rows.
func (e *expiry) forget() { e.written, e.swept, e.low, e.latest = nil, nil, math.MaxInt64, 0 }

// learn finds the lowest entry.
func (e *expiry) learn(db DB, prefix []byte) error {
	it, err := db.Scan(e.segmentKey(nil, prefix, 0), after(concat(expiryPfx, prefix)))
	if err != nil {
		return err
	}
	if it.Next() {
		e.low = int64(binary.BigEndian.Uint64(it.Key()[segmentAt:]))
	}
	err = it.Err()
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	return err
}

// sweep deletes rows that have died, those of the lowest segments first: some of them, for it is called at each commit.
//
// Entries that it has looked at go with the next WriteBehind, not before. What it has seen may be a row that is newer
// than the database's and not committed: after an abort the older one is there again, and needs its entry.
func (m *MapStore[K, V]) sweep() error {
	e := m.ttl
	end := e.now() / e.segment // what dies in this segment may live still
	if e.low >= end || len(e.swept) > 0 {
		return nil
	}
	prefix := m.core.back.Prefix
	it, err := m.core.back.DB.Scan(e.segmentKey(nil, prefix, e.low), e.segmentKey(nil, prefix, end))
	if err != nil {
		return err
	}
	room := sweepLeast + 2*m.core.changed
	for ; room > 0 && err == nil && it.Next(); room-- {
		e.swept = append(e.swept, append([]byte(nil), it.Key()...))
		err = m.bury(it.Key()[segmentAt+segmentLen:])
	}
	if err == nil {
		err = it.Err()
	}
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	if room > 0 {
		e.low = end
	}
	return err
}

// bury deletes the row with the given key bytes if it is there and dead.
func (m *MapStore[K, V]) bury(key []byte) error {
	k, err := m.keys.decode(key)
	if err != nil {
		return fmt.Errorf("key %x: %w", key, err)
	}
	i := m.index[k]
	if i == 0 {
		m.core.key = append(append(m.core.key[:0], m.core.back.Prefix...), key...)
		enc, ok := m.core.fetch()
		if !ok {
			return nil
		}
		written, _, err := m.ttl.split(enc)
		if err != nil || m.ttl.death(written) > m.ttl.now() {
			return err
		}
		i = m.add(k, present)
		m.ttl.set(i, written)
	}
	if r := m.core.rows.at(i); r.flags&present != 0 && m.ttl.dead(i) {
		m.core.change(i, r)
		m.absent(r)
	}
	return nil
}

// checkEntries verifies that the rows of the database have their entries, when they are few.
func (m *MapStore[K, V]) checkEntries() {
	e := m.ttl
	m.core.stored(func(row, value []byte) {
		written, _, err := e.split(value)
		if err != nil {
			return
		}
		_, ok, err := m.core.back.DB.Get(e.entryKey(nil, row, written), nil)
		invariants.Check(err != nil || ok || m.index[m.keyOf(row)] != 0,
			"store %q: (ttl 1) row %x has no entry", m.core.spec.Name, row)
		invariants.Check(!ok || e.death(written)/e.segment >= e.low || len(e.swept) > 0,
			"store %q: (ttl 2) row %x has an entry below %d", m.core.spec.Name, row, e.low)
	})
}

func (m *MapStore[K, V]) keyOf(rowKey []byte) (k K) {
	k, _ = m.keys.decode(rowKey[prefixLen:])
	return k
}
