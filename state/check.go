// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"

	"github.com/irmak-go/irmak/internal/invariants"
)

// checkMost bounds the rows of a cache that is checked entirely: checks of larger ones would make tests of the whole
// library quadratic.
const checkMost = 2048

// checkStoredMost bounds how many rows of the database are looked at.
const checkStoredMost = 64

// stored calls f for the first rows that the database holds, keys with the prefix. Errors end the look, not the task.
func (s *core[R]) stored(f func(key, value []byte)) {
	it, err := s.back.DB.Scan(s.back.Prefix, after(s.back.Prefix))
	if err != nil {
		return
	}
	defer func() { _ = it.Close() }()
	for n := 0; n < checkStoredMost && it.Next(); n++ {
		f(it.Key(), it.Value())
	}
}

// check verifies the core's invariants by a walk over all rows.
func (s *core[R]) check() {
	if s.rows.live() > checkMost {
		return
	}
	name := s.spec.Name
	bytes, held, seen := 0, 0, 0
	last := int64(-1)
	for _, l := range []struct {
		list *list
		want uint8
	}{{&s.clean, 0}, {&s.queue, queued}} {
		prev, n := int32(0), 0
		for i := l.list.head; i != 0; i = s.rows.at(i).next {
			r := s.rows.at(i)
			n++
			bytes += int(r.size)
			held += int(r.size) * int(l.want/queued)
			invariants.Check(r.prev == prev, "store %q: row %d: prev is %d, not %d", name, i, r.prev, prev)
			invariants.Check(r.flags&queued == l.want, "store %q: (1) row %d with flags %x in the wrong list", name, i, r.flags)
			invariants.Check(l.want != 0 || r.flags&dirty == 0, "store %q: (1) dirty row %d among the clean", name, i)
			if l.want != 0 {
				invariants.Check(r.seq > last, "store %q: (3) row %d with number %d after %d", name, i, r.seq, last)
				last = r.seq
			}
			prev = i
		}
		invariants.Check(n == l.list.n && l.list.tail == prev, "store %q: list of %d rows says %d", name, n, l.list.n)
		seen += n
	}
	changed := 0
	for at, i := range s.dirty {
		if i == 0 {
			continue
		}
		r := s.rows.at(i)
		changed++
		invariants.Check(r.flags&dirty != 0 && int(r.dirtyAt) == at, "store %q: (2) row %d at %d says %d, flags %x",
			name, i, at, r.dirtyAt, r.flags)
		if r.flags&queued == 0 {
			seen++
			bytes += int(r.size)
			held += int(r.size)
		}
	}
	invariants.Check(changed == s.changed, "store %q: %d rows are dirty, not %d", name, changed, s.changed)
	invariants.Check(seen == s.rows.live(), "store %q: (1) %d rows of %d are in a list", name, seen, s.rows.live())
	invariants.Check(bytes == s.bytes && held == s.held, "store %q: (5) %d bytes and %d held, counted %d and %d",
		name, s.bytes, s.held, bytes, held)
	s.log.check(name)
	waiting := 0
	for _, g := range s.log.groups {
		waiting += g.rows
	}
	invariants.Check(waiting == s.queue.n, "store %q: backlog counts %d queued rows of %d", name, waiting, s.queue.n)
	s.rows.check(name)
}

// checkClean verifies that clean rows say what the database says. Nothing may wait in a batch.
func (s *core[R]) checkClean() {
	if s.clean.n > checkStoredMost {
		return
	}
	for i := s.clean.head; i != 0; i = s.rows.at(i).next {
		r := s.rows.at(i)
		if s.kind.gone(&r.it) {
			continue
		}
		key, err := s.kind.appendDBKey(append([]byte(nil), s.back.Prefix...), &r.it)
		if err != nil {
			return
		}
		stored, ok, err := s.back.DB.Get(key, nil)
		if err != nil {
			return
		}
		invariants.Check(ok == (r.flags&present != 0), "store %q: (4) clean row %x: stored is %v",
			s.spec.Name, key, ok)
		if ok {
			val, err := s.kind.appendValue(nil, i, &r.it)
			invariants.Check(err != nil || bytes.Equal(val, stored), "store %q: (4) clean row %x is %x, stored is %x",
				s.spec.Name, key, val, stored)
		}
	}
}

// check verifies a backlog's first invariant.
func (q *backlog) check(name string) {
	for i := 1; i < len(q.groups); i++ {
		a, b := q.groups[i-1], q.groups[i]
		invariants.Check(a.end < b.end, "store %q: group ends at %d, the next at %d", name, a.end, b.end)
		invariants.Check(b.at.IsZero() || !a.at.After(b.at), "store %q: a group is younger than the next", name)
	}
	for i := 1; i < len(q.runs); i++ {
		a, b := q.runs[i-1], q.runs[i]
		invariants.Check(a.end == b.seq && a.offset+a.end-a.seq <= b.offset, "store %q: runs %v and %v", name, a, b)
	}
}
