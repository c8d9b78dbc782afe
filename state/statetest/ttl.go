// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

// ttlSubject is a Map with a time to live beside a Go map that keeps everything.
type ttlSubject struct {
	t         testing.TB
	rng       *rand.Rand
	declared  state.Map[string, int64]
	store     *state.MapStore[string, int64]
	now, then ttlModel
}

type ttlModel struct {
	rows  map[string]written
	clock int64
}

// written is a value and when it was written.
type written struct{ value, at int64 }

const testTTL = 100 // ms

func newTTLSubject(t testing.TB, rng *rand.Rand) subject {
	return &ttlSubject{
		t: t, rng: rng, now: ttlModel{rows: map[string]written{}}, then: ttlModel{rows: map[string]written{}},
		declared: state.Map[string, int64]{
			Name: "ttl", Key: codec.String, Value: codec.Int64,
			TTL: state.TTL{After: testTTL * time.Millisecond, Wall: rng.IntN(2) == 0},
		},
	}
}

// clocked gives stores the subject's clock.
type clocked struct {
	state.Place
	now func() int64
}

func (c clocked) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	return c.Place.OpenStore(spec, func(b state.Backing) state.Instance {
		b.EventTime, b.WallTime = c.now, c.now
		return open(b)
	})
}

func (s *ttlSubject) open(p state.Place) {
	s.store = s.declared.Open(clocked{p, func() int64 { return s.now.clock }})
}

func (s *ttlSubject) commit() { s.then = ttlModel{maps.Clone(s.now.rows), s.now.clock} }

// abort takes the operator's clock back, but not the wall's.
func (s *ttlSubject) abort() {
	clock := s.now.clock
	if s.now = (ttlModel{maps.Clone(s.then.rows), s.then.clock}); s.declared.TTL.Wall {
		s.now.clock = clock
	}
}

func (s *ttlSubject) alive(k string) (int64, bool) {
	w, ok := s.now.rows[k]
	if !ok || w.at+testTTL <= s.now.clock {
		return 0, false
	}
	return w.value, true
}

func (s *ttlSubject) step() {
	s.now.clock += int64(s.rng.IntN(12))
	k := someKey(s.rng)
	want, has := s.alive(k)
	switch s.rng.IntN(8) {
	case 0:
		s.store.Prefetch([]string{k, someKey(s.rng), k})
	case 1, 2:
		if v, ok := s.store.Get(k); v != want || ok != has || s.store.Has(k) != has {
			s.t.Fatalf("get %q at %d: %d %v, want %d %v of %v", k, s.now.clock, v, ok, want, has, s.now.rows[k])
		}
	case 3, 4:
		v, ok := s.store.Upsert(k)
		if *v != want || ok != has {
			s.t.Fatalf("upsert %q at %d: %d %v, want %d %v of %v", k, s.now.clock, *v, ok, want, has, s.now.rows[k])
		}
		*v++
		s.now.rows[k] = written{*v, s.now.clock}
	case 5:
		s.now.rows[k] = written{s.rng.Int64(), s.now.clock}
		s.store.Put(k, s.now.rows[k].value)
	case 6:
		if ok := s.store.Delete(k); ok != has {
			s.t.Fatalf("delete %q: %v, want %v", k, ok, has)
		}
		delete(s.now.rows, k)
	case 7:
		s.verify()
	}
}

func (s *ttlSubject) verify() {
	var want []string
	for k := range s.now.rows {
		if _, ok := s.alive(k); ok {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	s.store.Scan(func(k string, v *int64) bool {
		if len(want) == 0 || want[0] != k || *v != s.now.rows[k].value {
			s.t.Fatalf("scan at %d gives %q=%d, want %q of %v", s.now.clock, k, *v, want, s.now.rows)
		}
		want = want[1:]
		return true
	})
	if len(want) > 0 {
		s.t.Fatalf("scan at %d misses %q", s.now.clock, want)
	}
}
