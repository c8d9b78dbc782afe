// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Rows is a look into a store of one value per key, over all partitions. It shows what the tasks see at each moment,
// their changes since the last commit too, and stays good across restarts.
type Rows[K comparable, V any] struct {
	look
	decl state.Map[K, V]
}

// Store gives a look into a store that operators open, by its declaration. One that there is not fails the test.
func Store[K comparable, V any](d *Driver, decl state.Map[K, V]) *Rows[K, V] {
	d.tb.Helper()
	r := &Rows[K, V]{look{d: d, name: decl.Name}, decl}
	_ = handles(r.look, decl.Open)
	return r
}

// Table gives a look into the rows of a table: its name is that of the topic for stream.TableFrom, else that of the
// operator that made it. A row has the time of its last update beside its value.
func Table[K comparable, V any](d *Driver, name string, key codec.Codec[K], value codec.Codec[V],
) *Rows[K, stream.Timed[V]] {
	d.tb.Helper()
	return Store(d, state.Map[K, stream.Timed[V]]{Name: name, Key: key, Value: stream.TimedCodec(value)})
}

// Committed is a look at what the last commit left instead: what a task that is opened now would see.
func (r *Rows[K, V]) Committed() *Rows[K, V] {
	return &Rows[K, V]{look{r.d, r.name, true}, r.decl}
}

// Get is the value of k. A key that was sent to several partitions has a value in each; this is the first one's.
func (r *Rows[K, V]) Get(k K) (v V, ok bool) {
	r.d.tb.Helper()
	for _, s := range handles(r.look, r.decl.Open) {
		if v, ok = s.Get(k); ok {
			return v, true
		}
	}
	return v, false
}

// All gives every row, in the order of the keys' bytes, whatever partition it is in.
func (r *Rows[K, V]) All() iter.Seq2[K, V] {
	r.d.tb.Helper()
	type row struct {
		bytes []byte
		key   K
		value V
	}
	var rows []row
	for _, s := range handles(r.look, r.decl.Open) {
		s.Scan(func(k K, v *V) bool {
			rows = append(rows, row{encoded(r.d, r.decl.Key, k), k, *v})
			return true
		})
	}
	slices.SortStableFunc(rows, func(a, b row) int { return bytes.Compare(a.bytes, b.bytes) })
	return func(yield func(K, V) bool) {
		for _, row := range rows {
			if !yield(row.key, row.value) {
				return
			}
		}
	}
}

// WindowRows is a look into a store of one value per key and start, as Rows is.
type WindowRows[K comparable, V any] struct {
	look
	decl state.Window[K, V]
}

// WindowStore gives a look into a store of windows that operators open, by its declaration. One that there is not fails
// the test.
func WindowStore[K comparable, V any](d *Driver, decl state.Window[K, V]) *WindowRows[K, V] {
	d.tb.Helper()
	r := &WindowRows[K, V]{look{d: d, name: decl.Name}, decl}
	_ = handles(r.look, decl.Open)
	return r
}

// Committed is a look at what the last commit left instead.
func (r *WindowRows[K, V]) Committed() *WindowRows[K, V] {
	return &WindowRows[K, V]{look{r.d, r.name, true}, r.decl}
}

// Get is the value of k's row that starts at start.
func (r *WindowRows[K, V]) Get(k K, start int64) (v V, ok bool) {
	r.d.tb.Helper()
	for _, s := range handles(r.look, r.decl.Open) {
		if v, ok = s.Get(k, start); ok {
			return v, true
		}
	}
	return v, false
}

// WindowRow is a row of a store of windows.
type WindowRow[K comparable, V any] struct {
	Key   K
	Start int64
	Value V
}

// All gives every row that has not expired, by start, then in the order of the keys' bytes, over all partitions.
func (r *WindowRows[K, V]) All() iter.Seq[WindowRow[K, V]] {
	r.d.tb.Helper()
	var rows []WindowRow[K, V]
	for _, s := range handles(r.look, r.decl.Open) {
		s.ScanSpan(0, state.Forever, func(start int64, k K, v *V) bool {
			rows = append(rows, WindowRow[K, V]{k, start, *v})
			return true
		})
	}
	slices.SortStableFunc(rows, func(a, b WindowRow[K, V]) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start),
			bytes.Compare(encoded(r.d, r.decl.Key, a.Key), encoded(r.d, r.decl.Key, b.Key)))
	})
	return slices.Values(rows)
}

// VersionedRows is a look into a store that can be read as of a time, as Rows is.
type VersionedRows[K comparable, V any] struct {
	look
	decl state.Versioned[K, V]
}

// VersionedStore gives a look into a versioned store that operators open, by its declaration: the name of a versioned
// table is that of its topic or operator. One that there is not fails the test.
func VersionedStore[K comparable, V any](d *Driver, decl state.Versioned[K, V]) *VersionedRows[K, V] {
	d.tb.Helper()
	r := &VersionedRows[K, V]{look{d: d, name: decl.Name}, decl}
	_ = handles(r.look, decl.Open)
	return r
}

// Committed is a look at what the last commit left instead.
func (r *VersionedRows[K, V]) Committed() *VersionedRows[K, V] {
	return &VersionedRows[K, V]{look{r.d, r.name, true}, r.decl}
}

// Get is the latest value of k, with the time from which it holds.
func (r *VersionedRows[K, V]) Get(k K) (v V, from int64, ok bool) {
	r.d.tb.Helper()
	for _, s := range handles(r.look, r.decl.Open) {
		if v, from, ok = s.Get(k); ok {
			break
		}
	}
	return v, from, ok
}

// GetAsOf is the value that k had at a time, with the times from and until which it held.
func (r *VersionedRows[K, V]) GetAsOf(k K, at int64) (v V, from, until int64, ok bool) {
	r.d.tb.Helper()
	for _, s := range handles(r.look, r.decl.Open) {
		if v, from, until, ok = s.GetAsOf(k, at); ok {
			break
		}
	}
	return v, from, until, ok
}

func encoded[K any](d *Driver, key codec.Codec[K], k K) []byte {
	b, err := key.Append(nil, k)
	if err != nil {
		d.tb.Fatalf("key %v: %v", k, err)
	}
	return b
}

// look is a store by its name: that of the tasks at work, or as a task would restore it now.
type look struct {
	d         *Driver
	name      string
	committed bool
}

// handles are the stores of that name, one for each task that has one, in the order of partitions.
func handles[S any](l look, open func(state.Place) S) []S {
	l.d.tb.Helper()
	var found []S
	for _, t := range l.tasks() {
		h, err := opened(place{t}, l.name, open)
		if err != nil {
			l.d.tb.Fatal(err)
		}
		found = append(found, h)
	}
	return found
}

// tasks are those that have the store. None is a mistake of the test.
func (l look) tasks() []*task.Task {
	l.d.tb.Helper()
	if len(l.d.tasks) == 0 {
		l.d.tb.Fatalf("store %q: the topology has failed; Restart it to look into its stores", l.name)
	}
	var has []*task.Task
	var names []string
	for _, t := range l.d.tasks {
		for _, s := range t.Stores() {
			names = append(names, fmt.Sprintf("%q", s.Spec().Name))
		}
		if storeOf(t, l.name) == nil {
			continue
		}
		if l.committed {
			t = l.d.shadow(t.ID)
		}
		has = append(has, t)
	}
	if len(has) == 0 {
		slices.Sort(names)
		l.d.tb.Fatalf("topology %s has no store %q; it has: %s", l.d.plan.App, l.name,
			cmp.Or(strings.Join(slices.Compact(names), ", "), "none"))
	}
	return has
}

// shadow is a task that never runs, with its stores as they are committed.
func (d *Driver) shadow(id task.ID) *task.Task {
	d.tb.Helper()
	// The copies of global tables are those of the task's own process: to load them anew would bury what is bad in them
	// a second time.
	p := &process{db: memory.New(), globals: d.processes[d.home[id]].globals}
	var err error
	if p.stores, err = state.OpenCatalogue(p.db); err != nil {
		d.tb.Fatal(err)
	}
	t, err := d.restored(id, p, &task.Attempts{}, &task.Counters{})
	if err != nil {
		d.tb.Fatal(err)
	}
	return t
}

func storeOf(t *task.Task, name string) *task.Store {
	for _, s := range t.Stores() {
		if s.Spec().Name == name {
			return s
		}
	}
	return nil
}

// opened gives the handle of a store that is open already. A declaration of other types panics; that is the error.
func opened[S any](p place, name string, open func(state.Place) S) (h S, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("store %q does not hold what the test declares: see its kind, and the types of its keys and "+
				"values; the rows of windows, joins and suppressed tables are the operator's own, so read what it sends", name)
		}
	}()
	return open(p), nil
}

// place is a task whose stores are open already. It implements state.Place.
type place struct{ t *task.Task }

// OpenStore implements state.Place.
func (p place) OpenStore(spec state.Spec, _ func(state.Backing) state.Instance) state.Instance {
	return storeOf(p.t, spec.Name).Instance
}
