// SPDX-License-Identifier: Apache-2.0

package state

import "github.com/irmak-go/irmak/internal/invariants"

// check verifies the invariants of a WindowStore.
func (w *WindowStore[K, V]) check() {
	name := w.core.spec.Name
	invariants.Check(w.written <= w.mark && w.mark <= w.expired, "store %q: (5) expired %d, mark %d, written %d",
		name, w.expired, w.mark, w.written)
	chained := 0
	for k, c := range w.index {
		ch := w.chains.at(c)
		invariants.Check(ch.key == k && ch.newest != 0 && ch.oldest != 0, "store %q: (1) chain %d of key %v", name, c, k)
		before, start := int32(0), int64(-1)
		for i := ch.oldest; i != 0; i = w.core.rows.at(i).it.newer {
			r := &w.core.rows.at(i).it
			invariants.Check(r.chain == c && r.older == before && r.start > start, "store %q: (1) row %d at %d in chain %d",
				name, i, r.start, c)
			before, start = i, r.start
			chained++
		}
		invariants.Check(ch.newest == before, "store %q: (1) the newest of chain %d is %d, not %d",
			name, c, before, ch.newest)
	}
	ringed := 0
	w.segments.Scan(func(seg int64, head int32) bool {
		i := head
		for again := true; again; again = i != head {
			r := &w.core.rows.at(i).it
			next := &w.core.rows.at(r.next).it
			invariants.Check(w.layout.of(r.start) == seg && next.prev == i, "store %q: (1) row %d at %d in the ring of %d",
				name, i, r.start, seg)
			ringed++
			i = r.next
		}
		return true
	})
	live := w.core.rows.live()
	invariants.Check(chained == live && ringed == live, "store %q: (1) %d rows, %d in chains, %d in rings",
		name, live, chained, ringed)
	invariants.Check(len(w.index) == w.chains.live(), "store %q: %d keys, %d chains", name, len(w.index), w.chains.live())
	w.checkStored(name)
}

// checkStored looks at what the database holds, when that is little.
func (w *WindowStore[K, V]) checkStored(name string) {
	w.core.stored(func(row, _ []byte) {
		seg, key, offset, err := w.layout.parse(row[prefixLen:])
		invariants.Check(err == nil && seg >= w.low, "store %q: (4) row %x is below segment %d: %v", name, row, w.low, err)
		start := w.layout.first(seg) + offset
		k, err := w.keys.decode(key)
		if err != nil || start < w.expired || w.find(k, start) != 0 {
			return
		}
		invariants.Check(start <= w.unknown(k), "store %q: (2) key %v at %d is only in the database, gap %d",
			name, k, start, w.unknown(k))
	})
}

// check verifies the invariants of a MapStore.
func (m *MapStore[K, V]) check() {
	name := m.core.spec.Name
	for k, i := range m.index {
		invariants.Check(m.core.rows.at(i).it.key == k, "store %q: (1) key %v is not that of row %d", name, k, i)
	}
	live := m.core.rows.live()
	invariants.Check(len(m.index) == live, "store %q: (1) %d keys, %d rows", name, len(m.index), live)
	m.checkExtent(name)
	if m.ttl != nil {
		m.checkEntries()
	}
	if m.order == nil {
		return
	}
	held := 0
	for _, i := range m.index {
		r := m.core.rows.at(i)
		if r.flags&(dirty|queued) == 0 {
			continue
		}
		held++
		k, ok := m.orderKey(&r.it)
		at, found := m.order.Get(k)
		invariants.Check(!ok || found && at == i, "store %q: (2) row %d is not in order", name, i)
	}
	invariants.Check(held == m.order.Len(), "store %q: (2) %d rows of %d in order", name, m.order.Len(), held)
}

// checkExtent looks at what the database holds, when that is little.
func (m *MapStore[K, V]) checkExtent(name string) {
	if m.extent != whole {
		return
	}
	m.core.stored(func(row, _ []byte) {
		k, err := m.keys.decode(row[prefixLen:])
		invariants.Check(err != nil || m.index[k] != 0, "store %q: (3) key %v is only in the database", name, k)
	})
}

// check verifies that no number was released twice.
func (s *slab[T]) check(name string) {
	seen := make(map[int32]bool, len(s.free))
	for _, i := range s.free {
		invariants.Check(i > 0 && i <= s.top && !seen[i], "store %q: number %d is free twice", name, i)
		seen[i] = true
	}
}
