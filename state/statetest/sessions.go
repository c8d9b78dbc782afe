// SPDX-License-Identifier: Apache-2.0

package statetest

import (
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

// sessionModel holds sessions by key and end.
type sessionModel struct {
	rows    map[windowKey]spanned
	expired int64
	clock   int64
}

type spanned struct{ first, value int64 }

func newSessionSubject(t testing.TB, rng *rand.Rand) subject {
	return &sessionSubject{
		t: t, rng: rng, now: sessionModel{rows: map[windowKey]spanned{}}, then: sessionModel{rows: map[windowKey]spanned{}},
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
	k := windowKey{last, someKey(s.rng)}
	have, has := s.now.rows[k]
	if has && s.rng.IntN(2) == 0 {
		first = have.first
	}
	same := has && have.first == first
	switch s.rng.IntN(8) {
	case 0, 1, 2:
		v := s.rng.Int64()
		s.store.Put(k.key, first, last, v)
		s.store.Put(k.key, last+1, last, v) // no span, and so nothing
		if last >= s.now.expired {
			s.now.rows[k] = spanned{first, v}
		}
	case 3:
		if v, ok := s.store.Get(k.key, first, last); ok != same || ok && v != have.value {
			s.t.Fatalf("get %v from %d: %d %v, want %v %v", k, first, v, ok, have, same)
		}
	case 4:
		s.remove(k, first, same)
	case 5, 6:
		s.find(k.key, first, last)
	case 7:
		if s.rng.IntN(3) == 0 {
			s.expire(s.now.clock - 30 - int64(s.rng.IntN(40)))
		}
		s.scan(first, last)
	}
}

func (s *sessionSubject) remove(k windowKey, first int64, want bool) {
	if ok := s.store.Remove(k.key, first, k.start); ok != want {
		s.t.Fatalf("remove %v from %d: %v, want %v", k, first, ok, want)
	}
	if want {
		delete(s.now.rows, k)
	}
}

func (s *sessionSubject) expire(before int64) {
	s.store.Expire(before)
	s.now.expired = max(s.now.expired, before)
	maps.DeleteFunc(s.now.rows, func(k windowKey, _ spanned) bool { return k.start < before })
}

func (s *sessionSubject) sorted(in func(k windowKey, row spanned) bool) (keys []windowKey) {
	for k, row := range s.now.rows {
		if in(k, row) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareWindowKeys)
	return keys
}

// follow checks what a scan gives against want, and now and then removes what is still to come.
func (s *sessionSubject) follow(what string, want *[]windowKey, k windowKey, got spanned) bool {
	if len(*want) == 0 || (*want)[0] != k || s.now.rows[k] != got {
		s.t.Fatalf("%s gives %v %v, want %v %v", what, k, got, *want, s.now.rows[k])
	}
	*want = (*want)[1:]
	if n := len(*want); n > 0 && s.rng.IntN(4) == 0 {
		i := s.rng.IntN(n)
		s.remove((*want)[i], s.now.rows[(*want)[i]].first, true)
		*want = slices.Delete(*want, i, i+1)
	}
	return true
}

func (s *sessionSubject) find(key string, from, to int64) {
	want := s.sorted(func(k windowKey, row spanned) bool { return k.key == key && k.start >= from && row.first <= to })
	s.store.Find(key, from, to, func(first, last int64, v *int64) bool {
		return s.follow("find", &want, windowKey{last, key}, spanned{first, *v})
	})
	if len(want) > 0 {
		s.t.Fatalf("find of %q from %d to %d misses %v", key, from, to, want)
	}
}

func (s *sessionSubject) scan(from, to int64) {
	want := s.sorted(func(k windowKey, _ spanned) bool { return k.start >= from && k.start <= to })
	s.store.ScanEnds(from, to, func(key string, first, last int64, v *int64) bool {
		return s.follow("scan", &want, windowKey{last, key}, spanned{first, *v})
	})
	if len(want) > 0 {
		s.t.Fatalf("scan of ends from %d to %d misses %v", from, to, want)
	}
}

func (s *sessionSubject) verify() {
	if at := s.store.Expired(); at != s.now.expired {
		s.t.Fatalf("expired is %d, want %d", at, s.now.expired)
	}
	want := s.sorted(func(windowKey, spanned) bool { return true })
	s.store.ScanEnds(0, math.MaxInt64, func(key string, first, last int64, v *int64) bool {
		k := windowKey{last, key}
		if len(want) == 0 || want[0] != k || s.now.rows[k] != (spanned{first, *v}) {
			s.t.Fatalf("scan gives %v from %d, want %v", k, first, want)
		}
		want = want[1:]
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan misses %v", want)
	}
}
