// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/irmak-go/irmak/stream/codec"
)

// Window declares a store of one value per key and start time: windows, slices, sessions, join buffers. Starts are
// milliseconds of event time, never negative.
type Window[K comparable, V any] struct {
	// Name is durable and unique in the topology.
	Name string
	// Key and Value encode what the store holds.
	Key   codec.Codec[K]
	Value codec.Codec[V]
	// Segment is the span of starts that lie together in the database, in milliseconds. A scan over time reads whole
	// segments, a scan of one key seeks once per segment, expiry frees whole segments. Where starts are multiples of
	// Segment both are cheap and time scans need no memory; 1 is an order purely by time. A store that was opened with
	// another Segment before is restored from its changelog. Defaults to an eighth of Retention, or an hour when that is
	// 0.
	Segment int64
	// Retention is how long a row is kept, at most, in milliseconds: what the changelog topic is told. Rows go when
	// Expire is called. 0 is forever.
	Retention int64
	// Unlogged: no changelog. The store begins empty whenever the task begins or recovers.
	Unlogged bool
}

// Open opens the store in a task. Once per task.
func (d Window[K, V]) Open(p Place) *WindowStore[K, V] {
	if d.Segment <= 0 {
		d.Segment = max(d.Retention/8, 1)
		if d.Retention <= 0 {
			d.Segment = time.Hour.Milliseconds()
		}
	}
	spec := Spec{Name: d.Name, Kind: KindWindow, Retention: d.Retention, Unlogged: d.Unlogged}
	in := p.OpenStore(spec, func(b Backing) Instance {
		w := &WindowStore[K, V]{keys: ownerOf(d.Key), values: ownerOf(d.Value), layout: newLayout(d.Segment)}
		// As if each row had a key of its own, and a segment where that is likely.
		share := int(unsafe.Sizeof(chain[K]{})) + mapIndexBytes[K]()
		if d.Segment == 1 {
			share += segmentBytes
		}
		w.core.init(w, spec, b, share, pointers(reflect.TypeFor[V]()))
		return &w.core
	})
	return handle[*WindowStore[K, V], windowRow[V]](in, d.Name)
}

// segmentBytes is about what a segment takes in a half-full tree.
const segmentBytes = 2 * (8 + 4)

// WindowStore is an open Window.
//
// All rows of a key are a chain in the order of their starts, so that work at the end of time finds its row in one
// step; work that is n rows late takes n. All cached rows of a segment are a ring, so that expiry touches what goes.
// What the cache can answer alone is known by two bounds: the database holds no row that the cache lacks above gap,
// and none of a key above its chain's gap. Windows that never grew out of the cache never read the database.
//
// Owner: the task's goroutine.
//
//  1. A cached row is in the chain of its key, sorted by start, and in the ring of its segment. None is empty.
//  2. A row that only the database has starts at or below gap, and at or below its chain's gap if its key has a chain.
//  3. No row that starts below expired is ever seen, logged or written.
//  4. The database holds no row in a segment below low.
//  5. written ≤ mark ≤ expired: in the database, in the changelog, in effect.
type WindowStore[K comparable, V any] struct {
	core     core[windowRow[V]]
	layout   layout
	index    map[K]int32
	chains   slab[chain[K]]
	segments *btree.Map[int64, int32] // a cached row of each segment that has any
	recent   struct {                 // the ring that was last added to; row 0 is none
		segment int64
		row     int32
	}
	gap     int64     // highest start of a row that only the database may have, -1 when none
	low     int64     // lowest segment that the database may have rows of
	expired int64     // lowest start that has not expired
	mark    int64     // expired, as the changelog has it
	written int64     // mark, as the database has it
	trimmed time.Time // when the database was last rid of expired segments

	picked []int32 // scratch of ScanKey
	span   spanScratch
	void   V // what an expired row's Upsert gives
	keys   owner[K]
	values owner[V]
}

type chain[K comparable] struct {
	key            K
	oldest, newest int32
	gap            int64 // as of the store, for this key
}

type windowRow[V any] struct {
	val          V
	start        int64
	chain        int32
	older, newer int32 // in the chain
	prev, next   int32 // in the ring
}

// Get is the value of k's row that starts at start.
func (w *WindowStore[K, V]) Get(k K, start int64) (v V, ok bool) {
	i := w.find(k, start)
	if i == 0 {
		if i = w.load(k, start); i == 0 {
			return v, false
		}
	}
	if start < w.expired {
		return v, false
	}
	r := w.core.rows.at(i)
	r.touch()
	return r.it.val, r.flags&present != 0
}

// Upsert gives a pointer to the value of k's row that starts at start, for the caller to change, a zero value when
// there was none (existed is false), and takes it as changed. The pointer is valid until the next call on the store.
// A row that has expired is not made: what is written there is lost.
func (w *WindowStore[K, V]) Upsert(k K, start int64) (v *V, existed bool) {
	i := w.find(k, start)
	if i == 0 {
		if i = w.load(k, start); i == 0 {
			if i = w.add(k, start, unborn); i == 0 {
				return w.nowhere(), false
			}
		}
	}
	if start < w.expired {
		return w.nowhere(), false
	}
	r := w.core.rows.at(i)
	r.touch()
	existed = r.flags&present != 0
	if !existed {
		w.revive(r)
	}
	w.core.change(i, r)
	return &r.it.val, existed
}

func (w *WindowStore[K, V]) nowhere() *V {
	var zero V
	w.void = zero
	return &w.void
}

// Put sets the value of k's row that starts at start, without reading the old one. Nothing happens when it has expired.
func (w *WindowStore[K, V]) Put(k K, start int64, v V) {
	if start < w.expired {
		return
	}
	i := w.find(k, start)
	if i == 0 {
		flags := uint8(0)
		if w.known(k, start) {
			flags = unborn
		}
		if i = w.add(k, start, flags); i == 0 {
			return
		}
	}
	r := w.core.rows.at(i)
	r.touch()
	if r.flags&present == 0 {
		w.revive(r)
	}
	r.it.val = v
	w.core.change(i, r)
}

// Delete removes k's row that starts at start and says whether it was there.
func (w *WindowStore[K, V]) Delete(k K, start int64) bool {
	i := w.find(k, start)
	if i == 0 {
		i = w.load(k, start)
	}
	if i == 0 || start < w.expired {
		return false
	}
	r := w.core.rows.at(i)
	if r.flags&present == 0 {
		return false
	}
	w.core.change(i, r)
	var zero V
	r.it.val = zero
	r.flags &^= present
	w.core.weigh(r, 0)
	return true
}

// revive makes an absent row a present one with a zero value.
func (w *WindowStore[K, V]) revive(r *row[windowRow[V]]) {
	var zero V
	r.it.val = zero
	r.flags |= present
	w.core.weigh(r, w.core.typical)
}

// Changed calls yield for the rows that changed since the last commit, in the order in which they first did, until it
// returns false. exists is false for a row that was deleted. Rows that came and went in between are left out, and so
// are those that have expired. yield must not change the store.
func (w *WindowStore[K, V]) Changed(yield func(k K, start int64, v *V, exists bool) bool) {
	for _, i := range w.core.dirty {
		if i == 0 {
			continue
		}
		r := w.core.rows.at(i)
		if r.flags&(present|unborn) == unborn || r.it.start < w.expired {
			continue
		}
		if !yield(w.chains.at(r.it.chain).key, r.it.start, &r.it.val, r.flags&present != 0) {
			return
		}
	}
}

// Expired is the lowest start that has not expired.
func (w *WindowStore[K, V]) Expired() int64 { return w.expired }

// load brings a row that the cache does not hold into it, as absent if there is none. 0 when the cache knows without
// asking that there is none, when it has expired, and after a failure.
func (w *WindowStore[K, V]) load(k K, start int64) int32 {
	if start < w.expired || w.known(k, start) {
		return 0
	}
	if !w.encode(k, start) {
		return 0
	}
	enc, ok := w.core.fetch()
	if !ok {
		return w.add(k, start, unborn)
	}
	v, err := w.values.decode(enc)
	if err != nil {
		w.core.fail(fmt.Errorf("value of key %v at %d: %w", k, start, err))
		return 0
	}
	i := w.add(k, start, present)
	if i != 0 {
		w.fill(i, v, len(enc))
	}
	return i
}

// fill gives row i a value that the database has, of n bytes.
func (w *WindowStore[K, V]) fill(i int32, v V, n int) {
	r := w.core.rows.at(i)
	r.it.val = v
	w.core.weighed(n)
	w.core.weigh(r, n)
}

// encode puts the database key of a row into the scratch key.
func (w *WindowStore[K, V]) encode(k K, start int64) bool {
	b, err := w.keys.codec.Append(w.layout.begin(append(w.core.key[:0], w.core.back.Prefix...), start), k)
	if err != nil {
		w.core.fail(fmt.Errorf("key %v: %w", k, err))
		return false
	}
	w.core.key = w.layout.finish(b, start)
	return true
}
