// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// workload is something that every engine can be asked to do with the input. Keys are as in the input, numbers are 8
// bytes, big-endian.
type workload struct {
	name  string
	about string
	check func(data) checker
}

// checker looks at every record of the output, each partition in order, and then at what was missing.
type checker interface {
	record(key, value []byte, at int64) error
	end() error
}

var workloads = []workload{
	{"pass", "every record as it is: key, value and time", newPassCheck},
	{"count", "count per key, every update out", newCountCheck},
	{"countcommit", "count per key, the last value per key and commit out", newCountCommitCheck},
	{"window", "sum of amounts per key and tumbling minute, every update out: window start and sum", newWindowCheck},
	{"rekey", "re-key to amount modulo keys, then count", newRekeyCheck},
}

func workloadNames() []string {
	var out []string
	for _, w := range workloads {
		out = append(out, w.name)
	}
	return out
}

func findWorkload(name string) workload {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
	return workloads[i]
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// passCheck compares the records as a set: their number, the sum of the amounts and a sum of hashes.
type passCheck struct {
	got, want passSum
	value     []byte // that the record in hand must have
}

type passSum struct {
	records, amounts int64
	hash             uint64
}

func (s *passSum) add(e event) {
	s.records++
	s.amounts += e.amount
	s.hash += mix(mix(mix(uint64(e.key))^uint64(e.amount)) ^ uint64(e.at))
}

func newPassCheck(d data) checker {
	c := &passCheck{}
	for i := range d.records {
		c.want.add(d.event(i))
	}
	return c
}

func (c *passCheck) record(key, value []byte, at int64) error {
	k, err := parseKey(key)
	if err != nil {
		return err
	}
	amount, err := amountOf(value)
	if err != nil {
		return err
	}
	if c.value = appendValue(c.value[:0], amount); !bytes.Equal(c.value, value) {
		return fmt.Errorf("the value of %d is not the input's", amount)
	}
	c.got.add(event{key: k, amount: amount, at: at})
	return nil
}

func (c *passCheck) end() error {
	if c.got != c.want {
		return fmt.Errorf("got %+v, want %+v", c.got, c.want)
	}
	return nil
}

// growing checks numbers that grow per slot, a key or a key's window: the last one must be what is wanted, and when
// steps is set, none may be left out or come twice.
type growing struct {
	last, want []int64
	steps      bool  // each is one more than the one before
	records    int64 // how many there must be, 0: as many as there are
	seen       int64
}

func (g *growing) saw(slot, value int64) error {
	if slot < 0 || slot >= int64(len(g.last)) {
		return fmt.Errorf("there is a key or window that the input does not have: %d", slot)
	}
	last := g.last[slot]
	if g.steps && value != last+1 || value <= last {
		return fmt.Errorf("slot %d goes from %d to %d", slot, last, value)
	}
	g.last[slot] = value
	g.seen++
	return nil
}

func (g *growing) end() error {
	for slot, want := range g.want {
		if got := g.last[slot]; got != want {
			return fmt.Errorf("slot %d ends at %d, want %d", slot, got, want)
		}
	}
	if g.records != 0 && g.seen != g.records {
		return fmt.Errorf("%d records, want %d", g.seen, g.records)
	}
	return nil
}

// countCheck checks counts per key.
type countCheck struct{ growing }

// newCounts wants what key gives for the events counted.
func newCounts(d data, key func(event) int64) *countCheck {
	c := &countCheck{growing{last: make([]int64, d.keys), want: make([]int64, d.keys)}}
	for i := range d.records {
		c.want[key(d.event(i))]++
	}
	return c
}

func newCountCheck(d data) checker {
	c := newCounts(d, func(e event) int64 { return e.key })
	c.steps, c.records = true, d.records
	return c
}

func newCountCommitCheck(d data) checker {
	return newCounts(d, func(e event) int64 { return e.key })
}

func newRekeyCheck(d data) checker {
	c := newCounts(d, func(e event) int64 { return d.newKey(e.amount) })
	c.steps, c.records = true, d.records
	return c
}

func (c *countCheck) record(key, value []byte, _ int64) error {
	k, err := parseKey(key)
	if err != nil {
		return err
	}
	if len(value) != 8 {
		return fmt.Errorf("a count has %d bytes, want 8", len(value))
	}
	return c.saw(k, int64(binary.BigEndian.Uint64(value)))
}

// windowCheck checks sums per key and window.
type windowCheck struct {
	growing
	data data
}

func newWindowCheck(d data) checker {
	n := d.keys * d.windows()
	c := &windowCheck{growing{last: make([]int64, n), want: make([]int64, n), records: d.records}, d}
	for i := range d.records {
		e := d.event(i)
		c.want[e.key*d.windows()+d.window(e.at)] += e.amount
	}
	return c
}

func (c *windowCheck) record(key, value []byte, _ int64) error {
	k, err := parseKey(key)
	if err != nil {
		return err
	}
	if len(value) != 16 {
		return fmt.Errorf("a window's sum has %d bytes, want 16: start and sum", len(value))
	}
	start := int64(binary.BigEndian.Uint64(value))
	if start < base || (start-base)%windowSize.Milliseconds() != 0 || c.data.window(start) >= c.data.windows() {
		return fmt.Errorf("no window starts at %d", start)
	}
	return c.saw(k*c.data.windows()+c.data.window(start), int64(binary.BigEndian.Uint64(value[8:])))
}
