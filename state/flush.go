// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// Flush implements Instance.
func (s *core[R]) Flush(log Log) (int, error) {
	if invariants.Enabled && s.rows.live() <= checkMost {
		s.checkClean()
		s.kind.check()
	}
	n, err := s.kind.flushMark(log)
	if err != nil {
		return n, fmt.Errorf("store %q: changelog: %w", s.spec.Name, err)
	}
	s.log.next += int64(n)
	s.fresh = 0
	for at, i := range s.dirty {
		if at%warmAhead == 0 {
			s.warm(s.dirty[at:min(at+warmAhead, len(s.dirty))])
		}
		if i == 0 {
			continue
		}
		logged, err := s.flushRow(log, i)
		if err != nil {
			return n, fmt.Errorf("store %q: changelog: %w", s.spec.Name, err)
		}
		if logged {
			n++
		}
	}
	s.dirty, s.changed = s.dirty[:0], 0
	s.log.flushed(s.fresh)
	if s.spec.Unlogged {
		s.log.acked, n = s.log.next, 0
	}
	if invariants.Enabled {
		s.check()
	}
	return n, nil
}

// flushRow appends one dirty row to log, unless nobody would miss it, and queues it.
func (s *core[R]) flushRow(log Log, i int32) (logged bool, err error) {
	r := s.rows.at(i)
	if s.kind.gone(&r.it) {
		s.drop(i, r)
		return false, nil
	}
	if r.flags&present == 0 && r.flags&unborn != 0 { // came and went since the last Flush
		r.flags &^= dirty
		if r.flags&queued == 0 {
			s.cleaned(i, r)
		}
		return false, nil
	}
	if err := s.logRow(log, i, r); err != nil {
		return false, err
	}
	s.kind.own(&r.it)
	r.flags &^= dirty | unborn
	if r.flags&present == 0 {
		r.flags |= unborn
	}
	if r.flags&queued == 0 {
		r.flags |= queued
		r.seq = s.log.next
		s.push(&s.queue, i)
		s.fresh++
	}
	s.log.next++
	return true, nil
}

func (s *core[R]) logRow(log Log, i int32, r *row[R]) (err error) {
	if s.spec.Unlogged {
		return nil
	}
	if s.key, err = s.kind.appendLogKey(s.key[:0], &r.it); err != nil {
		return err
	}
	if r.flags&present == 0 {
		s.weigh(r, 0)
		return log.Append(s.key, nil, NoTime)
	}
	if s.val, err = s.kind.appendValue(s.val[:0], i, &r.it); err != nil {
		return fmt.Errorf("value of key %x: %w", s.key, err)
	}
	s.weighed(len(s.val))
	s.weigh(r, len(s.val))
	return log.Append(s.key, s.val, NoTime)
}

// Acked implements Instance.
func (s *core[R]) Acked(first int64, n int) {
	s.log.ack(first, n)
	if invariants.Enabled {
		invariants.Check(s.log.acked <= s.log.next, "store %q: %d records acknowledged, %d flushed",
			s.spec.Name, s.log.acked, s.log.next)
	}
}

// WriteBehind implements Instance.
func (s *core[R]) WriteBehind(b Batch, now time.Time, interval time.Duration) (more bool, err error) {
	if s.kind.ahead() {
		return false, nil
	}
	due := max(s.log.due(now, interval), s.owed)
	for s.queue.n > 0 && (due > 0 || s.held > s.limit/2) {
		if b.Bytes() >= MaxBatchBytes {
			more = true
			break
		}
		i := s.queue.head
		r := s.rows.at(i)
		if r.flags&dirty != 0 {
			break // what the cache holds is not committed, and what was is gone: wait for the next commit
		}
		if s.kind.gone(&r.it) {
			s.drop(i, r)
			due--
			continue
		}
		if err := s.writeRow(b, i, r); err != nil {
			return false, fmt.Errorf("store %q: write behind: %w", s.spec.Name, err)
		}
		s.unqueue(i, r)
		s.cleaned(i, r)
		s.stats.Written++
		due--
	}
	if s.owed = 0; more {
		s.owed = due
	}
	s.stats.QueueAge = s.log.age(now)
	if err := s.kind.writeMark(b, now, interval); err != nil {
		return false, fmt.Errorf("store %q: write behind: %w", s.spec.Name, err)
	}
	if err := s.advance(b, now, interval); err != nil {
		return false, err
	}
	if invariants.Enabled {
		s.check()
	}
	return more, nil
}

// writeRow puts one committed row into b.
func (s *core[R]) writeRow(b Batch, i int32, r *row[R]) (err error) {
	if s.key, err = s.kind.appendDBKey(append(s.key[:0], s.back.Prefix...), &r.it); err != nil {
		return err
	}
	if r.flags&present == 0 {
		return b.Delete(s.key)
	}
	if s.val, err = s.kind.appendValue(s.val[:0], i, &r.it); err != nil {
		return err
	}
	s.weighed(len(s.val))
	s.weigh(r, len(s.val))
	if err := b.Set(s.key, s.val); err != nil {
		return err
	}
	return s.kind.beside(b, s.key, i)
}

// advance puts the new position into b: the offset of the change that now waits longest, or the end of what is
// acknowledged. One that does not move is written again when it gets old, and at a graceful stop: see positionAge.
func (s *core[R]) advance(b Batch, now time.Time, interval time.Duration) error {
	if s.spec.Unlogged {
		return nil
	}
	at := s.log.end
	switch {
	case at < 0: // nothing was acknowledged since the store was opened
		at = s.position
	case s.queue.n > 0:
		seq := s.rows.at(s.queue.head).seq
		if invariants.Enabled {
			invariants.Check(seq < s.log.acked, "store %q: written behind before record %d was acknowledged", s.spec.Name, seq)
		}
		at = s.log.offset(seq)
	default:
		s.log.settle()
	}
	if at < 0 || at == s.position && interval > 0 && now.Sub(s.positionAt) < positionAge {
		return nil
	}
	return s.SetPosition(b, at, now)
}

// positionAge is how old the date of a position may get while its store is open. A position that lies behind the log by
// more than the log keeps deletes is worth nothing, so that of an idle store must not look like one.
const positionAge = time.Hour
