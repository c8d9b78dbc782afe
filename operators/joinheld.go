// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
)

// A record that makes more close than is given out at once is held until all of that is out, since its results come
// after it. It is done as far as its topic knows, so it must be found again after a crash: it lies in the rows, as the
// last value of its key and time, marked, with its headers. Nothing else is joined before it.
//
//	clock ─▶ close … put off ─▶ hold ─▶ (commit?) ─▶ close … ─▶ unhold ─▶ accept
//
// Where it lies need not be written down: it has moved the clock, so its time is the clock's, and the disorder more.

// held is where a half holds a record.
type held[K comparable] struct {
	is  bool
	key K
	at  int64
}

// hold puts r into the rows, to be joined later.
func (h *half[K, V]) hold(r *stream.Record[K, V]) {
	row, existed := h.rows.Upsert(r.Key, r.Time)
	if existed {
		row.add(h.copied(r.Value))
	} else {
		row.first = r.Value
		row.rest = &others[V]{}
	}
	row.rest.held, row.rest.headers = true, encodeHeaders(r.Headers)
	h.held = held[K]{true, r.Key, r.Time}
}

// findHeld looks for a record that another task held at a time.
func (h *half[K, V]) findHeld(at int64) {
	h.rows.ScanSpan(at, at, func(at int64, k K, row *copies[V]) bool {
		if row.rest != nil && row.rest.held {
			h.held = held[K]{true, k, at}
		}
		return !h.held.is
	})
}

// unhold takes the record that is held out of the rows again.
func (h *half[K, V]) unhold(r *stream.Record[K, V]) (err error) {
	k, at := h.held.key, h.held.at
	h.held = held[K]{}
	row, _ := h.rows.Upsert(k, at)
	last := row.len() - 1
	*r = stream.Record[K, V]{Key: k, Value: row.at(last), Time: at}
	r.Headers, err = decodeHeaders(row.rest.headers)
	if last == 0 {
		h.rows.Delete(k, at)
		return err
	}
	row.rest = &others[V]{more: row.rest.more[:last-1]}
	return err
}

// resume joins the record that is held, if there is one, as if it came now. Its failure is nobody else's.
func (f *flow[K, V, W, R]) resume(accept func(*stream.Record[K, V])) {
	if !f.me.held.is || f.task.Failed() {
		return
	}
	var r stream.Record[K, V]
	if err := f.me.unhold(&r); err != nil {
		f.task.Fail(f.label, err)
		return
	}
	f.task.Between(func() { accept(&r) })
}

// goOn closes what has been put off, then joins the record that waits for it.
func (j *joinTask[K, A, B, R]) goOn() {
	if !j.begun && !j.clock.Known() {
		return
	}
	if !j.begun { // the task before this one may have held it
		at := j.clock.Now() + j.disorder
		if j.left.me.findHeld(at); !j.left.me.held.is {
			j.right.me.findHeld(at)
		}
	}
	if !j.moved() || j.backlog.Owed() {
		return
	}
	if j.both != nil {
		j.left.resume(j.both)
		return
	}
	j.left.resume(j.left.accept)
	j.right.resume(j.right.accept)
}
