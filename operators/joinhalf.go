// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// half is what one side of a join keeps.
//
//  1. The values of a key at a time are in rows, in the order of arrival.
//  2. A row in waiting has the number of the first value that waits for a match; the values behind it wait too.
//  3. Nothing waits at a time before least.
//  4. A row whose settled has the side's bit does not wait on that side.
//  5. No row is older than the side's latest record by more than keptFor, and what waits is not older than that: the
//     clock, by which it closes, is not behind the side's records less their disorder.
type half[K comparable, V any] struct {
	rows    *state.WindowStore[K, copies[V]]
	waiting *state.WindowStore[K, uint32] // nil when unmatched records are not wanted
	bit     uint8
	keptFor int64
	copied  func(V) V
	least   int64
	held    held[K]

	closing []waiter[K] // the first of what is closed, taken from waiting together
	done    int         // of these
	atOnce  int         // how many are taken at most
	from    int64       // the time from which they were taken
	collect func(at int64, k K, from *uint32) bool
	to      int64
}

// waiter is a row of what waits.
type waiter[K comparable] struct {
	key  K
	at   int64
	from uint32
}

// closingAtOnce is how many rows are taken from what waits together. Of very many at one time each look walks past all
// that were taken before, so each takes twice as many as the one before it, up to mostAtOnce.
const (
	closingAtOnce = 256
	mostAtOnce    = 1 << 16
)

func (h *half[K, V]) open(t *stream.Task, name string, key codec.Codec[K], value codec.Codec[V]) {
	h.rows = state.Window[K, copies[V]]{
		Name: name, Key: key, Value: copiesCodec[V]{value, codec.Slice(value)}, Retention: h.keptFor + 1,
	}.Open(t)
}

func (h *half[K, V]) openWaiting(t *stream.Task, name string, key codec.Codec[K], retention int64) {
	h.waiting = state.Window[K, uint32]{
		Name: name, Key: key, Value: countCodec{}, Segment: 1, Retention: max(retention, 1),
	}.Open(t)
	h.atOnce, h.from = closingAtOnce, math.MinInt64
	h.collect = func(at int64, k K, from *uint32) bool {
		if h.least = at; at >= h.to || len(h.closing) == h.atOnce {
			return false
		}
		h.closing = append(h.closing, waiter[K]{k, at, *from})
		h.least = math.MaxInt64
		return true
	}
}

// keep adds a record to the rows, unless it is too old for that, and expires the rows that are now. That it is the
// side's own records that do so, and not the clock, is what late records of the other side are joined by: a side that
// has stopped, or is behind, has its rows still. In-time ones find everything either way, as no side is ahead of the
// clock.
func (h *half[K, V]) keep(r *stream.Record[K, V], waits bool) {
	h.rows.Expire(r.Time - h.keptFor)
	if r.Time < h.rows.Expired() {
		return
	}
	row, existed := h.rows.Upsert(r.Key, r.Time)
	if existed {
		if row.add(h.copied(r.Value)); row.rest.held { // before a crash that has not taken it back
			row.rest.held, row.rest.headers = false, nil
		}
		return
	}
	row.first = r.Value
	if !waits {
		row.settled = h.bit
	}
}

// wait lets the value that was kept last at a time wait for a match.
func (h *half[K, V]) wait(k K, at int64) {
	row, _ := h.rows.Upsert(k, at)
	row.settled &^= h.bit
	if from, waits := h.waiting.Upsert(k, at); !waits {
		*from = uint32(row.len() - 1)
	}
	h.least = min(h.least, at)
}

// matched takes the values of a row out of what waits.
func (h *half[K, V]) matched(k K, at int64, row *copies[V]) {
	if h.waiting == nil || row.settled&h.bit != 0 {
		return
	}
	h.waiting.Delete(k, at)
	row.settled |= h.bit
}

// first is the time of what waits first, of times before to; math.MaxInt64 when nothing does.
func (h *half[K, V]) first(to int64) int64 {
	if h.waiting == nil {
		return math.MaxInt64
	}
	if h.done == len(h.closing) && h.least < to {
		from := h.least
		if from == h.from {
			h.atOnce = min(2*h.atOnce, mostAtOnce)
		} else {
			h.from, h.atOnce = from, closingAtOnce
		}
		h.to, h.least = to, math.MaxInt64
		clear(h.closing)
		h.closing, h.done = h.closing[:0], 0
		h.waiting.ScanSpan(from, math.MaxInt64, h.collect)
	}
	if h.done == len(h.closing) {
		return math.MaxInt64
	}
	return h.closing[h.done].at
}

// take gives what first has announced, with the values of its row. It waits no more.
func (h *half[K, V]) take() (w waiter[K], row copies[V]) {
	w = h.closing[h.done]
	h.done++
	h.waiting.Delete(w.key, w.at)
	row, _ = h.rows.Get(w.key, w.at)
	return w, row
}

// finish expires what waited before to, all of which is sent, and says whether something may still wait.
func (h *half[K, V]) finish(to int64) bool {
	if h.waiting == nil {
		return false
	}
	h.waiting.Expire(to)
	return h.least != math.MaxInt64
}

// copies is the values of a key at one time, in the order of arrival: mostly one.
type copies[V any] struct {
	first   V
	rest    *others[V] // nil when there is nothing else
	settled uint8      // the sides on which it is known not to wait; not stored
}

// others is what else there is at the time.
type others[V any] struct {
	more    []V
	held    bool   // the last value has not been joined yet
	headers []byte // of that one, encoded
}

func (c *copies[V]) len() int { return 1 + len(c.more()) }

func (c *copies[V]) more() []V {
	if c.rest == nil {
		return nil
	}
	return c.rest.more
}

func (c *copies[V]) at(i int) V {
	if i == 0 {
		return c.first
	}
	return c.rest.more[i-1]
}

func (c *copies[V]) add(v V) {
	if c.rest == nil {
		c.rest = &others[V]{}
	}
	c.rest.more = append(c.rest.more, v)
}

// copiesCodec writes [0][value], or [1] and a codec.Slice of several, or, when the last one is held, [2], its headers
// after their length (a uvarint), and a codec.Slice of one or several.
type copiesCodec[V any] struct {
	one     codec.Codec[V]
	several codec.Codec[[]V]
}

const (
	oneCopy = iota
	severalCopies
	heldCopy
)

func (c copiesCodec[V]) Append(dst []byte, v copies[V]) ([]byte, error) {
	switch {
	case v.rest != nil && v.rest.held:
		dst = appendMeasured(append(dst, heldCopy), v.rest.headers)
	case v.len() > 1:
		dst = append(dst, severalCopies)
	default:
		return c.one.Append(append(dst, oneCopy), v.first)
	}
	return c.several.Append(dst, append([]V{v.first}, v.more()...))
}

func (c copiesCodec[V]) Decode(src []byte) (v copies[V], err error) {
	if len(src) > 0 && src[0] == oneCopy {
		v.first, err = c.one.Decode(src[1:])
		return v, err
	}
	var rest others[V]
	if ok := len(src) > 0 && src[0] <= heldCopy; ok {
		src, rest.held = src[1:], src[0] == heldCopy
		if rest.held {
			rest.headers, src, ok = measured(src)
		}
		all, err := c.several.Decode(src)
		if ok && err == nil && (len(all) > 1 || rest.held && len(all) == 1) {
			rest.more = all[1:]
			return copies[V]{first: all[0], rest: &rest}, nil
		}
	}
	return v, fmt.Errorf("the records of a join at one time: %d bytes that were not written as such", len(src))
}

// countCodec writes a number as a uvarint, and 0, which most are, as nothing.
type countCodec struct{}

func (countCodec) Append(dst []byte, n uint32) ([]byte, error) {
	if n == 0 {
		return dst, nil
	}
	return binary.AppendUvarint(dst, uint64(n)), nil
}

func (countCodec) Decode(src []byte) (uint32, error) {
	if len(src) == 0 {
		return 0, nil
	}
	n, size := binary.Uvarint(src)
	if size != len(src) || n > math.MaxUint32 {
		return 0, fmt.Errorf("a count of %d bytes is damaged", len(src))
	}
	return uint32(n), nil
}
