// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"math"
	"slices"

	"github.com/irmak-go/irmak/window"
)

// closer knows which keys have slices in the windows that close next.
//
// The plain way to close a window is to scan all of its slices and to collect them by key. With a hundred slices to a
// window and one window closing at a time, each slice would be scanned, sorted and looked up a hundred times. Instead
// each slice is scanned once, for keys that are new; the keys of the window before are known, and each reads its own
// slices along its chain:
//
//	         at
//	slices   │ ▒ ▒ ▒ ▒ ▒ ▒ ▒ ▒ │ ░ ░ ░
//	window   [ ─ ─ live ─ ─ ─ ─ scanned   next: scan ▒ that are new, live again by chain
//
// (To keep the merged halves of each window as well would make a pane cost two merges instead of a hundred, but also
// the memory of all slices again outside of the store.)
//
// It is all derived from the store, and found again by a scan of one window after a restart.
//
//  1. Windows that start before at are done; no window that starts later contains a slice that starts before at.
//  2. A key with a slice in [at, scanned) is in live. live is ordered by the keys' bytes.
//  3. No slice from at on starts before least, unless that is unknown. math.MaxInt64: there is none.
type closer[K comparable] struct {
	begun       bool
	at, scanned int64
	least       int64
	live, fresh []liveKey[K]
	enc         []byte // scratch
}

type liveKey[K comparable] struct {
	key K
	enc []byte
}

func compareLive[K comparable](a, b liveKey[K]) int { return bytes.Compare(a.enc, b.enc) }

const unknownStart = -1

// added says that a key has its first record in the slice at start.
func (c *closer[K]) added(start int64) {
	c.scanned = min(c.scanned, start)
	if c.least != unknownStart {
		c.least = min(c.least, start)
	}
}

// close sends window by window, each key by key.
func (o *slicedWindows[K, V, A]) close(to int64) bool {
	c := &o.closer
	if !c.begun {
		c.begun, c.at, c.least = true, o.store.Expired(), unknownStart
		c.scanned = c.at
	}
	for {
		w, ok := o.nextToClose()
		if !ok || w.Start >= to {
			c.at = max(c.at, to)
			return true
		}
		if !o.scanKeys(w) || !o.closeWindow(w) {
			return false
		}
	}
}

// nextToClose is the first window from at on that has data: it contains the first slice.
func (o *slicedWindows[K, V, A]) nextToClose() (w window.Span, ok bool) {
	c := &o.closer
	if c.least == unknownStart {
		c.least = math.MaxInt64
		o.store.ScanSpan(c.at, math.MaxInt64, func(start int64, _ K, _ *part[A]) bool {
			c.least = start
			return false
		})
	}
	if c.least == math.MaxInt64 {
		return w, false
	}
	o.few = o.w.Spans(o.few[:0], c.least)
	for _, s := range o.few {
		if s.Start >= c.at {
			return s, true
		}
	}
	return w, false
}

// scanKeys makes the keys live that have slices in w and are not.
func (o *slicedWindows[K, V, A]) scanKeys(w window.Span) bool {
	c := &o.closer
	c.fresh = c.fresh[:0]
	var err error
	o.store.ScanSpan(max(c.scanned, w.Start), w.End-1, func(_ int64, k K, _ *part[A]) bool {
		if c.enc, err = o.keys.Append(c.enc[:0], k); err != nil {
			o.failed(err)
			return false
		}
		if _, found := slices.BinarySearchFunc(c.live, liveKey[K]{enc: c.enc}, compareLive); !found {
			c.fresh = append(c.fresh, liveKey[K]{k, bytes.Clone(c.enc)})
		}
		return true
	})
	c.scanned = max(c.scanned, w.End)
	if len(c.fresh) > 0 {
		c.live = append(c.live, c.fresh...)
		slices.SortFunc(c.live, compareLive)
		c.live = slices.CompactFunc(c.live, func(a, b liveKey[K]) bool { return bytes.Equal(a.enc, b.enc) })
		clear(c.fresh)
	}
	return err == nil
}

// closeWindow sends the panes of w, and keeps those keys live that have slices in the next window.
func (o *slicedWindows[K, V, A]) closeWindow(w window.Span) bool {
	c := &o.closer
	next := o.after(w)
	least := int64(math.MaxInt64)
	stay := c.live[:0]
	for _, l := range c.live {
		o.parts.reset()
		o.store.ScanKey(l.key, w.Start, w.End-1, o.parts.collect)
		n := len(o.parts.times)
		if n == 0 {
			continue
		}
		if i, _ := slices.BinarySearch(o.parts.times, next); i < n {
			least = min(least, o.parts.times[i])
			stay = append(stay, l)
		}
		total := o.parts.total()
		if !o.pane(l.key, w, total.Value, total.Time, true) {
			return false
		}
	}
	clear(c.live[len(stay):])
	c.live = stay
	c.at, c.least = next, least
	if least == math.MaxInt64 { // it lies behind what is scanned
		c.least = unknownStart
	}
	return true
}

// after is the start of the first window behind w, if that overlaps w, and the end of w otherwise.
func (o *slicedWindows[K, V, A]) after(w window.Span) int64 {
	o.few = o.w.Spans(o.few[:0], w.End-1)
	for _, s := range o.few {
		if s.Start > w.Start {
			return s.Start
		}
	}
	return w.End
}
