// SPDX-License-Identifier: Apache-2.0

package task

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
)

// pile is an operator with entries to give out, all of which are due when it is told so. Each goes to the piles below.
type pile struct {
	*Backlog
	name  string
	due   int
	below []*pile
	rig   *rig
}

func newPile(r *rig, order int, name string, whole bool, below ...*pile) *pile {
	p := &pile{name: name, below: below, rig: r}
	var ids []int
	for _, b := range below {
		ids = append(ids, b.order)
	}
	p.Backlog = r.Backlog(name, order, ids, whole, p.release)
	return p
}

// record makes n entries due.
func (p *pile) record(n int) {
	p.Finish()
	p.due += n
	p.release()
}

func (p *pile) release() {
	for p.Begin(); p.due > 0; {
		if !p.More() {
			return
		}
		p.due--
		if !p.rig.Between(func() {
			p.rig.done = append(p.rig.done, p.name)
			for _, b := range p.below {
				b.record(1)
			}
		}) {
			return
		}
	}
}

// piles gives a rig whose input's records say how many entries come to be due in which pile, once it has been built.
func piles(t *testing.T, atOnce int, clocks map[string]int64, build func(r *rig)) *rig {
	t.Helper()
	r := newRig(t, "a", func(s *Setup) { s.AtOnce, s.Clocks = atOnce, clocks })
	build(r)
	r.begin()
	return r
}

// What is put off comes in the order in which it would have come: first what it makes others give out, then its own.
func TestBacklogsInDepthFirst(t *testing.T) {
	t.Parallel()
	for _, atOnce := range []int{1, 2, 3, 100} {
		var first, second *pile
		r := piles(t, atOnce, nil, func(r *rig) {
			leaf := newPile(r, 3, "leaf", false)
			first, second = newPile(r, 1, "first", false, leaf), newPile(r, 2, "second", false)
		})
		first.record(3)
		second.record(2)
		for r.Owes() {
			_, err := r.Step(1)
			require.NoError(t, err)
		}
		var ofFirst []string
		for _, name := range r.done {
			if name != "second" {
				ofFirst = append(ofFirst, name)
			}
		}
		require.Equal(t, []string{"first", "leaf", "first", "leaf", "first", "leaf"}, ofFirst)
		require.Len(t, r.done, 8)
	}
}

// No record is taken, and nothing is called for the wall, before all is given out; each turn is as long as it may be.
func TestBacklogComesBeforeTheNextRecord(t *testing.T) {
	t.Parallel()
	var p *pile
	r := piles(t, 2, nil, func(r *rig) { p = newPile(r, 1, "entry", false) })
	r.OnWall(func(time.Time) { r.done = append(r.done, "wall") })
	r.feeds[0].add("a", 0, 0, rec{1, "ok"}, rec{2, "ok"})
	p.record(7)
	require.Len(t, r.done, 2)
	for _, want := range []int{4, 6} {
		n, err := r.Step(2)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Len(t, r.done, want)
		require.Equal(t, map[string]int64{"a": 0}, r.offsets(), "to be committed with what was given out")
	}
	n, err := r.Step(3)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, []string{"entry", "a@0", "a@1", "wall"}, r.done[6:])
	require.EqualValues(t, 2, r.Counters.Records(), "entries are no records")
}

// What the wall makes due, and is put off, is work that a turn has found: who waits where there is none must go on.
func TestBacklogOfTheWallIsWork(t *testing.T) {
	t.Parallel()
	var p *pile
	r := piles(t, 2, nil, func(r *rig) { p = newPile(r, 1, "entry", false) })
	r.OnWall(func(time.Time) { p.record(5) })
	n, err := r.Step(10)
	require.NoError(t, err)
	require.True(t, r.Owes())
	require.Positive(t, n)
	r.walls = nil
	n, err = r.Step(10)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.False(t, r.Owes())
	n, err = r.Step(10)
	require.NoError(t, err)
	require.Zero(t, n)
}

// A turn that has to end stops what is given out, however many entries go together.
func TestBacklogsHurry(t *testing.T) {
	t.Parallel()
	for _, together := range []int{1, 2, 63, 64, 65, 500} {
		var b *Backlog
		given, most := 0, 10_000
		r := piles(t, 0, nil, func(r *rig) {
			b = r.Backlog("entry", 1, nil, false, func() {
				for b.Begin(); given < most && b.More(); given += together {
					b.Spend(together - 1)
				}
			})
		})
		b.owe()
		_, err := r.StepUntil(1, r.clock.Now())
		require.NoError(t, err)
		require.True(t, r.Owes(), "%d entries at a time", together)
		require.LessOrEqual(t, given, hurryEvery+together, "%d entries at a time", together)
	}
}

// A task that ends while it owes something leaves it to the next one, whichever input's metadata that reads.
func TestWhatIsOwedSurvives(t *testing.T) {
	t.Parallel()
	var p *pile
	open := func(clocks map[string]int64, due int) *rig {
		return piles(t, 1, clocks, func(r *rig) {
			p = newPile(r, 1, "entry", false)
			p.due = due
		})
	}
	read := func(r *rig, clocks map[string]int64) map[string]int64 {
		t.Helper()
		commits := map[kafka.Partition]kafka.Commit{}
		r.Positions(commits)
		for _, c := range commits {
			require.NoError(t, ParseClocks(c.Metadata, clocks))
		}
		return clocks
	}
	r := open(nil, 0)
	require.Empty(t, read(r, map[string]int64{}))
	p.record(3)
	owing := read(r, map[string]int64{})
	require.Equal(t, map[string]int64{debts + markOf("entry", 0): 1}, owing)
	require.LessOrEqual(t, len(r.ClocksMetadata()), r.MetadataBytes())

	r = open(owing, 2)
	require.True(t, r.Owes())
	step(t, r)
	require.Equal(t, []string{"entry", "entry"}, r.done)
	done := read(r, maps.Clone(owing)) // another input has the old metadata
	require.Equal(t, map[string]int64{debts + markOf("entry", 0): 1, debts: 2}, done)

	require.False(t, open(done, 0).Owes())
}

// A new version of the program may have other operators: who owes something is found again wherever it stands, and
// nobody else is taken for it.
func TestWhatIsOwedSurvivesOtherOperators(t *testing.T) {
	t.Parallel()
	var kept *pile
	metadata := func(r *rig) map[string]int64 {
		clocks := map[string]int64{}
		require.NoError(t, ParseClocks(r.ClocksMetadata(), clocks))
		require.LessOrEqual(t, len(r.ClocksMetadata()), r.MetadataBytes())
		return clocks
	}
	old := piles(t, 1, nil, func(r *rig) {
		newPile(r, 2, "removed", false)
		newPile(r, 1, "other", false)
		kept = newPile(r, 1, "kept", false)
	})
	kept.record(3)
	var others []*pile
	next := piles(t, 1, metadata(old), func(r *rig) {
		kept = newPile(r, 1, "kept", false)
		for i := range 30 {
			others = append(others, newPile(r, 2+i, fmt.Sprint("new", i), false))
		}
		others = append(others, newPile(r, 0, "other", false))
	})
	require.True(t, kept.Owed())
	for _, o := range others {
		require.False(t, o.Owed(), o.name)
	}
	kept.due = 2
	step(t, next)
	require.Equal(t, []string{"kept", "kept"}, next.done)
}

// Whom a record reaches while it owes something gives that out first, at once; so does one whose entries cannot be put
// off, or go to one that waits until all is said.
func TestBacklogsThatAreNotPutOff(t *testing.T) {
	t.Parallel()
	var p, whole, waits *pile
	r := piles(t, 1, nil, func(r *rig) {
		p, whole = newPile(r, 1, "entry", false), newPile(r, 2, "whole", true)
		r.After(4, func() {})
		waits = newPile(r, 3, "waits", false, &pile{Backlog: &Backlog{order: 4}})
		waits.below = nil
	})
	p.record(3)
	require.True(t, p.Owed())
	require.Len(t, r.done, 1)
	p.record(2)
	require.Len(t, r.done, 4, "three, and one of two")
	step(t, r)
	require.Len(t, r.done, 5)
	whole.record(3)
	waits.record(3)
	require.False(t, r.Owes())
	require.Len(t, r.done, 11)
}

// A failure while entries are given out is judged by itself, and the rest goes on.
func TestBacklogsGoOnAfterFailures(t *testing.T) {
	t.Parallel()
	for _, action := range []Action{Skip, Fail} {
		r := newRig(t, "a", func(s *Setup) { s.AtOnce, s.Policies.Process.Action = 1, action })
		given := 0
		var b *Backlog
		release := func() {
			for b.Begin(); given < 4 && b.More(); {
				given++
				if !r.Between(func() { panic(fmt.Sprint(given)) }) {
					return
				}
			}
		}
		b = r.Backlog("entry", 1, nil, false, release)
		b.owe()
		_, err := r.Step(10)
		if action == Fail {
			require.ErrorContains(t, err, "panic")
			require.Equal(t, 1, given)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 4, given)
	}
}
