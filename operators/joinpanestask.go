// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"encoding/binary"
	"math"

	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// paneJoin is a join of panes in one task. The panes of windows that are not closed are in its buffer, which is due
// when they close. What a record changes is collected, and sent when the record has caused all that it does: so what it
// causes on both sides is joined with each other, and closes nothing before that (ADR 0008).
//
// Owner: the task's goroutine.
//
//  1. at[held[i].key] is i, for i from done on. Entries before done have been sent.
//  2. With anything held, settle has been asked for.
//  3. What is due at settled, or before, is not in the buffer.
type paneJoin[K comparable, A, B, R any] struct {
	buffer[paneKey[K], panePair[A, B]]
	joinRule[A, B, R]
	grace, disorder int64 // ms
	clock           *stream.Clock
	settled         int64 // the clock as of the last settle
	ask             func()
	out             stream.Next[K, window.Pane[R]]
	rec             stream.Record[K, window.Pane[R]]

	at   map[paneKey[K]]int
	held []heldPanes[K, A, B]
	done int
}

// heldPanes is a key and window whose panes have changed.
type heldPanes[K comparable, A, B any] struct {
	key     paneKey[K]
	before  panePair[A, B]
	at      int64 // the highest time of the panes that have come
	headers []stream.Header
}

// panePair is what a window has on both sides.
type panePair[A, B any] struct {
	left  paneSide[A]
	right paneSide[B]
}

type paneSide[V any] struct {
	has  bool
	at   int64
	pane window.Pane[V]
}

// time is the later one of both panes.
func (p *panePair[A, B]) time() int64 { return max(p.left.at, p.right.at) } // that of none is 0

// restore finds what was settled before the task began: all that its clock had come to.
func (j *paneJoin[K, A, B, R]) restore() {
	if j.settled = math.MinInt64; j.clock.Known() {
		j.settled = j.clock.Now()
	}
}

// accept takes a pane of the side that side gives.
func accept[K comparable, A, B, R, V any](j *paneJoin[K, A, B, R], r *stream.Record[K, window.Pane[V]],
	side func(*panePair[A, B]) *paneSide[V], copied func(window.Pane[V]) window.Pane[V]) {
	if r.NullKey || r.NullValue {
		j.task.Drop(j.label, nullReason(r.NullKey))
		return
	}
	j.backlog.Finish()
	j.clock.Advance(r.Time - j.disorder)
	j.ask()
	k := paneKey[K]{r.Key, r.Value.Span}
	due := later(k.span.End, j.grace)
	if due <= j.settled {
		j.task.Drop(j.label, dropLate)
		return
	}
	now := paneSide[V]{}
	if !r.Value.Retracted {
		if now = (paneSide[V]{true, r.Time, copied(r.Value)}); j.task.Failed() {
			return
		}
	}
	pair, had := j.take(k)
	j.hold(k, pair, r.Time, r.Headers)
	if *side(pair) = now; pair.left.has || pair.right.has {
		j.keep(k, pair, had, due)
	} else {
		j.drop(k, had, due)
	}
}

// hold notes what there was of k before the record.
func (j *paneJoin[K, A, B, R]) hold(k paneKey[K], before *panePair[A, B], at int64, headers []stream.Header) {
	i, ok := j.at[k]
	if !ok {
		i = len(j.held)
		j.at[k] = i
		j.held = append(j.held, heldPanes[K, A, B]{key: k, before: *before})
	}
	j.held[i].at, j.held[i].headers = max(j.held[i].at, at), headers
}

// settle sends what is held, in the order in which it first changed, then closes what the clock has come to.
func (j *paneJoin[K, A, B, R]) settle() {
	for j.done < len(j.held) {
		h := &j.held[j.done]
		j.done++ // before f is called: if it panics, what follows is not lost with it
		delete(j.at, h.key)
		after, _ := j.entries.Get(h.key)
		if j.changed(h, &after); j.task.Failed() {
			return
		}
	}
	clear(j.held)
	j.held, j.done = j.held[:0], 0
	j.settled = j.clock.Now()
	j.release(j.settled)
}

// changed sends what has become of a window: a new result, or that there is none any more.
func (j *paneJoin[K, A, B, R]) changed(h *heldPanes[K, A, B], after *panePair[A, B]) {
	pane, at := window.Pane[R]{Span: h.key.span}, max(h.at, after.time())
	var ok bool
	if pane.Value, ok = j.of(after); ok {
		pane.Final = after.left.pane.Final && after.right.pane.Final
	} else if pane.Value, ok = j.of(&h.before); ok {
		pane.Retracted, at = true, h.before.time()
	}
	if ok {
		j.send(h.key.key, pane, at, h.headers)
	}
}

func (j *paneJoin[K, A, B, R]) of(p *panePair[A, B]) (R, bool) {
	return j.row(p.left.pane.Value, p.left.has, p.right.pane.Value, p.right.has)
}

// closed sends the result in entry once more if only now it is known that the side without a pane stays without one.
func (j *paneJoin[K, A, B, R]) closed() {
	p := &j.entry
	if p.left.has == p.right.has || !p.left.pane.Final && !p.right.pane.Final {
		return
	}
	if v, ok := j.of(p); ok {
		j.send(j.key.key, window.Pane[R]{Span: j.key.span, Value: v, Final: true}, p.time(), nil)
	}
}

func (j *paneJoin[K, A, B, R]) send(k K, p window.Pane[R], at int64, headers []stream.Header) {
	j.rec = stream.Record[K, window.Pane[R]]{Key: k, Value: p, Time: at, Headers: headers}
	j.out(&j.rec)
}

// panePairCodec writes flags (1 left, 2 right), then of the left pane, if there is one, its time (8 bytes, big-endian)
// and, after the length (4 bytes, big-endian), itself; then the same of the right one.
type panePairCodec[A, B any] struct {
	left  codec.Codec[window.Pane[A]]
	right codec.Codec[window.Pane[B]]
}

const (
	pairLeft  = 1
	pairRight = 2
)

func (c panePairCodec[A, B]) Append(dst []byte, p panePair[A, B]) (_ []byte, err error) {
	flags := byte(0)
	if p.left.has {
		flags |= pairLeft
	}
	if p.right.has {
		flags |= pairRight
	}
	if dst, err = appendSide(append(dst, flags), c.left, p.left); err != nil {
		return dst, err
	}
	return appendSide(dst, c.right, p.right)
}

func (c panePairCodec[A, B]) Decode(src []byte) (p panePair[A, B], err error) {
	if len(src) == 0 || src[0]&^(pairLeft|pairRight) != 0 {
		return p, errHeld
	}
	p.left.has, p.right.has = src[0]&pairLeft != 0, src[0]&pairRight != 0
	if src, err = takeSide(src[1:], c.left, &p.left); err == nil {
		_, err = takeSide(src, c.right, &p.right)
	}
	return p, err
}

func appendSide[V any](dst []byte, c codec.Codec[window.Pane[V]], s paneSide[V]) ([]byte, error) {
	if !s.has {
		return dst, nil
	}
	return appendSized(binary.BigEndian.AppendUint64(dst, uint64(s.at)), c, s.pane)
}

func takeSide[V any](src []byte, c codec.Codec[window.Pane[V]], s *paneSide[V]) (rest []byte, err error) {
	if !s.has {
		return src, nil
	}
	if len(src) < 8 {
		return nil, errHeld
	}
	s.at = int64(binary.BigEndian.Uint64(src))
	s.pane, rest, err = takeSized(src[8:], c)
	return rest, err
}
