// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// sessionSubject is a Session beside a Go map.
type sessionSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Session[string, int64]
	store     *state.SessionStore[string, int64]
	now, then sessionModel
}

// sessionModel holds the values of sessions.
type sessionModel struct {
	rows    map[sessionKey]int64
	expired int64
	clock   int64
}

// sessionKey is where a session lies.
type sessionKey struct {
	last  int64
	key   string
	first int64
}

func compareSessionKeys(a, b sessionKey) int {
	return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.key, b.key), cmp.Compare(a.first, b.first))
}

func newSessionSubject(t testing.TB, rng *rand.Rand) subject {
	return &sessionSubject{
		t: t, rng: rng, now: sessionModel{rows: map[sessionKey]int64{}}, then: sessionModel{rows: map[sessionKey]int64{}},
		declared: state.Session[string, int64]{
			Name: "session", Key: codec.String, Value: codec.Int64, Segment: []int64{0, 1, 16, 1000}[rng.IntN(4)],
		},
	}
}

func (m sessionModel) clone() sessionModel {
	m.rows = maps.Clone(m.rows)
	return m
}

func (s *sessionSubject) open(p state.Place) { s.store = s.declared.Open(p) }
func (s *sessionSubject) commit()            { s.then = s.now.clone() }
func (s *sessionSubject) abort()             { s.now = s.then.clone() }

func (s *sessionSubject) step() {
	s.now.clock += int64(s.rng.IntN(4))
	last := max(s.now.clock-int64(s.rng.IntN(60)), 0)
	first := max(last-int64(s.rng.IntN(20)), 0)
	k := sessionKey{last, someKey(s.rng), first}
	for other := range s.now.rows { // mostly there are no two that end together
		if other.last == last && other.key == k.key && s.rng.IntN(4) > 0 {
			k.first = other.first
		}
	}
	have, has := s.now.rows[k]
	switch s.rng.IntN(8) {
	case 0, 1, 2:
		v := s.rng.Int64()
		s.store.Put(k.key, k.first, last, v)
		s.store.Put(k.key, last+1, last, v) // no span, and so nothing
		if last >= s.now.expired {
			s.now.rows[k] = v
		}
	case 3:
		if v, ok := s.store.Get(k.key, k.first, last); ok != has || v != have {
			s.t.Fatalf("get %v: %d %v, want %v %v", k, v, ok, have, has)
		}
	case 4:
		s.remove(k, has)
	case 5, 6:
		s.find(k.key, first, last)
	case 7:
		if s.rng.IntN(3) == 0 {
			s.expire(s.now.clock - 30 - int64(s.rng.IntN(40)))
		}
		s.scan(first, last)
	}
}

func (s *sessionSubject) remove(k sessionKey, want bool) {
	if ok := s.store.Remove(k.key, k.first, k.last); ok != want {
		s.t.Fatalf("remove %v: %v, want %v", k, ok, want)
	}
	delete(s.now.rows, k)
}

func (s *sessionSubject) expire(before int64) {
	s.store.Expire(before)
	s.now.expired = max(s.now.expired, before)
	maps.DeleteFunc(s.now.rows, func(k sessionKey, _ int64) bool { return k.last < before })
}

func (s *sessionSubject) sorted(in func(k sessionKey) bool) (keys []sessionKey) {
	for k := range s.now.rows {
		if in(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareSessionKeys)
	return keys
}

// follow checks what a scan gives against want, and now and then removes what is still to come, or what it gave.
func (s *sessionSubject) follow(what string, want *[]sessionKey, k sessionKey, got int64) bool {
	if len(*want) == 0 || (*want)[0] != k || s.now.rows[k] != got {
		s.t.Fatalf("%s gives %v %v, want %v %v", what, k, got, *want, s.now.rows[k])
	}
	*want = (*want)[1:]
	if s.rng.IntN(8) == 0 {
		s.remove(k, true)
	}
	if n := len(*want); n > 0 && s.rng.IntN(4) == 0 {
		i := s.rng.IntN(n)
		s.remove((*want)[i], true)
		*want = slices.Delete(*want, i, i+1)
	}
	return true
}

func (s *sessionSubject) find(key string, from, to int64) {
	want := s.sorted(func(k sessionKey) bool { return k.key == key && k.last >= from && k.first <= to })
	s.store.Find(key, from, to, func(first, last int64, v *int64) bool {
		return s.follow("find", &want, sessionKey{last, key, first}, *v)
	})
	if len(want) > 0 {
		s.t.Fatalf("find of %q from %d to %d misses %v", key, from, to, want)
	}
}

func (s *sessionSubject) scan(from, to int64) {
	want := s.sorted(func(k sessionKey) bool { return k.last >= from && k.last <= to })
	s.store.ScanEnds(from, to, func(key string, first, last int64, v *int64) bool {
		return s.follow("scan", &want, sessionKey{last, key, first}, *v)
	})
	if len(want) > 0 {
		s.t.Fatalf("scan of ends from %d to %d misses %v", from, to, want)
	}
}

func (s *sessionSubject) verify() {
	if at := s.store.Expired(); at != s.now.expired {
		s.t.Fatalf("expired is %d, want %d", at, s.now.expired)
	}
	want := s.sorted(func(sessionKey) bool { return true })
	s.store.ScanEnds(0, math.MaxInt64, func(key string, first, last int64, v *int64) bool {
		k := sessionKey{last, key, first}
		if len(want) == 0 || want[0] != k || s.now.rows[k] != *v {
			s.t.Fatalf("scan gives %v, want %v", k, want)
		}
		want = want[1:]
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan misses %v", want)
	}
}
