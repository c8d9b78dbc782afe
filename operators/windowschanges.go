// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// changes are rows that have changed, by key. The zero value is ready.
type changes[K comparable] struct {
	newest map[K]int32 // the last change of a key in list, plus 1
	list   []change
	keys   []K // in the order of their first changes
	starts []int64
}

type change struct {
	start  int64
	before int32 // the key's change before, plus 1
}

// add notes that the row of k at start has changed. It keeps k.
func (c *changes[K]) add(k K, start int64) {
	if c.newest == nil {
		c.newest = map[K]int32{}
	}
	before := c.newest[k]
	if before == 0 {
		c.keys = append(c.keys, k)
	}
	c.list = append(c.list, change{start, before})
	c.newest[k] = int32(len(c.list))
}

// move is add for a row that was at from. When that was the last change of k, it is forgotten.
func (c *changes[K]) move(k K, from, start int64, owned func(K) K) {
	if i := c.newest[k]; i > 0 && c.list[i-1].start == from {
		c.list[i-1].start = start
		return
	}
	c.add(owned(k), start)
}

// drain gives each key, in the order of their first changes, with the starts of its rows, ascending, until yield
// returns false; then it is empty.
func (c *changes[K]) drain(yield func(k K, starts []int64) bool) bool {
	ok := true
	for _, k := range c.keys {
		c.starts = c.starts[:0]
		for i := c.newest[k]; i != 0; i = c.list[i-1].before {
			c.starts = append(c.starts, c.list[i-1].start)
		}
		slices.Sort(c.starts)
		if ok = yield(k, c.starts); !ok {
			break
		}
	}
	clear(c.newest)
	clear(c.keys)
	c.list, c.keys = c.list[:0], c.keys[:0]
	return ok
}

// roundByKey is round for keepers whose panes are made of several rows, of which Changed gave these.
func (g *windowTask[K, V, A]) roundByKey(c *changes[K], from, to int64) bool {
	return c.drain(func(k K, starts []int64) bool {
		ok := true
		g.review.changed(k, starts, from, to, func(s window.Span, p part[A]) {
			ok = ok && g.review.retract(k, s) && g.pane(k, s, p.Value, p.Time, false)
		})
		return ok
	})
}

// ticks are the multiples of an interval at which Every sends panes. The rows that have changed since the last tick
// are kept in memory, some 60 bytes for each key and 16 for each row, and their panes too while they are sent. In the
// store they bear the stamp of the interval in which they changed, which is how a restart finds them again.
type ticks[K comparable, A any] struct {
	interval int64
	keys     codec.Codec[K]
	at       int64 // the last multiple of interval that the clock has passed
	changes  changes[K]
	ready    []tickPane[K, A]
	bytes    []byte // of the keys in ready
}

type tickPane[K comparable, A any] struct {
	key      K
	from, to int // its bytes
	result[A]
}

// begin puts the last tick where the clock stands and gives the stamp until the next one. It is never 0, which is the
// stamp of rows that were written without Every.
func (t *ticks[K, A]) begin(clock int64) (stamp int64) {
	clock = max(clock, 0)
	t.at = clock - clock%t.interval
	return t.at/t.interval + 1
}

// following is the next tick.
func (t *ticks[K, A]) following() int64 { return later(t.at, t.interval) }

// tick sends the panes that changed before the last tick and are open, if the clock has passed another one.
func (g *windowTask[K, V, A]) tick(now, open int64) bool {
	t := g.ticks
	if now < t.following() {
		return true
	}
	ok := t.changes.drain(func(k K, starts []int64) bool {
		from := len(t.bytes)
		enc, err := t.keys.Append(t.bytes, k)
		if err != nil {
			g.failed(err)
			return false
		}
		t.bytes = enc
		g.review.changed(k, starts, open, math.MaxInt64, func(s window.Span, p part[A]) {
			t.ready = append(t.ready, tickPane[K, A]{k, from, len(enc), result[A]{s, p}})
		})
		return true
	})
	slices.SortFunc(t.ready, func(a, b tickPane[K, A]) int {
		return cmp.Or(g.review.order(a.span, b.span), bytes.Compare(t.bytes[a.from:a.to], t.bytes[b.from:b.to]))
	})
	for i := 0; i < len(t.ready) && ok; i++ {
		p := &t.ready[i]
		ok = g.review.retract(p.key, p.span) && g.pane(p.key, p.span, p.part.Value, p.part.Time, false)
	}
	clear(t.ready)
	t.ready, t.bytes = t.ready[:0], t.bytes[:0]
	g.stamp = t.begin(now)
	return ok
}
