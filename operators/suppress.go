// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// Suppress lets at most one update per key and length of time, after, through: an update is held back until the clock
// has come that far from its time, and is then the newest one. An entry keeps the time of the first update in it; what
// is sent has time and headers of the newest. A row that came and went while it was held back leaves no trace. Updates
// that fall due together come in the order of their first times, then of the keys' bytes.
//
// The clock is the highest time of an update, less the Disorder of the source; after 0 sends each update at once. Once
// more is held back than limits allow, what was held longest is sent early, or the program stops.
//
// Who reads the table finds the rows as they were sent; the time of one that is held back is not known then, and 0.
// What is held back is kept in a store called name, and its order in one named so with "-order". The table's codec must
// be known (stream.EncodeTable). Updates of versioned tables that come out of order change nothing.
//
//	table: a 1 @1   a 2 @5   b 1 @6   b ∅ @8   a 3 @11   c 1 @12   d 1 @30        after: 10ms
//	gives:                                     a 3 @11             c 1 @12
func Suppress[K comparable, V any](name string, table stream.Table[K, V], after time.Duration,
	limits Limits) stream.Table[K, V] {
	in := table.Changes()
	o := stream.NewOp(in.Topology(), "suppress", name)
	switch {
	case name == "":
		o.Mistake("it needs a name: what it holds back is kept in a store called after it")
	case after < 0 || after%time.Millisecond != 0:
		o.Mistake("it holds updates back for %v; give a whole number of milliseconds, at least 0", after)
	case table.ValueCodec() == nil:
		o.Mistake("%w", errNoTableCodec)
	}
	limits.check(o)
	out := stream.Out(o, in, in.KeyCodec(), codec.Codec[stream.Change[V]](nil))
	open := stream.PerTask(o, func(t *stream.Task) *suppression[K, V] {
		s := &suppression[K, V]{after: after.Milliseconds(), disorder: in.Disorder(), rows: table.Open(t)}
		s.buffer = openBuffer(t, o, name, in.KeyCodec(), codec.Codec[heldUpdate[V]](heldCodec[V]{table.ValueCodec()}),
			limits, s.moved)
		s.emit = s.send
		return s
	})
	stream.In(o, in, func(t *stream.Task) stream.Next[K, stream.Change[V]] {
		s := open(t)
		s.clock = t.Clock(in.Idle(), s.moved)
		s.out = out.Open(t)
		return s.changed
	})
	held := stream.HeldBack(out.Stream, after)
	return stream.NewTable(held, table.ValueCodec(), func(t *stream.Task) stream.Reader[K, V] { return open(t) })
}

// suppression is Suppress in one task.
type suppression[K comparable, V any] struct {
	buffer[K, heldUpdate[V]]
	after, disorder int64 // ms
	clock           *stream.Clock
	rows            stream.Reader[K, V]
	out             stream.Next[K, stream.Change[V]]
	rec             stream.Record[K, stream.Change[V]]
}

// heldUpdate is what is held back of a key: Old is what was sent last.
type heldUpdate[V any] struct {
	stream.Change[V]
	since   int64  // time of the first update
	at      int64  // of the newest
	headers []byte // encoded
}

func (s *suppression[K, V]) changed(r *stream.Record[K, stream.Change[V]]) {
	c := &r.Value
	if c.OutOfOrder {
		return
	}
	s.backlog.Finish()
	s.clock.Advance(r.Time - s.disorder)
	e, had := s.take(r.Key)
	if !had {
		e.since, e.Old, e.HasOld = r.Time, c.Old, c.HasOld
	}
	if !c.HasNew && !e.HasOld {
		s.drop(r.Key, had, e.since)
	} else {
		e.New, e.HasNew, e.at, e.headers = c.New, c.HasNew, r.Time, encodeHeaders(r.Headers)
		s.keep(r.Key, e, had, e.since)
	}
	s.moved()
}

// moved sends what the clock makes due.
func (s *suppression[K, V]) moved() {
	now := s.clock.Now()
	if now < math.MinInt64+s.after {
		return
	}
	s.release(now - s.after)
}

func (s *suppression[K, V]) send() {
	headers, err := decodeHeaders(s.entry.headers)
	if err != nil {
		s.task.Fail(s.label, err)
		return
	}
	s.rec = stream.Record[K, stream.Change[V]]{Key: s.key, Value: s.entry.Change, Time: s.entry.at, Headers: headers}
	s.out(&s.rec)
}

// Get implements stream.Reader.
func (s *suppression[K, V]) Get(k K) (v V, at int64, ok bool) {
	if e, held := s.entries.Get(k); held {
		return e.Old, 0, e.HasOld
	}
	return s.rows.Get(k)
}

// heldCodec writes flags, the times (8 bytes each, big-endian), the headers after their length (a uvarint), the old
// value after its length (4 bytes, big-endian), the new value.
type heldCodec[V any] struct{ value codec.Codec[V] }

const (
	heldOld = 1
	heldNew = 2
)

func (c heldCodec[V]) Append(dst []byte, e heldUpdate[V]) (_ []byte, err error) {
	flags := byte(0)
	if e.HasOld {
		flags |= heldOld
	}
	if e.HasNew {
		flags |= heldNew
	}
	dst = binary.BigEndian.AppendUint64(append(dst, flags), uint64(e.since))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	dst = appendMeasured(dst, e.headers)
	if e.HasOld {
		if dst, err = appendSized(dst, c.value, e.Old); err != nil {
			return dst, err
		}
	}
	if e.HasNew {
		return c.value.Append(dst, e.New)
	}
	return dst, nil
}

func (c heldCodec[V]) Decode(src []byte) (e heldUpdate[V], err error) {
	if len(src) < 17 || src[0] > heldOld|heldNew {
		return e, errHeld
	}
	e.HasOld, e.HasNew = src[0]&heldOld != 0, src[0]&heldNew != 0
	e.since, e.at = int64(binary.BigEndian.Uint64(src[1:])), int64(binary.BigEndian.Uint64(src[9:]))
	var rest []byte
	var ok bool
	if e.headers, rest, ok = measured(src[17:]); !ok {
		return e, errHeld
	}
	if e.HasOld {
		if e.Old, rest, err = takeSized(rest, c.value); err != nil {
			return e, err
		}
	}
	switch {
	case e.HasNew:
		e.New, err = c.value.Decode(rest)
	case len(rest) > 0:
		err = errHeld
	}
	return e, err
}

var errHeld = errors.New("these are not the bytes of something that was held back")
