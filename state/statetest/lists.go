// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// listSubject is a List beside a map of slices, which are never changed in place.
type listSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.List[string, string]
	store     *state.ListStore[string, string]
	now, then map[string][]string
}

func newListSubject(t testing.TB, rng *rand.Rand) subject {
	return &listSubject{
		t: t, rng: rng, now: map[string][]string{}, then: map[string][]string{},
		declared: state.List[string, string]{Name: "list", Key: codec.String, Value: codec.String},
	}
}

func (s *listSubject) open(p state.Place) { s.store = s.declared.Open(p) }
func (s *listSubject) commit()            { s.then = maps.Clone(s.now) }
func (s *listSubject) abort()             { s.now = maps.Clone(s.then) }

func (s *listSubject) step() {
	k := someKey(s.rng)
	have := s.now[k]
	switch s.rng.IntN(8) {
	case 0, 1, 2:
		for range 1 + s.rng.IntN(5) {
			s.append(k)
		}
	case 3:
		i := s.rng.IntN(len(have)+3) - 1
		v, ok := s.store.Get(k, i)
		if want := i >= 0 && i < len(have); ok != want || ok && v != have[i] {
			s.t.Fatalf("value %d of %q: %q %v, want %q", i, k, v, ok, have)
		}
	case 4:
		s.trim(k, s.rng.IntN(len(have)+3)-1)
	case 5:
		if s.rng.IntN(8) == 0 {
			s.trim(k, len(have)) // a list that begins anew
			s.append(k)
		}
	case 6:
		s.follow(k)
	case 7:
		s.compare(k)
	}
}

func (s *listSubject) append(k string) {
	v := someKey(s.rng)
	s.store.Append(k, v)
	s.now[k] = append(slices.Clip(s.now[k]), v)
}

func (s *listSubject) trim(k string, n int) {
	want := min(max(n, 0), len(s.now[k]))
	if got := s.store.Trim(k, n); got != want {
		s.t.Fatalf("trim of %d from %q: %d, want %d", n, s.now[k], got, want)
	}
	if s.now[k] = s.now[k][want:]; len(s.now[k]) == 0 {
		delete(s.now, k)
	}
}

// follow scans while it appends and trims.
func (s *listSubject) follow(k string) {
	i := 0 // of the value to come
	s.store.Scan(k, func(v string) bool {
		if i >= len(s.now[k]) || s.now[k][i] != v {
			s.t.Fatalf("scan of %q gives %q, want number %d of %q", k, v, i, s.now[k])
		}
		i++
		switch s.rng.IntN(6) {
		case 0:
			s.append(k)
		case 1:
			if n := s.rng.IntN(3); n < len(s.now[k]) {
				s.trim(k, n)
				i = max(i-n, 0)
			}
		case 2:
			s.trim(k, len(s.now[k]))
			i = 0
		}
		return true
	})
	if i != len(s.now[k]) {
		s.t.Fatalf("scan of %q ends at %d of %q", k, i, s.now[k])
	}
}

func (s *listSubject) compare(k string) {
	if n := s.store.Len(k); n != len(s.now[k]) {
		s.t.Fatalf("list %q has %d values, want %q", k, n, s.now[k])
	}
	var got []string
	s.store.Scan(k, func(v string) bool { got = append(got, v); return true })
	if !slices.Equal(got, s.now[k]) {
		s.t.Fatalf("list %q is %q, want %q", k, got, s.now[k])
	}
}

func (s *listSubject) verify() {
	want := slices.Sorted(maps.Keys(s.now))
	var got []string
	s.store.Keys(func(k string, n int) bool {
		if n != len(s.now[k]) {
			s.t.Fatalf("list %q has %d values, want %q", k, n, s.now[k])
		}
		got = append(got, k)
		return true
	})
	if !slices.Equal(got, want) {
		s.t.Fatalf("lists %q, want %q", got, want)
	}
	for _, k := range want {
		s.compare(k)
	}
}
