// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/irmak-go/irmak/window"
)

// latest is the greatest time that a record can have.
const latest = window.Forever - 1

// climate is what the records of one history have in common. Each trait is drawn by itself, so that most histories
// have some and a few have none or all.
type climate struct {
	*rand.Rand
	low      int64 // where times begin and below which none lies: near 0, in the middle, near the end
	now      int64 // the newest time
	step     int64 // time goes on by less than this with a record; 1: all have the same
	back     int64 // one record in three is older than the newest, by less than this
	ties     int64 // times are multiples of it
	leaps    int   // one step in so many leaps; 0: none
	leap     int64 // by less than this, up to three months
	keys     int
	nullKeys int // one record in so many has no key; 0: none
	nulls    int // and no value, where an operator takes that
	repeats  int // and is the one before it, again
	last     event
	left     int64 // so many records are to come
	wall     int64 // how far the wall has gone on since the beginning, in ms
	wallTies int64 // it goes on by multiples of so many
}

// newClimate draws the climate of a history of n records.
func newClimate(r *rand.Rand, n int) *climate {
	oneOf := func(choices ...int) int { return choices[r.IntN(len(choices))] }
	c := &climate{
		Rand: r, step: int64(oneOf(1, 3, 20, 20, 100)), back: int64(oneOf(1, 1, 10, 100, 1000)),
		ties: int64(oneOf(1, 1, 1, 30)), leaps: oneOf(0, 0, 8, 30), leap: 1 << r.IntN(33),
		keys: oneOf(1, 2, 4, 12, 12), nullKeys: oneOf(0, 20, 20, 3), nulls: oneOf(0, 20, 3, 3, 2),
		repeats: oneOf(0, 0, 10, 2), left: int64(n),
	}
	c.low = []int64{0, 0, 1_700_000_000_000, latest - c.left*(c.step+1) - r.Int64N(1<<r.IntN(14))}[r.IntN(4)]
	c.now = c.low
	c.wallTies = int64(oneOf(1, 100, 500))
	return c
}

// event makes the next record: with a key or without, with a number as its value.
func (c *climate) event() event {
	e := c.record()
	if c.now += c.further(0); c.IntN(3) == 0 {
		e.at = max(c.low, c.now-c.Int64N(c.back))
	} else {
		e.at = c.now
	}
	e.at -= e.at % c.ties
	if c.one(c.repeats) && c.last.key != "" {
		e = c.last
	}
	c.last = e
	return e
}

// inOrder is event with a time that is later than all before: tasks that read several topics take the records in the
// order in which they were sent.
func (c *climate) inOrder() event {
	e := c.record()
	if c.one(c.repeats) && c.last.key != "" {
		e = c.last
	}
	c.now += c.further(1)
	e.at, c.last = c.now, e
	return e
}

func (c *climate) record() event {
	return event{key: fmt.Sprintf("k%d", c.IntN(c.keys)), value: fmt.Sprint(c.IntN(100)), nullKey: c.one(c.nullKeys)}
}

// further is how much later than the newest the next record is. What is left of time is enough for all that come.
func (c *climate) further(least int64) int64 {
	c.left--
	by := least + c.Int64N(c.step)
	if c.one(c.leaps) {
		by += min(c.Int64N(c.leap), max(latest-c.now-by-c.left*(c.step+1), 0))
	}
	return by
}

// nullable makes the value of some events null.
func (c *climate) nullable(e event) event {
	if c.one(c.nulls) {
		e.null, e.value = true, ""
	}
	return e
}

// one is true once in so many times, never for 0.
func (c *climate) one(in int) bool { return in > 0 && c.IntN(in) == 0 }
