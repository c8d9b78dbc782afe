// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/irmak-go/irmak/stream/codec"
)

// Session declares a store of sessions: spans of event time of a key, each with a value. Both ends belong to a session,
// its first and its last instant, in milliseconds, 0 ≤ first ≤ last.
type Session[K comparable, V any] struct {
	// Name is durable and unique in the topology.
	Name string
	// Key and Value encode what the store holds.
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// Segment and Retention are those of [Window], for the last instants of sessions.
	Segment, Retention int64
	// Unlogged: no changelog. The store begins empty whenever the task begins or recovers.
	Unlogged bool
}

// Open opens the store in a task. Once per task.
func (d Session[K, V]) Open(p Place) *SessionStore[K, V] {
	rows := Window[K, session[V]]{
		Name: d.Name, Key: d.Key, Value: sessionCodec[V]{d.Value},
		Segment: d.Segment, Retention: d.Retention, Unlogged: d.Unlogged,
	}
	return &SessionStore[K, V]{rows: rows.Open(p)}
}

// SessionStore is an open Session.
//
// A session is a row of a window store under its last instant. So those that reach into a span are the rows from where
// it begins, all sessions lie in the order in which they end, and those that ended long ago go as one range. Sessions
// of a key may overlap; those that end together share a row, which is meant for few of them.
//
// Owner: the task's goroutine.
//
//  1. The first instants of a row ascend, and none is after the one that it lies under.
//  2. Sessions behind the first of a row are never changed in place: a scan may be at work on them.
type SessionStore[K comparable, V any] struct {
	rows *WindowStore[K, session[V]]
}

// session is a row: the value, and where the session begins.
type session[V any] struct {
	first int64
	val   V
	later *session[V] // one that begins later and ends together with it; mostly nil
}

// find is the session of the row that begins at first, or nil.
func (s *session[V]) find(first int64) *session[V] {
	for ; s != nil && s.first < first; s = s.later {
	}
	if s == nil || s.first > first {
		return nil
	}
	return s
}

// Get is the value of k's session from first to last.
func (s *SessionStore[K, V]) Get(k K, first, last int64) (v V, ok bool) {
	r, ok := s.rows.Get(k, last)
	if !ok {
		return v, false
	}
	found := r.find(first)
	if found == nil {
		return v, false
	}
	return found.val, true
}

// Put sets the value of k's session from first to last. Nothing happens when it has expired, or when the instants are
// not 0 ≤ first ≤ last.
func (s *SessionStore[K, V]) Put(k K, first, last int64, v V) {
	if first < 0 || first > last {
		return
	}
	row, existed := s.rows.Upsert(k, last)
	switch {
	case !existed || row.first == first && row.later == nil:
		row.first, row.val = first, v
	default:
		*row = s.rebuilt(row, first, &session[V]{first: first, val: v})
	}
}

// Remove removes k's session from first to last and says whether it was there.
func (s *SessionStore[K, V]) Remove(k K, first, last int64) bool {
	r, ok := s.rows.Get(k, last)
	switch {
	case !ok || r.find(first) == nil:
		return false
	case r.later == nil:
		return s.rows.Delete(k, last)
	}
	s.rows.Put(k, last, s.rebuilt(&r, first, nil))
	return true
}

// rebuilt is the row with one session, or nil for none, in place of that which begins at first.
func (s *SessionStore[K, V]) rebuilt(row *session[V], first int64, with *session[V]) session[V] {
	var head session[V]
	tail := &head
	add := func(one session[V]) {
		tail.later = &one
		tail = tail.later
		tail.later = nil
		s.rows.values.own(tail)
	}
	for ; row != nil && row.first < first; row = row.later {
		add(*row)
	}
	if with != nil {
		add(*with)
	}
	if row != nil && row.first == first {
		row = row.later
	}
	for ; row != nil; row = row.later {
		add(*row)
	}
	return *head.later
}

// Find calls yield for k's sessions that share an instant with [from, to], both ends in, in the order of their ends,
// then of their beginnings, until it returns false: widen the span by the gap to find what a record joins. It sees the
// task's own changes that are not committed. yield may change the store: sessions that it removes or expires further
// on are not seen any more, those that it adds are not seen. v is for reading only. Sessions of k that end at from or
// later are in memory together.
func (s *SessionStore[K, V]) Find(k K, from, to int64, yield func(first, last int64, v *V) bool) {
	s.rows.ScanKey(k, max(from, 0), math.MaxInt64, func(last int64, r *session[V]) bool {
		return s.each(k, last, r, func(first int64, v *V) bool { return first > to || yield(first, last, v) })
	})
}

// ScanEnds calls yield for all sessions that end in [from, to], both ends in, in the order of their ends, then of
// their keys' bytes, then of their beginnings, until it returns false. Like Find it sees and allows changes, but
// sessions that yield adds may be seen.
func (s *SessionStore[K, V]) ScanEnds(from, to int64, yield func(k K, first, last int64, v *V) bool) {
	s.rows.ScanSpan(max(from, 0), to, func(last int64, k K, r *session[V]) bool {
		return s.each(k, last, r, func(first int64, v *V) bool { return yield(k, first, last, v) })
	})
}

// each calls yield for the sessions of a row. The row itself may be gone when yield returns; those behind it are looked
// for again.
func (s *SessionStore[K, V]) each(k K, last int64, r *session[V], yield func(first int64, v *V) bool) bool {
	later := r.later
	if !yield(r.first, &r.val) {
		return false
	}
	for ; later != nil; later = later.later {
		v, ok := s.Get(k, later.first, last)
		if ok && !yield(later.first, &v) {
			return false
		}
	}
	return true
}

// Expire drops all sessions that end before before, as [WindowStore.Expire] does.
func (s *SessionStore[K, V]) Expire(before int64) { s.rows.Expire(before) }

// Expired is the lowest end that has not expired.
func (s *SessionStore[K, V]) Expired() int64 { return s.rows.Expired() }

// sessionCodec writes [first, 8 bytes][value], and before it for each session that begins earlier and ends together
// with it [its first with the topmost bit set, 8 bytes][length of its value, a uvarint][its value].
type sessionCodec[V any] struct{ value codec.Codec[V] }

const (
	notLast    = 1 << 63
	firstBytes = 8
)

func (c sessionCodec[V]) Append(dst []byte, s session[V]) ([]byte, error) {
	for ; s.later != nil; s = *s.later {
		v, err := c.value.Append(nil, s.val)
		if err != nil {
			return dst, err
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(s.first)|notLast)
		dst = append(binary.AppendUvarint(dst, uint64(len(v))), v...)
	}
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(s.first)), s.val)
}

func (c sessionCodec[V]) Decode(src []byte) (s session[V], err error) {
	for at := &s; ; at = at.later {
		if len(src) < firstBytes {
			return s, fmt.Errorf("session of %d bytes is damaged", len(src))
		}
		first := binary.BigEndian.Uint64(src)
		src, at.first = src[firstBytes:], int64(first&^notLast)
		if first&notLast == 0 {
			at.val, err = c.value.Decode(src)
			return s, err
		}
		n, size := binary.Uvarint(src)
		if size <= 0 || n > uint64(len(src)-size) {
			return s, fmt.Errorf("session of %d bytes is damaged", len(src))
		}
		if at.val, err = c.value.Decode(src[size : size+int(n)]); err != nil {
			return s, err
		}
		src, at.later = src[size+int(n):], &session[V]{}
	}
}
