// SPDX-License-Identifier: Apache-2.0

package state

// list is a doubly linked list through the next and prev of a core's rows. A row is in at most one list at a time.
type list struct {
	head, tail int32
	n          int
}

// push puts row i, which is in no list, at the end of l.
func (s *core[R]) push(l *list, i int32) {
	r := s.rows.at(i)
	r.prev, r.next = l.tail, 0
	if l.tail != 0 {
		s.rows.at(l.tail).next = i
	} else {
		l.head = i
	}
	l.tail = i
	l.n++
}

// remove takes row i out of l.
func (s *core[R]) remove(l *list, i int32) {
	r := s.rows.at(i)
	if r.prev != 0 {
		s.rows.at(r.prev).next = r.next
	} else {
		l.head = r.next
	}
	if r.next != 0 {
		s.rows.at(r.next).prev = r.prev
	} else {
		l.tail = r.prev
	}
	r.next, r.prev = 0, 0
	l.n--
}
