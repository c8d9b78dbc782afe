// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"time"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// SuppressUntilClose holds the panes of windows back until the window is closed, and gives the last one of each, Final:
// once the clock, the highest time of a pane less the Disorder of the source, has reached the window's end and grace,
// which is that of the windows, for sessions Gap and Grace together. Panes that close together come by their windows'
// close, then start, then the bytes of the key, with the time and headers of the last update. A session that was
// retracted leaves nothing behind.
//
// It gives what [window.OnClose] gives, and that costs less: this is for panes that something was done to in between.
// (Of a kind of windows with gaps between them it may send later: a record in no window has no pane that would move the
// clock.) limits must Stop: to send a pane early would break the promise that it is the last.
//
// What is held back is kept in a store called name, and its order in one named so with "-order". The codec of the panes
// must be known; see PaneCodec and stream.Encode.
//
//	panes:  a [0,10) 1 @3   a [0,10) 3 @7   a [10,20) 4 @12           grace: 5ms
//	gives:                                                   (clock 15) a [0,10) 3 @7 Final
func SuppressUntilClose[K comparable, A any](name string, panes stream.Stream[K, window.Pane[A]], grace time.Duration,
	limits Limits) stream.Stream[K, window.Pane[A]] {
	o := stream.NewOp(panes.Topology(), "suppress until close", name)
	switch {
	case name == "":
		o.Mistake("it needs a name: what it holds back is kept in a store called after it")
	case grace < 0 || grace%time.Millisecond != 0:
		o.Mistake("the grace is %v; give a whole number of milliseconds, at least 0", grace)
	case panes.ValueCodec() == nil:
		o.Mistake("the codec of the panes is not known, because an operator above made values of a new type; " +
			"name it with stream.Encode before")
	case (limits.Records > 0 || limits.Bytes > 0) && !limits.Stop:
		o.Mistake("its limits must Stop: a pane that is sent early is not the last of its window")
	}
	limits.check(o)
	last := stream.Attach(o, panes, panes.ValueCodec(),
		func(t *stream.Task, out stream.Next[K, window.Pane[A]]) stream.Next[K, window.Pane[A]] {
			keys := codec.Codec[paneKey[K]](paneKeyCodec[K]{panes.KeyCodec()})
			values := codec.Codec[heldPane[A]](heldPaneCodec[A]{panes.ValueCodec()})
			s := &closing[K, A]{grace: grace.Milliseconds(), disorder: panes.Disorder(), out: out}
			s.buffer = openBuffer(t, o, name, keys, values, limits, s.moved)
			s.emit = s.send
			s.clock = t.Clock(panes.Idle(), s.moved)
			return s.pane
		})
	return stream.HeldBack(stream.HeldBack(last, panes.Settles()), grace)
}

// closing is SuppressUntilClose in one task.
type closing[K comparable, A any] struct {
	buffer[paneKey[K], heldPane[A]]
	grace, disorder int64 // ms
	clock           *stream.Clock
	out             stream.Next[K, window.Pane[A]]
	rec             stream.Record[K, window.Pane[A]]
}

// heldPane is the last pane of a window so far.
type heldPane[A any] struct {
	pane    window.Pane[A]
	at      int64
	headers []byte // encoded
}

func (s *closing[K, A]) pane(r *stream.Record[K, window.Pane[A]]) {
	if r.NullKey || r.NullValue {
		s.task.Drop(s.label, nullReason(r.NullKey))
		return
	}
	s.backlog.Finish()
	s.clock.Advance(r.Time - s.disorder)
	k, due := paneKey[K]{r.Key, r.Value.Span}, later(r.Value.Span.End, s.grace)
	switch e, had := s.take(k); {
	case r.Value.Retracted:
		s.drop(k, had, due)
	default:
		e.pane, e.at, e.headers = r.Value, r.Time, encodeHeaders(r.Headers)
		s.keep(k, e, had, due)
	}
	s.moved()
}

func (s *closing[K, A]) moved() { s.release(s.clock.Now()) }

func (s *closing[K, A]) send() {
	headers, err := decodeHeaders(s.entry.headers)
	if err != nil {
		s.task.Fail(s.label, err)
		return
	}
	s.rec = stream.Record[K, window.Pane[A]]{Key: s.key.key, Value: s.entry.pane, Time: s.entry.at, Headers: headers}
	s.rec.Value.Final = true
	s.out(&s.rec)
}

// paneKey is a key and a window.
type paneKey[K comparable] struct {
	key  K
	span window.Span
}

// paneKeyCodec writes start, end (8 bytes each, big-endian), key: the order of the bytes is that in which panes of one
// close are sent.
type paneKeyCodec[K comparable] struct{ key codec.Codec[K] }

const spanBytes = 16

func (c paneKeyCodec[K]) Append(dst []byte, k paneKey[K]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(k.span.Start))
	return c.key.Append(binary.BigEndian.AppendUint64(dst, uint64(k.span.End)), k.key)
}

func (c paneKeyCodec[K]) Decode(src []byte) (k paneKey[K], err error) {
	if len(src) < spanBytes {
		return k, errHeld
	}
	k.span.Start = int64(binary.BigEndian.Uint64(src))
	k.span.End = int64(binary.BigEndian.Uint64(src[8:]))
	k.key, err = c.key.Decode(src[spanBytes:])
	return k, err
}

// heldPaneCodec writes the time (8 bytes, big-endian), the headers after their length (a uvarint), the pane.
type heldPaneCodec[A any] struct{ pane codec.Codec[window.Pane[A]] }

func (c heldPaneCodec[A]) Append(dst []byte, e heldPane[A]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	return c.pane.Append(appendMeasured(dst, e.headers), e.pane)
}

func (c heldPaneCodec[A]) Decode(src []byte) (e heldPane[A], err error) {
	if len(src) < 8 {
		return e, errHeld
	}
	e.at = int64(binary.BigEndian.Uint64(src))
	var rest []byte
	var ok bool
	if e.headers, rest, ok = measured(src[8:]); !ok {
		return e, errHeld
	}
	e.pane, err = c.pane.Decode(rest)
	return e, err
}
