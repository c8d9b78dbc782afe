// SPDX-License-Identifier: Apache-2.0

// Package statetest tests that a database and the stores on it keep their promises: random operations, commits, aborts
// and crashes, compared with maps and with a changelog that cannot lose anything. It is run over every database.
package statetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/irmak-go/irmak/state"
)

// Machine is a computer with a database on its disk.
type Machine interface {
	// DB is the open database.
	DB() state.DB
	// Crash kills the process and starts it again: what was not flushed may be gone.
	Crash(t testing.TB)
	// Restart stops the process in good order and starts it again.
	Restart(t testing.TB)
}

// world is one task with its stores on a machine, and the changelogs, which live elsewhere.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	machine Machine
	logs    map[string]*changelog
	stores  []state.Instance
	names   []string
	prefix  func(store string, partition int32) ([]byte, error)
	now     time.Time
	limit   int
}

// checkpoint is the interval that WriteBehind is asked to keep.
const checkpoint = 10 * time.Second

func newWorld(t testing.TB, rng *rand.Rand, m Machine) *world {
	w := &world{t: t, rng: rng, machine: m, logs: map[string]*changelog{}, now: time.Unix(1_700_000_000, 0)}
	w.boot()
	return w
}

// boot is what a process does when it starts, up to opening its stores.
func (w *world) boot() {
	w.stores, w.names = nil, nil
	c, err := state.OpenCatalogue(w.machine.DB())
	w.must(err)
	w.prefix = c.Prefix
	w.limit = 1 << (8 + w.rng.IntN(9)) // from less than one row to all of them
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// OpenStore implements state.Place.
func (w *world) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	prefix, err := w.prefix(spec.Name, 3)
	w.must(err)
	if w.logs[spec.Name] == nil && !spec.Unlogged {
		w.logs[spec.Name] = &changelog{rng: w.rng}
	}
	in := open(state.Backing{
		DB: w.machine.DB(), Prefix: prefix, Limit: w.limit, Topic: [16]byte{1},
		Fail: func(err error) { w.t.Helper(); w.t.Fatal(err) },
	})
	w.stores = append(w.stores, in)
	w.names = append(w.names, spec.Name)
	return in
}

// commit flushes all stores and commits, or aborts at some point in the middle. It says whether it committed.
func (w *world) commit() bool {
	abortAt := -1
	if w.rng.IntN(4) == 0 {
		abortAt = w.rng.IntN(2 * len(w.stores))
	}
	for i, s := range w.stores {
		if 2*i == abortAt {
			w.abort()
			return false
		}
		w.flush(s, w.logs[w.names[i]])
		if 2*i+1 == abortAt {
			w.abort()
			return false
		}
	}
	for _, l := range w.logs {
		l.commit()
	}
	w.writeBehind(checkpoint)
	return true
}

func (w *world) flush(s state.Instance, l *changelog) {
	if l == nil {
		if n, err := s.Flush(nil); n != 0 || err != nil {
			w.t.Fatalf("flush without a changelog: %d records, %v", n, err)
		}
		return
	}
	n, err := s.Flush(l)
	w.must(err)
	if n != len(l.pending) {
		w.t.Fatalf("flush says %d records, appended %d", n, len(l.pending))
	}
	seen := map[string]bool{}
	for _, r := range l.pending {
		if seen[string(r.key)] {
			w.t.Fatalf("key %x is in the changelog twice", r.key)
		}
		seen[string(r.key)] = true
	}
	l.ack(s.Acked)
}

// writeBehind writes what is due, sometimes later than it should.
func (w *world) writeBehind(interval time.Duration) {
	if interval > 0 {
		w.now = w.now.Add(time.Duration(w.rng.IntN(3000)) * time.Millisecond)
		if w.rng.IntN(3) == 0 {
			return
		}
	}
	b := w.machine.DB().NewBatch()
	defer func() { w.must(b.Close()) }()
	for _, s := range w.stores {
		for more := true; more; {
			var err error
			more, err = s.WriteBehind(b, w.now, interval)
			w.must(err)
			w.must(b.Commit())
		}
		if st := s.Stats(); st.QueueAge > interval {
			w.t.Fatalf("a row has waited for %v", st.QueueAge)
		}
		if st := s.Stats(); st.HeldBytes > w.limit/2 {
			w.t.Fatalf("%d bytes are held of a cache of %d", st.HeldBytes, w.limit)
		}
	}
	if w.rng.IntN(4) == 0 {
		w.must(w.machine.DB().Flush())
	}
}

// abort ends the transaction without effect and recovers.
func (w *world) abort() {
	for _, l := range w.logs {
		l.abort()
	}
	for _, s := range w.stores {
		w.must(s.Forget())
	}
	w.recover()
}

// recover replays what the databases lack of the changelogs, sometimes compacted ones.
func (w *world) recover() {
	for i, s := range w.stores {
		if l := w.logs[w.names[i]]; l != nil {
			if w.rng.IntN(4) == 0 {
				l.compact()
			}
			w.replay(s, l)
		}
	}
}

func (w *world) replay(s state.Instance, l *changelog) {
	p, ok, err := s.Position()
	w.must(err)
	if p.Offset > l.next || ok && p.Topic != [16]byte{1} {
		w.t.Fatalf("position %v of a changelog that ends at %d", p, l.next)
	}
	b := w.machine.DB().NewBatch()
	defer func() { w.must(b.Close()) }()
	for _, r := range l.records {
		if r.offset < p.Offset {
			continue
		}
		w.must(s.Restore(b, r.key, r.value, r.time, r.offset))
		if w.rng.IntN(16) == 0 {
			w.must(s.SetPosition(b, r.offset+1, w.now))
			w.must(b.Commit())
		}
	}
	w.must(s.SetPosition(b, l.next, w.now))
	w.must(b.Commit())
	if got, ok, err := s.Position(); err != nil || !ok || got.Offset != l.next {
		w.t.Fatalf("position after the restore: %v %v %v, want %d", got, ok, err, l.next)
	}
}

// stop writes everything behind: nothing must be left to replay.
func (w *world) stop() {
	w.writeBehind(0)
	for i, s := range w.stores {
		p, ok, err := s.Position()
		w.must(err)
		if l := w.logs[w.names[i]]; l != nil && l.acked > 0 && (!ok || p.Offset < l.acked) {
			w.t.Fatalf("position after a graceful stop: %v %v, want at least %d", p.Offset, ok, l.acked)
		}
	}
}

// changelog is a partition of a log that loses nothing.
type changelog struct {
	rng     *rand.Rand
	records []record // committed
	pending []record
	next    int64
	acked   int64 // after the last acknowledged record
}

type record struct {
	key, value   []byte
	time, offset int64
}

// Append implements state.Log.
func (l *changelog) Append(key, value []byte, timeMs int64) error {
	r := record{key: append([]byte{}, key...), time: timeMs, offset: l.next}
	if value != nil {
		r.value = append([]byte{}, value...)
	}
	if l.rng.IntN(8) == 0 { // a hole
		r.offset += int64(l.rng.IntN(3))
	}
	l.next = r.offset + 1
	l.pending = append(l.pending, r)
	return nil
}

// ack tells the store the offsets of what was appended, in runs.
func (l *changelog) ack(acked func(first int64, n int)) {
	for i := 0; i < len(l.pending); {
		n := 1
		for i+n < len(l.pending) && l.pending[i+n].offset == l.pending[i].offset+int64(n) && l.rng.IntN(10) > 0 {
			n++
		}
		acked(l.pending[i].offset, n)
		i += n
	}
	l.acked = l.next
	acked(l.next, 0)
}

func (l *changelog) commit() {
	l.records = append(l.records, l.pending...)
	l.pending = nil
	l.next++ // the control record
}

func (l *changelog) abort() {
	l.pending = nil
	l.next++
}

// compact leaves the last record of each key.
func (l *changelog) compact() {
	last := map[string]int{}
	for i, r := range l.records {
		last[string(r.key)] = i
	}
	kept := l.records[:0:0]
	for i, r := range l.records {
		if last[string(r.key)] == i {
			kept = append(kept, r)
		}
	}
	l.records = kept
}

func (r record) String() string { return fmt.Sprintf("%d: %x=%x", r.offset, r.key, r.value) }
