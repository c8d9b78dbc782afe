// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/irmak-go/irmak/state"
)

// subject is a store under test beside a model of it that is too simple to be wrong.
type subject interface {
	// open opens the store, after boot.
	open(p state.Place)
	// step does one random operation on both and fails when they differ.
	step()
	// verify compares everything.
	verify()
	// commit and abort move the model.
	commit()
	abort()
}

// Stores runs all kinds of stores through random histories on machines of one kind. Each history has a seed, which is
// the name of its subtest.
func Stores(t *testing.T, histories, steps int, machine func(t testing.TB) Machine) {
	kinds := []struct {
		name string
		make func(t testing.TB, rng *rand.Rand) subject
	}{
		{"map", newMapSubject},
		{"unlogged", newUnloggedSubject},
		{"ttl", newTTLSubject},
		{"window", newWindowSubject},
		{"session", newSessionSubject},
		{"list", newListSubject},
		{"versioned", newVersionedSubject},
		{"timers", newTimersSubject},
	}
	for _, k := range kinds {
		for seed := range histories {
			t.Run(fmt.Sprintf("%s/%d", k.name, seed), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(seed), 1))
				live(t, rng, steps, machine(t), k.make(t, rng))
			})
		}
	}
}

// live is the life of a task.
func live(t testing.TB, rng *rand.Rand, steps int, m Machine, s subject) {
	w := newWorld(t, rng, m)
	s.open(w)
	for range steps {
		s.step()
		switch rng.IntN(30) {
		case 0, 1, 2, 3:
			if w.commit() {
				s.commit()
			} else {
				s.abort()
				s.verify()
			}
		case 4:
			s.verify()
		case 5:
			if rng.IntN(4) > 0 {
				continue
			}
			m.Crash(t)
			w.restart(s)
		case 6:
			if rng.IntN(4) > 0 {
				continue
			}
			w.abort() // what is not committed does not survive a graceful stop either
			s.abort()
			w.stop()
			m.Restart(t)
			w.restart(s)
		case 7:
			w.limit = 1 << (8 + rng.IntN(9))
			for _, in := range w.stores {
				in.SetLimit(w.limit)
			}
		}
	}
	for !w.commit() {
		s.abort()
		s.step()
	}
	s.commit()
	m.Crash(t)
	w.restart(s)
}

// restart opens everything again after the process has gone.
func (w *world) restart(s subject) {
	for _, l := range w.logs {
		l.abort()
	}
	w.boot()
	s.open(w)
	w.recover()
	s.abort()
	s.verify()
}
