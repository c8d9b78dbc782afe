// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// windowSubject is a Window beside a Go map.
type windowSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Window[string, string]
	store     *state.WindowStore[string, string]
	zero      int64 // starts are counted from here
	unit      int64 // and are multiples of this
	now, then windowModel
	touched   []windowKey
}

type windowModel struct {
	rows    map[windowKey]string
	expired int64
	clock   int64
}

type windowKey struct {
	start int64
	key   string
}

func compareWindowKeys(a, b windowKey) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key))
}

func (m windowModel) clone() windowModel {
	m.rows = maps.Clone(m.rows)
	return m
}

func newWindowSubject(t testing.TB, rng *rand.Rand) subject {
	s := &windowSubject{t: t, rng: rng, unit: []int64{1, 1, 10}[rng.IntN(3)]}
	s.declared = state.Window[string, string]{
		Name: "window", Key: codec.String, Value: codec.String,
		Segment: []int64{1, 10, 16, 64, 1000}[rng.IntN(5)],
	}
	if s.zero = []int64{0, 1_700_000_000_000, math.MaxInt64 - 1500}[rng.IntN(3)]; s.unit > 1 {
		s.zero -= s.zero % s.unit
	}
	s.now = windowModel{rows: map[windowKey]string{}, clock: s.zero}
	s.then = s.now.clone()
	return s
}

func (s *windowSubject) open(p state.Place) { s.store = s.declared.Open(p) }
func (s *windowSubject) commit()            { s.then, s.touched = s.now.clone(), nil }
func (s *windowSubject) abort()             { s.now, s.touched = s.then.clone(), nil }

func (s *windowSubject) touch(k windowKey) {
	if !slices.Contains(s.touched, k) {
		s.touched = append(s.touched, k)
	}
}

// someStart is near the clock, which it moves on a little.
func (s *windowSubject) someStart() int64 {
	if s.now.clock < s.zero+1000 && s.rng.IntN(2) == 0 {
		s.now.clock += int64(s.rng.IntN(5))
	}
	at := max(s.now.clock-int64(s.rng.IntN(80)), s.zero) + int64(s.rng.IntN(10))
	return at - at%s.unit
}

func (s *windowSubject) step() {
	k := windowKey{s.someStart(), someKey(s.rng)}
	want, has := s.now.rows[k]
	live := k.start >= s.now.expired
	switch s.rng.IntN(14) {
	case 0, 1:
		if v, ok := s.store.Get(k.key, k.start); v != want || ok != has {
			s.t.Fatalf("get %v: %q %v, want %q %v", k, v, ok, want, has)
		}
	case 2, 3, 4, 5:
		v, ok := s.store.Upsert(k.key, k.start)
		if *v != want || ok != has {
			s.t.Fatalf("upsert %v: %q %v, want %q %v", k, *v, ok, want, has)
		}
		*v = fmt.Sprint(s.rng.IntN(1000))
		s.set(k, *v, live)
	case 6, 7:
		v := fmt.Sprint(s.rng.IntN(1000))
		s.store.Put(k.key, k.start, v)
		s.set(k, v, live)
	case 8, 9:
		s.remove(k)
	case 10, 11:
		s.scanKey(k.key, k.start, k.start+int64(s.rng.IntN(60)))
	case 12:
		s.scanSpan(k.start, k.start+int64(s.rng.IntN(60)))
		s.changed()
	case 13:
		if s.rng.IntN(3) == 0 {
			s.expire(s.now.clock - 30 - int64(s.rng.IntN(60)))
		}
	}
}

func (s *windowSubject) set(k windowKey, v string, live bool) {
	if live {
		s.now.rows[k] = v
		s.touch(k)
	}
}

func (s *windowSubject) remove(k windowKey) {
	_, has := s.now.rows[k]
	if ok := s.store.Delete(k.key, k.start); ok != has {
		s.t.Fatalf("delete %v: %v, want %v", k, ok, has)
	}
	if has {
		delete(s.now.rows, k)
		s.touch(k)
	}
}

func (s *windowSubject) expire(before int64) {
	s.store.Expire(before)
	s.now.expired = max(s.now.expired, before)
	maps.DeleteFunc(s.now.rows, func(k windowKey, _ string) bool { return k.start < before })
	s.touched = slices.DeleteFunc(s.touched, func(k windowKey) bool { return k.start < before })
}

func (s *windowSubject) sorted(in func(k windowKey) bool) (keys []windowKey) {
	for k := range s.now.rows {
		if in(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareWindowKeys)
	return keys
}

// check is one row of a scan that must see the rows of want.
func (s *windowSubject) check(what string, want []windowKey, k windowKey, v string) []windowKey {
	if len(want) == 0 || want[0] != k || v != s.now.rows[k] {
		s.t.Fatalf("%s gives %v=%q, want %v=%q", what, k, v, want, s.now.rows[k])
	}
	return want[1:]
}

// disturb deletes or expires something that the scan has not come to yet.
func (s *windowSubject) disturb(want []windowKey) []windowKey {
	if len(want) == 0 || s.rng.IntN(4) > 0 {
		return want
	}
	i := s.rng.IntN(len(want))
	if s.rng.IntN(8) == 0 {
		before := want[i].start
		s.expire(before)
		return slices.DeleteFunc(want, func(k windowKey) bool { return k.start < before })
	}
	s.remove(want[i])
	return slices.Delete(want, i, i+1)
}

func (s *windowSubject) scanKey(key string, from, to int64) {
	want := s.sorted(func(k windowKey) bool { return k.key == key && k.start >= from && k.start <= to })
	s.store.ScanKey(key, from, to, func(start int64, v *string) bool {
		want = s.check("scan of a key", want, windowKey{start, key}, *v)
		want = s.disturb(want)
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan of key %q from %d to %d misses %v", key, from, to, want)
	}
}

func (s *windowSubject) scanSpan(from, to int64) {
	want := s.sorted(func(k windowKey) bool { return k.start >= from && k.start <= to })
	s.store.ScanSpan(from, to, func(start int64, k string, v *string) bool {
		want = s.check("scan of a span", want, windowKey{start, k}, *v)
		want = s.disturb(want)
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan from %d to %d misses %v", from, to, want)
	}
}

func (s *windowSubject) verify() {
	want := s.sorted(func(windowKey) bool { return true })
	s.store.ScanSpan(0, math.MaxInt64, func(start int64, k string, v *string) bool {
		want = s.check("scan of everything", want, windowKey{start, k}, *v)
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan misses %v", want)
	}
}

// changed compares Changed with what was touched. Rows that were absent before and are absent now may be left out.
func (s *windowSubject) changed() {
	rest := s.touched
	skip := func() {
		k := rest[0]
		_, before := s.then.rows[k]
		if _, has := s.now.rows[k]; before || has {
			s.t.Fatalf("%v has changed and is not said to have", k)
		}
		rest = rest[1:]
	}
	s.store.Changed(func(key string, start int64, v *string, exists bool) bool {
		k := windowKey{start, key}
		for len(rest) > 0 && rest[0] != k {
			skip()
		}
		if len(rest) == 0 {
			s.t.Fatalf("%v is said to have changed, in this place", k)
		}
		rest = rest[1:]
		if want, has := s.now.rows[k]; exists != has || *v != want {
			s.t.Fatalf("%v has changed to %q %v, want %q %v", k, *v, exists, want, has)
		}
		return true
	})
	for len(rest) > 0 {
		skip()
	}
}
