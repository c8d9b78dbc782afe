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
// it begins, all sessions lie in the order in which they end, and those that ended long ago go as one range. Two
// sessions of a key that end together would overlap: they are one, and the later Put replaces the earlier.
//
// Owner: the task's goroutine.
//
//  1. A row's first instant is not after the one that it lies under.
type SessionStore[K comparable, V any] struct {
	rows *WindowStore[K, session[V]]
}

// session is a row: the value, and where the session begins.
type session[V any] struct {
	first int64
	val   V
}

// Get is the value of k's session from first to last.
func (s *SessionStore[K, V]) Get(k K, first, last int64) (v V, ok bool) {
	r, ok := s.rows.Get(k, last)
	if !ok || r.first != first {
		return v, false
	}
	return r.val, true
}

// Put sets the value of k's session from first to last, in place of another one that ends at last. Nothing happens when
// it has expired, or when the instants are not 0 ≤ first ≤ last.
func (s *SessionStore[K, V]) Put(k K, first, last int64, v V) {
	if 0 <= first && first <= last {
		s.rows.Put(k, last, session[V]{first, v})
	}
}

// Remove removes k's session from first to last and says whether it was there.
func (s *SessionStore[K, V]) Remove(k K, first, last int64) bool {
	r, ok := s.rows.Get(k, last)
	return ok && r.first == first && s.rows.Delete(k, last)
}

// Find calls yield for k's sessions that share an instant with [from, to], both ends in, in the order of their ends,
// until it returns false: widen the span by the gap to find what a record joins. It sees the task's own changes that
// are not committed. yield may change the store: sessions that it removes or expires further on are not seen any more,
// those that it adds are not seen. v is for reading only. Sessions of k that end at from or later are in memory
// together.
func (s *SessionStore[K, V]) Find(k K, from, to int64, yield func(first, last int64, v *V) bool) {
	s.rows.ScanKey(k, max(from, 0), math.MaxInt64, func(last int64, r *session[V]) bool {
		return r.first > to || yield(r.first, last, &r.val)
	})
}

// ScanEnds calls yield for all sessions that end in [from, to], both ends in, in the order of their ends, then of their
// keys' bytes, until it returns false. Like Find it sees and allows changes, but sessions that yield adds may be seen.
func (s *SessionStore[K, V]) ScanEnds(from, to int64, yield func(k K, first, last int64, v *V) bool) {
	s.rows.ScanSpan(max(from, 0), to, func(last int64, k K, r *session[V]) bool {
		return yield(k, r.first, last, &r.val)
	})
}

// Expire drops all sessions that end before before, as [WindowStore.Expire] does.
func (s *SessionStore[K, V]) Expire(before int64) { s.rows.Expire(before) }

// Expired is the lowest end that has not expired.
func (s *SessionStore[K, V]) Expired() int64 { return s.rows.Expired() }

// sessionCodec writes [first, 8 bytes][value].
type sessionCodec[V any] struct{ value codec.Codec[V] }

func (c sessionCodec[V]) Append(dst []byte, s session[V]) ([]byte, error) {
	return c.value.Append(binary.BigEndian.AppendUint64(dst, uint64(s.first)), s.val)
}

func (c sessionCodec[V]) Decode(src []byte) (s session[V], err error) {
	if len(src) < 8 {
		return s, fmt.Errorf("session of %d bytes is damaged", len(src))
	}
	s.first = int64(binary.BigEndian.Uint64(src))
	s.val, err = c.value.Decode(src[8:])
	return s, err
}
