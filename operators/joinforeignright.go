// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"fmt"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
)

// link is a left row that names a right one.
type link[FK, K comparable] struct {
	foreign FK
	left    K
}

// answer is a right row, or that there is none, on its way to a left row that has asked for it. It travels under the
// foreign key, and from the topic on under the left one.
type answer[K, W any] struct {
	left    K // not encoded: it is the key behind the topic
	version uint64
	right   W
	matched bool
	rightAt int64
}

// foreignRight is the right side of a foreign key join in one task: it keeps who has asked for which row, with the
// version of the question, and answers.
type foreignRight[K, FK comparable, W any] struct {
	task        *stream.Task
	label       string
	links       linkCodec[FK, K]
	rows        stream.Reader[FK, W]
	subscribers *state.MapStore[link[FK, K], uint64]
	out         stream.Next[FK, answer[K, W]]
	rec         stream.Record[FK, answer[K, W]]
	fan         func(link[FK, K], *uint64) bool // tell
	prefix      []byte
}

func (f *foreignRight[K, FK, W]) subscribe(r *stream.Record[FK, subscription[K, FK]]) {
	s := &r.Value
	l := link[FK, K]{r.Key, s.left}
	if s.leave {
		f.subscribers.Delete(l)
		return
	}
	f.subscribers.Put(l, s.version)
	w, at, ok := rowOf(f.rows, r.Key)
	if !ok && !s.always {
		return
	}
	f.rec = stream.Record[FK, answer[K, W]]{
		Key: r.Key, Value: answer[K, W]{left: s.left, version: s.version, right: w, matched: ok, rightAt: at},
		Time: max(r.Time, at), Headers: r.Headers,
	}
	f.out(&f.rec)
}

// changed tells all who have asked for the row.
func (f *foreignRight[K, FK, W]) changed(r *stream.Record[FK, stream.Change[W]]) {
	c := &r.Value
	if c.OutOfOrder {
		return
	}
	f.rec = stream.Record[FK, answer[K, W]]{
		Key: r.Key, Value: answer[K, W]{right: c.New, matched: c.HasNew, rightAt: r.Time}, Time: r.Time, Headers: r.Headers,
	}
	var err error
	if f.prefix, err = f.links.prefix(f.prefix[:0], r.Key); err != nil {
		f.task.Fail(f.label, fmt.Errorf("key %v: %w", r.Key, err))
		return
	}
	f.subscribers.ScanPrefix(f.prefix, f.fan)
}

func (f *foreignRight[K, FK, W]) tell(l link[FK, K], version *uint64) bool {
	f.rec.Value.left, f.rec.Value.version = l.left, *version
	f.out(&f.rec)
	return !f.task.Failed()
}
