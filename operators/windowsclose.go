// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"bytes"
	"math"
	"slices"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// closer knows which keys have slices in the windows that close next.
//
// The plain way to close a window is to scan all of its slices and to collect them by key. With a hundred slices to a
// window and one window closing at a time, each slice would be scanned, sorted and looked up a hundred times. Instead
// each slice is scanned once, for keys that are new; the keys of the window before are known, and each has its slices
// merged in halves, so that it reads what has come since:
//
//	         at
//	slices   │ ▒ ▒ ▒ ▒ ▒ ▒ ▒ ▒ │ ░ ░ ░
//	window   [ ─ ─ live ─ ─ ─ ─ scanned   next: scan ▒ that are new, live again by halves
//
// It is all derived from the store, and found again by a scan of one window after a restart. live is in memory: some 50
// bytes for each key in the window that closes next, and its key twice; what halves take is bounded (maxHalves).
//
//  1. Windows that start before at are done; no window that starts later contains a slice that starts before at.
//  2. A key with a slice in [at, scanned) is in live. live is ordered by the keys' bytes.
//     Those that came too late for the scan are in fresh until the next window closes.
//  3. No slice from at on starts before least, unless that is unknown. math.MaxInt64: there is none.
//  4. held is the weight of all halves, which have read no slice from scanned on.
type closer[K comparable, A any] struct {
	begun       bool
	at, scanned int64
	least       int64
	live, fresh []openKey[K, A]
	held        int
	enc         []byte // scratch
}

// openKey is a key in the windows that close next, with what is known of its slices, or nil.
type openKey[K comparable, A any] struct {
	liveKey[K]
	halves *halves[A]
}

type liveKey[K comparable] struct {
	key K
	enc []byte
}

func compareLive[K comparable](a, b liveKey[K]) int { return bytes.Compare(a.enc, b.enc) }

func compareOpen[K comparable, A any](a, b openKey[K, A]) int { return bytes.Compare(a.enc, b.enc) }

const unknownStart = -1

// putSlice adds r to its slice.
func (o *slicedWindows[K, V, A]) putSlice(r *stream.Record[K, V]) {
	_, had := o.put(r, o.slice.Start)
	if !o.emission.FinalPane() {
		return
	}
	c, start := &o.closer, o.slice.Start
	if !had && c.least != unknownStart {
		c.least = min(c.least, start)
	}
	if start < c.scanned {
		o.comeLate(r.Key, had)
	}
}

// comeLate follows a record in a slice that a window which has closed was merged from, and that is in open ones too.
// had says that it is not the first of its key there.
func (o *slicedWindows[K, V, A]) comeLate(k K, had bool) {
	c := &o.closer
	enc, err := o.keys.Append(c.enc[:0], k)
	if err != nil {
		o.failed(err)
		return
	}
	c.enc = enc
	i, live := slices.BinarySearchFunc(c.live, openKey[K, A]{liveKey: liveKey[K]{enc: enc}}, compareOpen)
	switch {
	case live:
		o.forget(&c.live[i])
	case !had:
		c.fresh = append(c.fresh, openKey[K, A]{liveKey: liveKey[K]{o.owned(k), bytes.Clone(enc)}})
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
		if !o.more() { // between windows only: their slices are shared
			o.store.Expire(c.at)
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
	var err error
	o.store.ScanSpan(max(c.scanned, w.Start), w.End-1, func(_ int64, k K, _ *part[A]) bool {
		if c.enc, err = o.keys.Append(c.enc[:0], k); err != nil {
			o.failed(err)
			return false
		}
		key := openKey[K, A]{liveKey: liveKey[K]{enc: c.enc}}
		if _, found := slices.BinarySearchFunc(c.live, key, compareOpen); !found {
			c.fresh = append(c.fresh, openKey[K, A]{liveKey: liveKey[K]{k, bytes.Clone(c.enc)}})
		}
		return true
	})
	c.scanned = max(c.scanned, w.End)
	if len(c.fresh) > 0 {
		c.live = append(c.live, c.fresh...)
		slices.SortStableFunc(c.live, compareOpen) // stable: of one key the first has the halves
		c.live = slices.CompactFunc(c.live, func(a, b openKey[K, A]) bool { return bytes.Equal(a.enc, b.enc) })
		clear(c.fresh)
		c.fresh = c.fresh[:0]
	}
	return err == nil
}

// closeWindow sends the panes of w, and keeps those keys live that have slices in the next window.
func (o *slicedWindows[K, V, A]) closeWindow(w window.Span) bool {
	c := &o.closer
	next := o.after(w)
	c.at, c.least = next, unknownStart // what does not lie in w is behind what is scanned
	stay := 0
	if o.backlog != nil {
		o.backlog.Spend(len(c.live) - 1)
	}
	for i := range c.live {
		l := &c.live[i]
		total, newest, ok := o.sum(l, w)
		if ok && !o.pane(l.key, w, total.Value, total.Time, true) {
			return false
		}
		if newest < next {
			o.forget(l)
			continue
		}
		c.least = next // the next window has it too
		c.live[stay] = *l
		stay++
	}
	clear(c.live[stay:])
	c.live = c.live[:stay]
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
