// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"
	"math"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Limits bound what an operator holds back in one task. The zero value is no bound: what is held lies in a store, which
// needs disk and not memory.
type Limits struct {
	// Records is how many there may be. 0 is any number.
	Records int64
	// Bytes is what they may come to, encoded, with their keys. 0 is any number. To count them each is encoded when it
	// comes and when it goes.
	Bytes int64
	// Stop ends the program with an error when there are more. Otherwise those that were held longest are sent early.
	Stop bool
}

func (l *Limits) check(o *stream.Op) {
	if l.Records < 0 || l.Bytes < 0 {
		o.Mistake("the limits are %d records and %d bytes; give positive numbers, or 0 for no bound", l.Records, l.Bytes)
	}
}

// buffer holds entries back, each until a time of its own, and gives them out in the order of those times, then of the
// keys' bytes.
//
// Owner: the task's goroutine.
//
//  1. Each key in entries is once in order, and each in order is in entries.
//  2. No entry is due before first.
//  3. Once counted, records and bytes are those of entries; bytes stays 0 without a limit.
type buffer[K comparable, E any] struct {
	task    *stream.Task
	label   string
	limits  Limits
	entries *state.MapStore[K, E]
	order   *state.TimerStore[K]
	keys    codec.Codec[K]
	values  codec.Codec[E]
	emit    func() // sends the entry in key and entry; it is called by Between
	backlog *stream.Backlog

	first          int64
	counted        bool
	records, bytes int64
	key            K
	entry          E
	enc            []byte // scratch
}

// openBuffer opens a buffer's stores: one called name, and its order. goOn calls release again.
func openBuffer[K comparable, E any](t *stream.Task, o *stream.Op, name string, keys codec.Codec[K],
	values codec.Codec[E], limits Limits, goOn func()) buffer[K, E] {
	return buffer[K, E]{
		task: t, label: o.Label(), limits: limits, keys: keys, values: values, first: math.MinInt64,
		backlog: t.Backlog(goOn),
		entries: state.Map[K, E]{Name: name, Key: keys, Value: values}.Open(t),
		order:   state.Timers[K]{Name: derived(name, "order"), Key: keys}.Open(t),
	}
}

// take gives the entry of k to be changed, a new one if had is false. Then keep or drop is called.
func (b *buffer[K, E]) take(k K) (e *E, had bool) {
	b.count()
	if e, had = b.entries.Upsert(k); had {
		b.bytes -= b.weigh(k, e)
	}
	return e, had
}

// keep ends take. The entry is due at the given time, which it keeps if it was there before.
func (b *buffer[K, E]) keep(k K, e *E, had bool, due int64) {
	b.bytes += b.weigh(k, e)
	if had {
		return
	}
	b.records++
	b.first = min(b.first, due)
	b.order.Set(due, k, "")
}

// drop ends take: there is no entry any more.
func (b *buffer[K, E]) drop(k K, had bool, due int64) {
	b.entries.Delete(k)
	if had {
		b.records--
		b.order.Delete(due, k, "")
	}
}

// release gives out what is due at now, and what is too much. Before a record is taken, what is owed is to be finished.
func (b *buffer[K, E]) release(now int64) {
	b.count()
	if now < b.first && !b.full() {
		return
	}
	for b.backlog.Begin(); ; {
		due, k, _, ok := b.order.First()
		switch {
		case !ok:
			b.first = math.MaxInt64
			return
		case due > now && !b.full():
			b.first = due
			return
		case due > now && b.limits.Stop:
			b.first = due
			b.task.Stop(b.label, fmt.Errorf("it holds %d records back, of %d bytes where they are counted; its limits are "+
				"%d and %d: raise them, hold records back for less long, or have it send early", b.records, b.bytes,
				b.limits.Records, b.limits.Bytes))
			return
		case !b.backlog.More():
			b.first = due
			return
		}
		b.key = k
		b.entry, _ = b.entries.Get(k)
		b.bytes -= b.weigh(k, &b.entry)
		b.drop(k, true, due)
		if !b.task.Between(b.emit) {
			return
		}
	}
}

// full says whether there is more than the limits allow.
func (b *buffer[K, E]) full() bool {
	return b.limits.Records > 0 && b.records > b.limits.Records || b.limits.Bytes > 0 && b.bytes > b.limits.Bytes
}

// count finds out what a buffer with limits holds, at the first use in the task.
func (b *buffer[K, E]) count() {
	if b.counted || b.limits.Records == 0 && b.limits.Bytes == 0 {
		return
	}
	b.counted = true
	b.records, b.bytes = 0, 0
	b.entries.Scan(func(k K, e *E) bool {
		b.records++
		b.bytes += b.weigh(k, e)
		return true
	})
}

// weigh is what an entry counts towards Limits.Bytes, 0 without that.
func (b *buffer[K, E]) weigh(k K, e *E) int64 {
	if b.limits.Bytes == 0 {
		return 0
	}
	enc, err := b.keys.Append(b.enc[:0], k)
	if err == nil {
		enc, err = b.values.Append(enc, *e)
	}
	if err != nil {
		b.task.Fail(b.label, err)
		return 0
	}
	b.enc = enc
	return int64(len(enc))
}
