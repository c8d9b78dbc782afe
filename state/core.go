// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"log/slog"
	"time"
	"unsafe"
)

// core is what all kinds of stores share: the cached rows, which of them differ from the changelog and from the
// database, and their way from one to the other. A kind adds the index by which rows are found, and the bytes.
//
//	        insert              change                Flush
//	(none) ────────▶ clean ──────────────▶ dirty ───────────────▶ queued
//	   ▲              │ ▲                                        │  │  ▲
//	   └── evict ─────┘ └───────────── WriteBehind ──────────────┘  │  │ Flush: keeps its place
//	   └── drop ── from each of them (expiry)             change    ▼  │
//	                                                        queued and dirty
//
// Owner: the task's goroutine.
//
//  1. A row is in clean, or in queue, or it is dirty and in neither; no row is in two lists.
//  2. dirty[r.dirtyAt] is the row's own number exactly for the rows that are dirty; the other places are 0.
//  3. The numbers (seq) of queue ascend: it is ordered by the offset at which rows became newer than the database.
//  4. A clean row says what the database says. A dirty one is never written there: it is not committed.
//  5. bytes is the sum of all sizes, held the sum over the rows that are queued or dirty.
//  6. A position is never above the offset of a queued row.
type core[R any] struct {
	kind kind[R]
	spec Spec
	back Backing

	rows    slab[row[R]]
	dirty   []int32
	changed int // rows in dirty
	fresh   int // rows that the Flush at work has queued
	owed    int // rows that were due and did not fit into the last batch
	queue   list
	clean   list
	log     backlog

	bytes, held, limit int
	fixed              int // bytes of a row without what its pointers lead to
	typical            int // recent length of an encoded value, what a value is taken to weigh until it is encoded
	weighs             bool
	scans              int // walks in progress: rows must keep their numbers

	position   int64 // as last written, -1 when none
	positionAt time.Time

	epoch    uint64 // counts how often everything was forgotten
	stats    Stats
	key, val []byte // scratch
	warmed   uint8  // keeps warm's reads from being left out
}

// row is one cached row: the kind's part, and where it stands.
type row[R any] struct {
	it         R
	seq        int64 // in queue: number of the record that made it newer than the database
	next, prev int32 // in clean or queue
	dirtyAt    int32 // its place in dirty
	size       uint32
	flags      uint8
}

// What is known of a row.
const (
	present uint8 = 1 << iota // it has a value; otherwise it is known to be absent
	used                      // since eviction last looked
	dirty                     // changed since the last Flush
	queued                    // committed, or about to be, and newer than the database
	unborn                    // known to be absent in the changelog as of the last Flush
)

// kind is what a kind of store adds to the core. Nothing of it is called for a hit.
type kind[R any] interface {
	// appendLogKey and appendDBKey append the key in the changelog and, without the prefix, in the database.
	appendLogKey(dst []byte, r *R) ([]byte, error)
	appendDBKey(dst []byte, r *R) ([]byte, error)
	appendValue(dst []byte, i int32, r *R) ([]byte, error)
	// beside puts into b what the kind keeps in the database beside row i, whose key there is in key.
	beside(b Batch, key []byte, i int32) error
	// gone rows have expired: they are dropped instead of written.
	gone(r *R) bool
	// hold and settle say that row i begins and ceases to differ from the database.
	hold(i int32, r *R)
	settle(i int32, r *R)
	// unlink takes row i out of the index. With lost the database has a value for it that the cache now lacks.
	unlink(i int32, r *R, lost bool)
	// keySize is what the key takes beyond the fixed size.
	keySize(r *R) int
	// own makes the value independent of the record that it may have been cut from.
	own(r *R)
	// clear empties the index and everything else that is known; learn reads what is needed from the database.
	clear()
	learn() error
	// shape is a number that changes when the layout in the database does.
	shape() uint64
	// restore puts one changelog record into b.
	restore(b Batch, key, value []byte) error
	// flushMark and writeMark carry what a kind keeps beside its rows, before and after the rows respectively. ahead says
	// that it has changed since the last Flush, so that rows are missing from the queue that a recovery would need.
	flushMark(log Log) (n int, err error)
	writeMark(b Batch, now time.Time, interval time.Duration) error
	ahead() bool
	// each gives all rows to who does not know their types.
	each(yield func(key, value any, start int64) bool)
	// check verifies the kind's invariants, in checked builds.
	check()
}

// init makes the core of a store of kind k and reads what the database knows of it. weighs says that values have
// pointers, so that their size is not their type's.
func (s *core[R]) init(k kind[R], spec Spec, b Backing, indexBytes int, weighs bool) {
	s.kind, s.spec, s.back, s.weighs = k, spec, b, weighs
	if s.back.Log == nil {
		s.back.Log = slog.New(slog.DiscardHandler)
	}
	if s.back.Fail == nil {
		s.back.Fail = func(err error) { panic(err) }
	}
	s.fixed = int(unsafe.Sizeof(row[R]{})) + indexBytes
	s.limit = b.Limit
	if s.limit <= 0 {
		s.limit = DefaultLimit
	}
	s.key, s.val = make([]byte, 0, 64), make([]byte, 0, 64)
	if err := s.Forget(); err != nil {
		s.fail(err)
	}
}

// fail hands an error to the task.
func (s *core[R]) fail(err error) {
	s.back.Fail(fmt.Errorf("store %q: %w", s.spec.Name, err))
}

// insert adds a clean row, present or absent, which the caller then links into its index. The rows that make room
// for it are evicted first, so that the new one is not among them.
func (s *core[R]) insert(flags uint8) (int32, *row[R]) {
	s.evict()
	i, r := s.rows.alloc()
	r.flags = flags | used
	s.push(&s.clean, i)
	return i, r
}

// weigh sets the size of row i, whose value takes n bytes when encoded.
func (s *core[R]) weigh(r *row[R], n int) {
	size := s.fixed + s.kind.keySize(&r.it)
	if s.weighs && r.flags&present != 0 {
		size += n
	}
	by := size - int(r.size)
	s.bytes += by
	if r.flags&(dirty|queued) != 0 {
		s.held += by
	}
	r.size = uint32(size)
}

// weighed keeps the typical size of a value.
func (s *core[R]) weighed(n int) { s.typical += (n - s.typical) / 8 }

// change marks row i as changed since the last Flush.
func (s *core[R]) change(i int32, r *row[R]) {
	if r.flags&dirty != 0 {
		return
	}
	if r.flags&queued == 0 {
		s.remove(&s.clean, i)
		s.held += int(r.size)
		s.kind.hold(i, &r.it)
	}
	r.flags |= dirty
	r.dirtyAt = int32(len(s.dirty))
	s.dirty = append(s.dirty, i)
	s.changed++
}

// warmAhead is how many rows are warmed together.
const warmAhead = 32

// warm reads a little of each of the rows, which is to be done before they are worked on one after the other. Rows that
// changed lie all over memory; the processor waits for all of them at once here, instead of for each in its turn.
func (s *core[R]) warm(rows []int32) {
	for _, i := range rows {
		if i != 0 {
			s.warmed ^= s.rows.at(i).flags
		}
	}
}

// touch notes a use, for eviction.
func (r *row[R]) touch() {
	if r.flags&used == 0 {
		r.flags |= used
	}
}

// cleaned puts row i, no longer dirty or queued, among the clean ones.
func (s *core[R]) cleaned(i int32, r *row[R]) {
	s.held -= int(r.size)
	s.push(&s.clean, i)
	s.kind.settle(i, &r.it)
}

// unqueue takes row i out of the queue.
func (s *core[R]) unqueue(i int32, r *row[R]) {
	s.remove(&s.queue, i)
	s.log.left(r.seq)
	r.flags &^= queued
}

// drop removes row i whatever its state: it has expired.
func (s *core[R]) drop(i int32, r *row[R]) {
	if r.flags&(dirty|queued) != 0 {
		s.held -= int(r.size)
	} else {
		s.remove(&s.clean, i)
	}
	if r.flags&dirty != 0 {
		s.dirty[r.dirtyAt] = 0
		s.changed--
	}
	if r.flags&queued != 0 {
		s.unqueue(i, r)
	}
	s.forgetRow(i, r, false)
}

func (s *core[R]) forgetRow(i int32, r *row[R], lost bool) {
	s.kind.unlink(i, &r.it, lost)
	s.bytes -= int(r.size)
	s.rows.release(i)
}

// evict makes room by forgetting clean rows, those that were not used for the longest time first: a row that was used
// since it came to the head of the list goes round once more. Rows that are not clean stay, and the cache is then
// larger than its limit until the worker, which sees Pressure, has committed and written behind.
func (s *core[R]) evict() {
	for s.bytes+s.fixed > s.limit && s.clean.n > 0 && s.scans == 0 {
		i := s.clean.head
		r := s.rows.at(i)
		if r.flags&used != 0 {
			r.flags &^= used
			s.remove(&s.clean, i)
			s.push(&s.clean, i)
			continue
		}
		s.remove(&s.clean, i)
		s.forgetRow(i, r, r.flags&present != 0)
		s.stats.Evictions++
	}
}

// fetch reads a row's value from the database. The key without the prefix is in s.key.
func (s *core[R]) fetch() (value []byte, ok bool) {
	s.stats.Misses++
	value, ok, err := s.back.DB.Get(s.key, s.val)
	if err != nil {
		s.fail(fmt.Errorf("read: %w", err))
		return nil, false
	}
	if cap(value) > cap(s.val) {
		s.val = value[:0]
	}
	return value, ok
}

// Spec implements Instance.
func (s *core[R]) Spec() Spec { return s.spec }

// SetLimit implements Instance.
func (s *core[R]) SetLimit(bytes int) {
	s.limit = bytes
	s.evict()
}

// Pressure implements Instance. WriteBehind brings held down to half the limit, so between a commit and the next
// Pressure at least a quarter of it can be filled with changes. A walk that has read more than the limit, none of which
// goes before it has ended, is pressure too.
func (s *core[R]) Pressure() bool {
	return s.held > s.limit/4*3 || s.scans > 0 && s.bytes > s.limit && s.bytes-s.limit > s.limit/4
}

// Stats implements Instance.
func (s *core[R]) Stats() Stats {
	st := s.stats
	st.Rows, st.Bytes, st.HeldBytes = s.rows.live(), s.bytes, s.held
	st.Dirty, st.Queued = s.changed, s.queue.n
	return st
}
