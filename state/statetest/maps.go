// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// letters are chosen so that keys are often the beginning of another, and go on with what looks like an offset.
const letters = "\x00\x01a\xff"

func someKey(rng *rand.Rand) string {
	k := make([]byte, rng.IntN(4))
	for i := range k {
		k[i] = letters[rng.IntN(len(letters))]
	}
	return string(k)
}

// mapSubject is a Map beside a Go map.
type mapSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Map[string, int64]
	store     *state.MapStore[string, int64]
	now, then map[string]int64 // then is as of the last commit
	touched   []string         // in the order of first change since the last commit
}

func newMapSubject(t testing.TB, rng *rand.Rand) subject {
	return &mapSubject{
		t: t, rng: rng, now: map[string]int64{}, then: map[string]int64{},
		declared: state.Map[string, int64]{Name: "map", Key: codec.String, Value: codec.Int64},
	}
}

// unloggedSubject forgets everything at each recovery.
type unloggedSubject struct{ *mapSubject }

func newUnloggedSubject(t testing.TB, rng *rand.Rand) subject {
	s := newMapSubject(t, rng).(*mapSubject)
	s.declared.Unlogged = true
	return unloggedSubject{s}
}

func (s unloggedSubject) abort() {
	s.then = map[string]int64{}
	s.mapSubject.abort()
}

func (s *mapSubject) open(p state.Place) { s.store = s.declared.Open(p) }

func (s *mapSubject) commit() { s.then, s.touched = maps.Clone(s.now), nil }
func (s *mapSubject) abort()  { s.now, s.touched = maps.Clone(s.then), nil }

func (s *mapSubject) touch(k string) {
	if !slices.Contains(s.touched, k) {
		s.touched = append(s.touched, k)
	}
}

func (s *mapSubject) step() {
	k := someKey(s.rng)
	want, has := s.now[k]
	switch s.rng.IntN(13) {
	case 12:
		s.store.Prefetch([]string{k, someKey(s.rng), someKey(s.rng), k})
	case 0, 1, 2:
		if v, ok := s.store.Get(k); v != want || ok != has {
			s.t.Fatalf("get %q: %d %v, want %d %v", k, v, ok, want, has)
		}
	case 3, 4, 5, 6:
		v, ok := s.store.Upsert(k)
		if *v != want || ok != has {
			s.t.Fatalf("upsert %q: %d %v, want %d %v", k, *v, ok, want, has)
		}
		*v += int64(s.rng.IntN(100))
		s.now[k] = *v
		s.touch(k)
	case 7, 8:
		v := s.rng.Int64()
		s.store.Put(k, v)
		s.now[k] = v
		s.touch(k)
	case 9, 10:
		s.remove(k)
	case 11:
		s.scanRange(k, someKey(s.rng))
		s.changed()
	}
}

func (s *mapSubject) remove(k string) {
	_, has := s.now[k]
	if ok := s.store.Delete(k); ok != has {
		s.t.Fatalf("delete %q: %v, want %v", k, ok, has)
	}
	if has {
		delete(s.now, k)
		s.touch(k)
	}
}

// sorted is what a scan over the keys that are in must see.
func (s *mapSubject) sorted(in func(k string) bool) (keys []string) {
	for k := range s.now {
		if in(k) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *mapSubject) verify() {
	want := s.sorted(func(string) bool { return true })
	s.store.Scan(s.follow("scan", &want))
	s.done("scan", want)
}

// follow gives a yield that checks off the keys of want.
func (s *mapSubject) follow(what string, want *[]string) func(string, *int64) bool {
	return func(k string, v *int64) bool {
		if len(*want) == 0 || (*want)[0] != k || *v != s.now[k] {
			s.t.Fatalf("%s gives %q=%d, want %q=%d", what, k, *v, *want, s.now[k])
		}
		*want = (*want)[1:]
		return true
	}
}

func (s *mapSubject) done(what string, want []string) {
	if len(want) > 0 {
		s.t.Fatalf("%s misses %q", what, want)
	}
}

// scanRange scans a range, a prefix, and once more while it deletes ahead of itself.
func (s *mapSubject) scanRange(from, to string) {
	want := s.sorted(func(k string) bool { return k >= from && k < to })
	s.store.ScanRange(from, to, s.follow("range", &want))
	s.done("range", want)

	want = s.sorted(func(k string) bool { return strings.HasPrefix(k, from) })
	follow := s.follow("prefix", &want)
	s.store.ScanPrefix([]byte(from), func(k string, v *int64) bool {
		follow(k, v)
		if s.rng.IntN(3) == 0 && len(want) > 0 {
			i := s.rng.IntN(len(want))
			s.remove(want[i])
			want = slices.Delete(want, i, i+1)
		}
		return true
	})
	s.done("prefix", want)
}

// changed compares Changed with what was touched. Rows that were absent before and are absent now may be left out.
func (s *mapSubject) changed() {
	rest := s.touched
	s.store.Changed(func(k string, v *int64, exists bool) bool {
		for len(rest) > 0 && rest[0] != k {
			s.mayMiss(rest[0])
			rest = rest[1:]
		}
		if len(rest) == 0 {
			s.t.Fatalf("%q is said to have changed, in this place", k)
		}
		rest = rest[1:]
		if want, has := s.now[k]; exists != has || *v != want {
			s.t.Fatalf("%q has changed to %d %v, want %d %v", k, *v, exists, want, has)
		}
		return true
	})
	for _, k := range rest {
		s.mayMiss(k)
	}
}

func (s *mapSubject) mayMiss(k string) {
	_, before := s.then[k]
	if _, has := s.now[k]; before || has {
		s.t.Fatalf("%q has changed and is not said to have", k)
	}
}
