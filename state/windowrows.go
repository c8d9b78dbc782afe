// SPDX-License-Identifier: Apache-2.0

package state

// find is the cached row of k that starts at start, or 0.
func (w *WindowStore[K, V]) find(k K, start int64) int32 {
	c := w.index[k]
	if c == 0 {
		return 0
	}
	i := w.floor(w.chains.at(c), start)
	if i == 0 || w.core.rows.at(i).it.start != start {
		return 0
	}
	return i
}

// floor is the newest row of c that does not start after start, or 0. It walks from the newest: see WindowStore.
func (w *WindowStore[K, V]) floor(c *chain[K], start int64) int32 {
	i := c.newest
	r := w.core.rows.at(i)
	if r.it.start <= start {
		return i
	}
	if w.core.rows.at(c.oldest).it.start > start {
		return 0
	}
	for r.it.start > start {
		i = r.it.older
		r = w.core.rows.at(i)
	}
	return i
}

// known says whether the cache alone can tell that k has no row at start, given that it holds none.
func (w *WindowStore[K, V]) known(k K, start int64) bool { return start > w.unknown(k) }

// unknown is the highest start at which the database may hold a row of k that the cache lacks.
func (w *WindowStore[K, V]) unknown(k K) int64 {
	if w.gap < 0 {
		return -1
	}
	if c := w.index[k]; c != 0 {
		return min(w.gap, w.chains.at(c).gap)
	}
	return w.gap
}

// add makes a clean row that is not there yet. 0 when it has expired.
func (w *WindowStore[K, V]) add(k K, start int64, flags uint8) int32 {
	if start < w.expired {
		return 0
	}
	w.core.evict() // before the chain is looked up: it may go
	c := w.chainOf(k)
	older := int32(0)
	if ch := w.chains.at(c); ch.newest != 0 {
		older = w.floor(ch, start)
	}
	return w.link(c, older, start, flags)
}

// chainOf is the chain of k, a new one without rows if need be, which must get a row at once.
func (w *WindowStore[K, V]) chainOf(k K) int32 {
	c := w.index[k]
	if c != 0 {
		return c
	}
	c, ch := w.chains.alloc()
	*ch = chain[K]{key: w.keys.clone(k), gap: w.gap}
	w.index[ch.key] = c
	return c
}

// link makes a row of chain c behind older, or as the oldest when that is 0. It evicts nothing: add has.
func (w *WindowStore[K, V]) link(c, older int32, start int64, flags uint8) int32 {
	i, r := w.core.insert(flags)
	ch := w.chains.at(c)
	r.it.start, r.it.chain, r.it.older = start, c, older
	if older != 0 {
		o := w.core.rows.at(older)
		r.it.newer, o.it.newer = o.it.newer, i
	} else {
		r.it.newer, ch.oldest = ch.oldest, i
	}
	if r.it.newer != 0 {
		w.core.rows.at(r.it.newer).it.older = i
	} else {
		ch.newest = i
	}
	w.core.weigh(r, w.core.typical)
	w.join(i, r)
	return i
}

// join puts row i into the ring of its segment, behind the row by which the ring is known.
func (w *WindowStore[K, V]) join(i int32, r *row[windowRow[V]]) {
	seg := w.layout.of(r.it.start)
	at := w.recent.row
	if at == 0 || w.recent.segment != seg {
		at, _ = w.segments.Get(seg)
		if at == 0 {
			at = i
			r.it.prev, r.it.next = i, i
			w.segments.Set(seg, i)
		}
		w.recent.segment, w.recent.row = seg, at
	}
	if at == i {
		return
	}
	head := w.core.rows.at(at)
	r.it.prev, r.it.next = at, head.it.next
	w.core.rows.at(head.it.next).it.prev = i
	head.it.next = i
}

// leave takes row i out of its ring.
func (w *WindowStore[K, V]) leave(i int32, r *windowRow[V]) {
	seg := w.layout.of(r.start)
	if w.recent.segment == seg {
		w.recent.row = 0
	}
	if r.next == i {
		w.segments.Delete(seg)
		return
	}
	w.core.rows.at(r.prev).it.next = r.next
	w.core.rows.at(r.next).it.prev = r.prev
	if at, _ := w.segments.Get(seg); at == i {
		w.segments.Set(seg, r.next)
	}
}

// unlink implements kind.
func (w *WindowStore[K, V]) unlink(i int32, r *windowRow[V], lost bool) {
	w.leave(i, r)
	c := w.chains.at(r.chain)
	if r.older != 0 {
		w.core.rows.at(r.older).it.newer = r.newer
	} else {
		c.oldest = r.newer
	}
	if r.newer != 0 {
		w.core.rows.at(r.newer).it.older = r.older
	} else {
		c.newest = r.older
	}
	if lost {
		w.gap = max(w.gap, r.start)
		c.gap = max(c.gap, r.start)
	}
	if c.oldest == 0 {
		delete(w.index, c.key)
		w.chains.release(r.chain)
	}
}
