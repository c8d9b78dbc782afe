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

// versionedSubject is a Versioned beside the list of everything that was ever put.
type versionedSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Versioned[string, int64]
	store     *state.VersionedStore[string, int64]
	now, then versionedModel
}

type versionedModel struct {
	writes map[string]map[int64]write // by key and time
	clock  int64
}

type write struct {
	v       int64
	present bool
}

func (m versionedModel) clone() versionedModel {
	c := versionedModel{writes: map[string]map[int64]write{}, clock: m.clock}
	for k, w := range m.writes {
		c.writes[k] = maps.Clone(w)
	}
	return c
}

const testHistory = 50

func newVersionedSubject(t testing.TB, rng *rand.Rand) subject {
	return &versionedSubject{
		t: t, rng: rng, now: versionedModel{writes: map[string]map[int64]write{}},
		declared: state.Versioned[string, int64]{
			Name: "versioned", Key: codec.String, Value: codec.Int64, History: testHistory,
		},
	}
}

func (s *versionedSubject) open(p state.Place) { s.store = s.declared.Open(p) }
func (s *versionedSubject) commit()            { s.then = s.now.clone() }
func (s *versionedSubject) abort()             { s.now = s.then.clone() }

// horizon is what is older than the history.
func (s *versionedSubject) horizon() int64 { return max(s.now.clock-testHistory, 0) }

// asOf is the version that holds at t, and until when.
func (s *versionedSubject) asOf(k string, t int64) (w write, from, until int64) {
	from, until = -1, state.Forever
	for at, x := range s.now.writes[k] {
		if at <= t && at > from {
			w, from = x, at
		}
		if at > t {
			until = min(until, at)
		}
	}
	return w, from, until
}

func (s *versionedSubject) step() {
	k := someKey(s.rng)
	at := max(s.now.clock-int64(s.rng.IntN(testHistory+20)), 0)
	if s.rng.IntN(3) == 0 {
		at = s.now.clock + int64(s.rng.IntN(10))
	}
	switch s.rng.IntN(8) {
	case 0, 1, 2:
		v := s.rng.Int64()
		until, ok := s.store.Put(k, v, at)
		s.wrote(k, at, write{v, true}, until, ok)
	case 3:
		until, ok := s.store.Delete(k, at)
		s.wrote(k, at, write{}, until, ok)
	case 4:
		s.get(k)
	default:
		s.getAsOf(k, at)
	}
}

func (s *versionedSubject) wrote(k string, at int64, w write, until int64, ok bool) {
	if late := at < s.horizon(); late == ok {
		s.t.Fatalf("write of %q at %d, clock %d: applied %v", k, at, s.now.clock, ok)
	}
	if !ok {
		return
	}
	s.now.clock = max(s.now.clock, at)
	if s.now.writes[k] == nil {
		s.now.writes[k] = map[int64]write{}
	}
	s.now.writes[k][at] = w
	if _, _, want := s.asOf(k, at); until != want {
		s.t.Fatalf("write of %q at %d holds until %d, want %d", k, at, until, want)
	}
}

func (s *versionedSubject) get(k string) {
	w, from, _ := s.asOf(k, state.Forever-1)
	v, at, ok := s.store.Get(k)
	if ok != w.present || ok && (v != w.v || at != from) {
		s.t.Fatalf("get %q: %d from %d, %v, want %+v from %d", k, v, at, ok, w, from)
	}
}

func (s *versionedSubject) getAsOf(k string, t int64) {
	w, from, until := s.asOf(k, t)
	if t < s.horizon() && until != state.Forever {
		w.present = false
	}
	v, f, u, ok := s.store.GetAsOf(k, t)
	if ok != w.present || ok && (v != w.v || f != from || u != until) {
		s.t.Fatalf("get %q as of %d: %d in [%d, %d) %v, want %+v in [%d, %d)", k, t, v, f, u, ok, w, from, until)
	}
}

func (s *versionedSubject) verify() {
	var keys []string
	for k := range s.now.writes {
		if w, _, _ := s.asOf(k, state.Forever-1); w.present {
			keys = append(keys, k)
		}
		s.get(k)
		for t := s.horizon() - 10; t < s.now.clock+3; t += 3 {
			s.getAsOf(k, t)
		}
	}
	slices.Sort(keys)
	s.store.Scan(func(k string, _ *int64, _ int64) bool {
		if len(keys) == 0 || keys[0] != k {
			s.t.Fatalf("scan gives %q, want %q", k, keys)
		}
		keys = keys[1:]
		return true
	})
	if len(keys) > 0 {
		s.t.Fatalf("scan misses %q", keys)
	}
}

// timersSubject is a Timers beside a Go map.
type timersSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Timers[string]
	store     *state.TimerStore[string]
	now, then map[timer]bool
	clock     int64
}

type timer struct {
	at   int64
	key  string
	name string
}

func newTimersSubject(t testing.TB, rng *rand.Rand) subject {
	return &timersSubject{
		t: t, rng: rng, now: map[timer]bool{}, then: map[timer]bool{},
		declared: state.Timers[string]{Name: "timers", Key: codec.String},
	}
}

func (s *timersSubject) open(p state.Place) { s.store = s.declared.Open(p) }
func (s *timersSubject) commit()            { s.then = maps.Clone(s.now) }
func (s *timersSubject) abort()             { s.now = maps.Clone(s.then) }

func (s *timersSubject) step() {
	if s.rng.IntN(8) == 0 {
		s.clock += int64(s.rng.IntN(40))
		s.fire()
		return
	}
	spread := []int{10, 1000}[s.rng.IntN(2)]
	for range 1 + s.rng.IntN(8) {
		tm := timer{s.clock + int64(s.rng.IntN(spread)) - 5, someKey(s.rng), []string{"", "a", "ab"}[s.rng.IntN(3)]}
		if s.rng.IntN(5) == 0 {
			want := s.now[timer{max(tm.at, 0), tm.key, tm.name}]
			if ok := s.store.Delete(tm.at, tm.key, tm.name); ok != want {
				s.t.Fatalf("delete %v: %v, want %v", tm, ok, want)
			}
			delete(s.now, timer{max(tm.at, 0), tm.key, tm.name})
			continue
		}
		s.store.Set(tm.at, tm.key, tm.name)
		tm.at = max(tm.at, 0)
		s.now[tm] = true
	}
}

// fire takes out what is due, and now and then sets something while it does.
func (s *timersSubject) fire() {
	for {
		at, key, name, ok := s.store.First()
		want, has := s.first()
		if ok != has || ok && (at != want.at || key != want.key || name != want.name) {
			s.t.Fatalf("first is %d %q %q %v, want %v %v", at, key, name, ok, want, has)
		}
		if !ok || at > s.clock {
			return
		}
		if !s.store.Delete(at, key, name) {
			s.t.Fatalf("the first timer, %v, cannot be deleted", want)
		}
		delete(s.now, want)
		if s.rng.IntN(4) == 0 {
			again := timer{at + int64(s.rng.IntN(60)), key, "again"}
			s.store.Set(again.at, again.key, again.name)
			s.now[again] = true
		}
	}
}

func (s *timersSubject) first() (first timer, ok bool) {
	for tm := range s.now {
		if !ok || tm.at < first.at || tm.at == first.at && timerID(tm) < timerID(first) {
			first, ok = tm, true
		}
	}
	return first, ok
}

// timerID is what timers of one time are ordered by: docs/formats/pebble-keys.md.
func timerID(tm timer) string { return tm.key + tm.name + "\x00" + string(rune(len(tm.name))) }

func (s *timersSubject) verify() {
	at, key, name, ok := s.store.First()
	if want, has := s.first(); ok != has || ok && (timer{at, key, name} != want) {
		s.t.Fatalf("first is %d %q %q %v, want %v %v", at, key, name, ok, want, has)
	}
}
