// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/stream/codec"
)

// Timers declares a durable set of one-shot timers, ordered by time: (time, key, name), each there once or not at all.
type Timers[K comparable] struct {
	// Name is durable and unique in the topology.
	Name string
	Key  codec.Codec[K]
	// Unlogged: no changelog. The set begins empty whenever the task begins or recovers.
	Unlogged bool
}

// Open opens the set in a task. Once per task.
func (d Timers[K]) Open(p Place) *TimerStore[K] {
	rows := Window[timerKey[K], struct{}]{
		Name: d.Name, Key: timerCodec[K]{d.Key}, Value: codec.Unit, Segment: 1, Unlogged: d.Unlogged,
	}
	return &TimerStore[K]{rows: rows.Open(p), codec: timerCodec[K]{d.Key}}
}

// TimerStore is an open Timers: rows ordered by time alone, and the earliest of them at hand.
//
// Asking the rows for the earliest one each time a timer fires would walk past those that fired before it: they are
// gone, but their deletions are not committed. So a few hundred are taken at once, and kept exact by Set and Delete. Of
// very many at one time each look walks past all that fired before, so each takes twice as many as the one before it.
//
// Owner: the task's goroutine.
//
//  1. first is the set's first len(first) timers, in order; with all it is the whole set.
//  2. No timer is earlier than low.
type TimerStore[K comparable] struct {
	rows  *WindowStore[timerKey[K], struct{}]
	codec timerCodec[K]
	first []timer[K]
	all   bool
	low   int64
	batch int    // how many were taken at the last look
	from  int64  // low at the last look
	id    []byte // scratch
	epoch uint64 // of the rows that first was taken from
}

// timer is a timer at hand. Timers of one time are ordered by id, the bytes of key and name.
type timer[K comparable] struct {
	at  int64
	id  []byte
	key timerKey[K]
}

func compareTimers[K comparable](a, b timer[K]) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	return bytes.Compare(a.id, b.id)
}

// timersAtHand is how many timers are taken from the rows at once; mostAtHand is that for very many at one time. Set
// may make twice as many of it.
const (
	timersAtHand = 256
	mostAtHand   = 1 << 16
)

// maxTimerName is how long a timer's name may be, in bytes.
const maxTimerName = math.MaxUint16

// Set sets a timer. One that is set already stays as it is. Times below 0 are taken as 0.
func (t *TimerStore[K]) Set(at int64, key K, name string) {
	tm, ok := t.timer(at, key, name)
	if !ok {
		return
	}
	t.rows.Put(tm.key, tm.at, struct{}{})
	t.low = min(t.low, tm.at)
	i, found := slices.BinarySearchFunc(t.first, tm, compareTimers)
	if found || i == len(t.first) && !t.all {
		return
	}
	tm.key = t.rows.keys.clone(tm.key) // it may outlive the record that it was cut from
	tm.id = bytes.Clone(tm.id)
	t.first = slices.Insert(t.first, i, tm)
	if most := max(t.batch, timersAtHand); len(t.first) > 2*most {
		clear(t.first[most:])
		t.first, t.all = t.first[:most], false
	}
}

// Delete takes a timer out of the set and says whether it was there.
func (t *TimerStore[K]) Delete(at int64, key K, name string) bool {
	tm, ok := t.timer(at, key, name)
	if !ok {
		return false
	}
	if i, found := slices.BinarySearchFunc(t.first, tm, compareTimers); found {
		if i == 0 {
			var none timer[K]
			t.low, t.first[0] = tm.at, none
			t.first = t.first[1:]
		} else {
			t.first = slices.Delete(t.first, i, i+1)
		}
		if len(t.first) == 0 && t.all {
			t.batch = timersAtHand
		}
	}
	return t.rows.Delete(tm.key, tm.at)
}

// First is the earliest timer, of several at one time the one with the lowest bytes of key and then name.
func (t *TimerStore[K]) First() (at int64, key K, name string, ok bool) {
	t.renew()
	if len(t.first) == 0 {
		t.take()
	}
	if len(t.first) == 0 {
		return 0, key, "", false
	}
	tm := &t.first[0]
	if invariants.Enabled {
		_, there := t.rows.Get(tm.key, tm.at)
		invariants.Check(there && slices.IsSortedFunc(t.first, compareTimers),
			"store %q: (1) timer %v is not set, or not first", t.rows.core.spec.Name, tm)
		invariants.Check(tm.at >= t.low, "store %q: (2) timer %v is before %d", t.rows.core.spec.Name, tm, t.low)
	}
	return tm.at, tm.key.key, tm.key.name, true
}

// timer makes a timer of its parts. Its id is valid until the next call.
func (t *TimerStore[K]) timer(at int64, key K, name string) (tm timer[K], ok bool) {
	t.renew()
	tm = timer[K]{at: max(at, 0), key: timerKey[K]{key, name}}
	var err error
	if t.id, err = t.codec.Append(t.id[:0], tm.key); err != nil {
		t.rows.core.fail(fmt.Errorf("timer %q of key %v: %w", name, key, err))
		return tm, false
	}
	tm.id = t.id
	return tm, true
}

// renew drops what is at hand when the store has forgotten its rows.
func (t *TimerStore[K]) renew() {
	if t.epoch != t.rows.core.epoch {
		t.epoch = t.rows.core.epoch
		t.first, t.all, t.low, t.batch = nil, false, 0, 0
	}
}

// take fills first from the rows.
func (t *TimerStore[K]) take() {
	if t.all {
		return
	}
	if t.batch > 0 && t.low == t.from {
		t.batch = min(2*t.batch, mostAtHand)
	} else {
		t.batch = timersAtHand
	}
	t.from = t.low
	t.first = make([]timer[K], 0, t.batch)
	t.all = true
	t.rows.ScanSpan(t.low, math.MaxInt64, func(at int64, k timerKey[K], _ *struct{}) bool {
		// More than a few hundred only of one time: they go off together, and Set need not move them about.
		if n := len(t.first); n == t.batch || n >= timersAtHand && at != t.first[0].at {
			t.all = false
			return false
		}
		id, err := t.codec.Append(nil, k)
		if err != nil {
			t.rows.core.fail(err)
			return false
		}
		t.first = append(t.first, timer[K]{at, id, k})
		return true
	})
}

// timerKey is what timers of the same time are told apart by.
type timerKey[K comparable] struct {
	key  K
	name string
}

// timerCodec writes [key][name][length of name, 2 bytes].
type timerCodec[K comparable] struct{ key codec.Codec[K] }

func (c timerCodec[K]) Append(dst []byte, k timerKey[K]) ([]byte, error) {
	if len(k.name) > maxTimerName {
		return dst, fmt.Errorf("name of a timer has %d bytes, the most is %d", len(k.name), maxTimerName)
	}
	dst, err := c.key.Append(dst, k.key)
	return binary.BigEndian.AppendUint16(append(dst, k.name...), uint16(len(k.name))), err
}

func (c timerCodec[K]) Decode(src []byte) (k timerKey[K], err error) {
	end := len(src) - 2
	if end < 0 {
		return k, fmt.Errorf("timer %x is too short", src)
	}
	begin := end - int(binary.BigEndian.Uint16(src[end:]))
	if begin < 0 {
		return k, fmt.Errorf("timer %x is shorter than its name", src)
	}
	k.name = string(src[begin:end])
	k.key, err = c.key.Decode(src[:begin:begin])
	return k, err
}
