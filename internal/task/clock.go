// SPDX-License-Identifier: Apache-2.0

package task

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Clock is an operator's event-time clock: the highest time among the records that it processed, less the disorder
// of its source. It never goes back, and it survives restarts: it is committed with the input offsets.
type Clock struct {
	now     int64
	known   bool
	touched bool // by a record, since the wall was last looked at
}

// ClockOf gives the clock that the operator called name has in this task. Times up to disorder (milliseconds) before
// the highest one are not late yet. With idle above 0 the clock follows the wall when no record has come for that
// long, and moved is called after each such step.
func (t *Task) ClockOf(name string, idle time.Duration, moved func()) *Clock {
	c := &Clock{}
	if at, ok := t.Clocks[name]; ok {
		c.now, c.known = at, true
	}
	t.clocks[name] = c
	if idle > 0 {
		t.followWall(c, idle, moved)
	}
	return c
}

// HasClock says whether an operator called name has its clock already.
func (t *Task) HasClock(name string) bool { return t.clocks[name] != nil }

// TimeOf gives the time of the clock that the operator called name has, or will have; 0 as long as it has none.
func (t *Task) TimeOf(name string) func() int64 {
	c := t.clocks[name]
	return func() int64 {
		if c == nil {
			if c = t.clocks[name]; c == nil {
				return 0
			}
		}
		return c.now
	}
}

// Now is the clock's time in milliseconds, 0 before the first record.
func (c *Clock) Now() int64 { return c.now }

// Known is false before the first record.
func (c *Clock) Known() bool { return c.known }

// Advance moves the clock to at, unless it is there already or further, and says whether it moved.
func (c *Clock) Advance(at int64) bool {
	c.touched = true
	return c.raise(at)
}

func (c *Clock) raise(at int64) bool {
	if c.known && at <= c.now {
		return false
	}
	c.now, c.known = at, true
	return true
}

// followWall is called by operators after they have opened their ways out, so those further down come first in follows.
func (t *Task) followWall(c *Clock, idle time.Duration, moved func()) {
	var since time.Time
	t.follows = append(t.follows, func(now time.Time) {
		if c.touched || since.IsZero() {
			since, c.touched = now, false
			return
		}
		if now.Sub(since) >= idle && c.known && c.raise(now.Add(-idle).UnixMilli()) {
			t.idled = true
			moved()
		}
	})
}

// ClocksMetadata encodes the clocks for the metadata of the committed offsets: a version byte, then per clock its
// name's length, name and time, in base64 because brokers want text. Brokers refuse more than 4096 bytes by default.
func (t *Task) ClocksMetadata() string {
	b := []byte{clocksVersion}
	if t.noteDebts(); t.debtRev > 0 {
		b = binary.AppendUvarint(b, uint64(len(t.debts)))
		b = append(b, t.debts...)
		b = binary.AppendVarint(b, t.debtRev)
	}
	for _, name := range slices.Sorted(maps.Keys(t.clocks)) {
		if c := t.clocks[name]; c.known {
			b = binary.AppendUvarint(b, uint64(len(name)))
			b = append(b, name...)
			b = binary.AppendVarint(b, c.now)
		}
	}
	if len(b) == 1 {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

const clocksVersion = 1

// MetadataBytes is the most that ClocksMetadata can come to.
func (t *Task) MetadataBytes() int {
	n := 1
	if owing := len(t.backlogs); owing > 0 {
		n += binary.MaxVarintLen16 + len(debts) + owing*markBytes + binary.MaxVarintLen64
	}
	for name := range t.clocks {
		n += binary.MaxVarintLen16 + len(name) + binary.MaxVarintLen64
	}
	return base64.RawStdEncoding.EncodedLen(n)
}

// MaxMetadata is what brokers take, by default (offset.metadata.max.bytes).
const MaxMetadata = 4096

// ParseClocks reads what ClocksMetadata wrote and raises the clocks in into. Metadata of other software, or
// damaged, is an error, and none of it is used.
func ParseClocks(metadata string, into map[string]int64) error {
	if metadata == "" {
		return nil
	}
	b, err := base64.RawStdEncoding.DecodeString(metadata)
	if err != nil || len(b) == 0 || b[0] != clocksVersion {
		return fmt.Errorf("offset metadata %q was not written by this version of the program; "+
			"clocks begin anew", metadata)
	}
	clocks := map[string]int64{}
	for b = b[1:]; len(b) > 0; {
		size, n := binary.Uvarint(b)
		if n <= 0 || uint64(len(b)-n) < size {
			return errors.New("offset metadata is cut short; clocks begin anew")
		}
		name := string(b[n : n+int(size)])
		b = b[n+int(size):]
		at, n := binary.Varint(b)
		if n <= 0 {
			return errors.New("offset metadata is cut short; clocks begin anew")
		}
		b = b[n:]
		clocks[name] = at
	}
	for name, at := range clocks {
		if have, ok := into[name]; !ok || at > have {
			into[name] = at
		}
	}
	return nil
}
