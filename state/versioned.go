// SPDX-License-Identifier: Apache-2.0

package state

import (
	"math"

	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/stream/codec"
)

// Versioned declares a store that can be read as of a time: each value holds from its own time until that of the next.
type Versioned[K comparable, V any] struct {
	// Name is durable and unique in the topology. The past is kept in a second store, Name with "-history".
	Name  string
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// History is how far back reads and writes may go from the latest write of any key, in milliseconds.
	History int64
}

// Forever is the end of a version that nothing has replaced.
const Forever int64 = math.MaxInt64

// Open opens the store in a task. Once per task.
func (d Versioned[K, V]) Open(p Place) *VersionedStore[K, V] {
	latest := Map[K, version[V]]{Name: d.Name, Key: d.Key, Value: versionCodec[V]{d.Value}}
	past := Window[K, version[V]]{
		Name: d.Name + "-history", Key: d.Key, Value: versionCodec[V]{d.Value}, Retention: max(d.History, 1),
	}
	return &VersionedStore[K, V]{latest: latest.Open(p), past: past.Open(p), history: max(d.History, 0)}
}

// VersionedStore is an open Versioned.
//
// The latest version of a key is a row of a map, so that it never expires and is found in one step. Every other version
// is a row of a window under the time at which it ended: then the one that held at t is the first that ended after t,
// and what no read may ask for any more is exactly what has expired. Nothing is copied when a version is added but the
// one that it shortens.
//
// Owner: the task's goroutine.
//
//  1. The versions of a key do not overlap, and its latest begins at or after the end of all others.
//  2. Where a key was deleted some row ends, or begins without a value, as long as that is within the history.
//  3. No version that ended before past.Expired() is seen.
type VersionedStore[K comparable, V any] struct {
	latest  *MapStore[K, version[V]]
	past    *WindowStore[K, version[V]]
	history int64
}

// version is a value that holds from a time on; without present, the absence of one.
type version[V any] struct {
	from    int64
	present bool
	val     V
}

// Get is the latest value of k and the time from which it holds.
func (s *VersionedStore[K, V]) Get(k K) (v V, from int64, ok bool) {
	l, ok := s.latest.Get(k)
	return l.val, l.from, ok
}

// GetAsOf is the value of k that held at t, and from when until when it did. What is older than the history is absent,
// except for the latest value, which holds from its time on however long ago that was.
func (s *VersionedStore[K, V]) GetAsOf(k K, t int64) (v V, from, until int64, ok bool) {
	if l, ok := s.latest.Get(k); ok && l.from <= t {
		return l.val, l.from, Forever, true
	}
	r, end, ok := s.endsAfter(k, t)
	if !ok || t < s.past.Expired() || r.from > t || !r.present {
		return v, 0, 0, false
	}
	return r.val, r.from, end, true
}

// Put makes v the value of k from at on, until the next later version or Forever, which it returns. A version of the
// same time is replaced. What is older than the history is not applied, and changes nothing.
func (s *VersionedStore[K, V]) Put(k K, v V, at int64) (until int64, applied bool) {
	return s.put(k, version[V]{at, true, v})
}

// Delete makes k absent from at on, until the next later version or Forever. See Put.
func (s *VersionedStore[K, V]) Delete(k K, at int64) (until int64, applied bool) {
	return s.put(k, version[V]{from: at})
}

// Scan calls yield for every key that has a latest value, in the order of the keys' bytes, until it returns false.
func (s *VersionedStore[K, V]) Scan(yield func(k K, v *V, from int64) bool) {
	s.latest.Scan(func(k K, l *version[V]) bool { return yield(k, &l.val, l.from) })
}

func (s *VersionedStore[K, V]) put(k K, v version[V]) (until int64, applied bool) {
	if v.from < 0 || v.from == Forever || v.from < s.past.Expired() {
		return 0, false
	}
	if v.from > s.history {
		s.past.Expire(v.from - s.history)
	}
	if invariants.Enabled {
		defer s.check(k)
	}
	l, has := s.latest.Get(k)
	if has && v.from >= l.from {
		if v.from > l.from {
			s.past.Put(k, v.from, l)
		}
		s.replace(k, v)
		return Forever, true
	}
	r, end, ok := s.endsAfter(k, v.from)
	switch {
	case !ok && !has:
		s.replace(k, v)
		return Forever, true
	case !ok: // between the last end and the latest
		end = l.from
	case r.from < v.from: // within r, which now ends here
		s.past.Put(k, v.from, r)
	case r.from > v.from: // before r
		end = r.from
	}
	s.past.Put(k, end, v)
	return end, true
}

// check verifies that the versions of k do not overlap.
func (s *VersionedStore[K, V]) check(k K) {
	last := int64(-1)
	s.past.ScanKey(k, 0, Forever, func(end int64, v *version[V]) bool {
		invariants.Check(last <= v.from && v.from <= end, "key %v: (1) version [%d, %d) after one that ends at %d",
			k, v.from, end, last)
		last = end
		return true
	})
	l, ok := s.latest.Get(k)
	invariants.Check(!ok || l.from >= last, "key %v: (1) latest version from %d, another one ends at %d", k, l.from, last)
}

// replace makes v the latest version. An absence is a row that ends where it begins, if no other ends there.
func (s *VersionedStore[K, V]) replace(k K, v version[V]) {
	if v.present {
		s.latest.Put(k, v)
		return
	}
	s.latest.Delete(k)
	if _, ok := s.past.Get(k, v.from); !ok {
		s.past.Put(k, v.from, v)
	}
}

// endsAfter is the first version of k, but for the latest, that ended after t.
func (s *VersionedStore[K, V]) endsAfter(k K, t int64) (r version[V], end int64, ok bool) {
	s.past.ScanKey(k, max(t, t+1), Forever, func(at int64, v *version[V]) bool {
		r, end, ok = *v, at, true
		return false
	})
	return r, end, ok
}
