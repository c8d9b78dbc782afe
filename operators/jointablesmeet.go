// SPDX-License-Identifier: Apache-2.0

package operators

import "github.com/irmak-go/irmak/stream"

// meeting is what a join whose sides have a source in common holds back until both have been updated.
//
// An update of the source reaches the join twice, once through each side. Joining it at the first time would give a
// row of one side's new and the other's old row, or, where the other is a view that is made anew from the source, the
// right row with an Old that was never sent; and the second time, the same row again. So the changes of a record are
// collected by key, the first Old and the newest New of each side, and joined when the task says that no more comes
// (ADR 0008). What a join further down reads of this one is then settled too.
//
//  1. at[held[i].key] is i, for i from done on. Entries before done have been sent.
//  2. With anything held, settle has been asked for.
type meeting[K comparable, L, R any] struct {
	ask  func()
	at   map[K]int
	held []heldPair[K, L, R]
	done int
}

// heldPair is what has happened to a key's rows.
type heldPair[K comparable, L, R any] struct {
	key     K
	left    heldSide[L]
	right   heldSide[R]
	headers []stream.Header
}

type heldSide[V any] struct {
	change  stream.Change[V]
	time    int64
	changed bool
}

// add takes a further change of the same key.
func (s *heldSide[V]) add(c stream.Change[V], at int64) {
	if !s.changed {
		s.change.Old, s.change.HasOld, s.changed = c.Old, c.HasOld, true
	}
	s.change.New, s.change.HasNew, s.time = c.New, c.HasNew, max(s.time, at)
}

// read completes a side that has not changed.
func read[K comparable, V any](s *heldSide[V], rows stream.Reader[K, V], k K) {
	if s.changed {
		return
	}
	v, at, ok := rowOf(rows, k)
	s.change, s.time = stream.Change[V]{Old: v, New: v, HasOld: ok, HasNew: ok}, at
}

// hold gives the entry of k.
func (m *meeting[K, L, R]) hold(k K, headers []stream.Header) *heldPair[K, L, R] {
	i, ok := m.at[k]
	if !ok {
		i = len(m.held)
		m.at[k] = i
		m.held = append(m.held, heldPair[K, L, R]{key: k})
		m.ask()
	}
	m.held[i].headers = headers
	return &m.held[i]
}

func (j *tableJoin[K, L, R, T]) holdLeft(r *stream.Record[K, stream.Change[L]]) {
	if !r.Value.OutOfOrder {
		j.hold(r.Key, r.Headers).left.add(r.Value, r.Time)
	}
}

func (j *tableJoin[K, L, R, T]) holdRight(r *stream.Record[K, stream.Change[R]]) {
	if !r.Value.OutOfOrder {
		j.hold(r.Key, r.Headers).right.add(r.Value, r.Time)
	}
}

// settle sends what is held, in the order in which the keys first changed.
func (j *tableJoin[K, L, R, T]) settle() {
	for j.done < len(j.held) {
		h := &j.held[j.done]
		j.done++ // before f is called: if it panics, what follows is not lost with it
		delete(j.at, h.key)
		read(&h.left, j.left, h.key)
		read(&h.right, j.right, h.key)
		c := &j.rec.Value
		c.Old, c.HasOld = j.row(h.left.change.Old, h.left.change.HasOld, h.right.change.Old, h.right.change.HasOld)
		c.New, c.HasNew = j.row(h.left.change.New, h.left.change.HasNew, h.right.change.New, h.right.change.HasNew)
		if j.send(h.key, max(h.left.time, h.right.time), h.headers); j.task.Failed() {
			return
		}
	}
	clear(j.held)
	j.held, j.done = j.held[:0], 0
}
