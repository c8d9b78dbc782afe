// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// counted is what the two ways of keeping count windows have in common: records fill them, and the clock does nothing.
type counted[K comparable, V, A any] struct {
	*windowTask[K, V, A]
	w window.Count
}

func (c *counted[K, V, A]) oldestOpen(int64) int64 { return 0 }
func (c *counted[K, V, A]) close(int64) bool       { return true }
func (c *counted[K, V, A]) following(int64) int64  { return math.MaxInt64 }
func (c *counted[K, V, A]) expire(int64)           {}

// shown sends the window that is filled next, as it is with r.
func (c *counted[K, V, A]) shown(r *stream.Record[K, V], s *spell[A], full bool) {
	c.give(r, window.Pane[A]{Span: s.span(), Value: s.Value, Final: full}, s.Time)
}

// stampOf notes for the next tick that the window of r's key has changed, which was under the given stamp before.
func (c *counted[K, V, A]) stampOf(r *stream.Record[K, V], before int64) int64 {
	if c.ticks != nil && before != c.stamp {
		c.ticks.changes.add(c.owned(r.Key), 0)
	}
	return c.stamp
}

// countedWindows keeps one row for each key: its window that is not full. They follow each other.
type countedWindows[K comparable, V, A any] struct {
	counted[K, V, A]
	store *state.MapStore[K, spell[A]]
}

func newCountedWindows[K comparable, V, A any](g *windowTask[K, V, A], w window.Count) *countedWindows[K, V, A] {
	return &countedWindows[K, V, A]{counted[K, V, A]{g, w}, state.Map[K, spell[A]]{
		Name: g.name, Key: g.keys, Value: spellCodec[A]{partCodec[A]{g.fold.Codec, g.ticks != nil}},
	}.Open(g.task)}
}

func (c *countedWindows[K, V, A]) add(r *stream.Record[K, V]) (dropped string) {
	row, _ := c.store.Get(r.Key)
	row = row.with(c.fold.plus(row.Value, row.N > 0, r.Value), r.Time)
	full := row.N >= int64(c.w.Size)
	if full {
		c.store.Delete(r.Key)
	} else {
		row.Stamp = c.stampOf(r, row.Stamp)
		c.store.Put(r.Key, row)
	}
	if full || c.emission == window.EachUpdate {
		c.shown(r, &row, full)
	}
	return ""
}

func (c *countedWindows[K, V, A]) round(int64, int64) bool {
	ok := true
	c.store.Changed(func(k K, row *spell[A], exists bool) bool {
		if exists {
			ok = c.pane(k, row.span(), row.Value, row.Time, false)
		}
		return ok
	})
	return ok
}

// changed looks at the key once, however often it has changed.
func (c *countedWindows[K, V, A]) changed(k K, _ []int64, _, _ int64, yield func(window.Span, part[A])) {
	if row, ok := c.store.Get(k); ok {
		yield(row.span(), row.part)
	}
}

func (c *countedWindows[K, V, A]) stamped(stamp int64, yield func(k K, start int64)) {
	c.store.Scan(func(k K, row *spell[A]) bool {
		if row.Stamp == stamp {
			yield(k, 0)
		}
		return true
	})
}
