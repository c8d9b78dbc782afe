// SPDX-License-Identifier: Apache-2.0

package task

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// waiting is how long the task has been holding back records because another input is empty.
type waiting struct{ since time.Time }

// Step gives the task one turn: dispatch chooses the input whose head is the oldest, process pushes its records
// through the operators, until limit records are done or an input has to be waited for. It returns how many records
// it took and the error that stopped it: a *RecordError whose policy is not Skip or DeadLetter, or a *FatalError.
// After an error the task has failed and must be closed.
func (t *Task) Step(limit int) (int, error) {
	done := 0
	for done < limit && t.stage == Running {
		s, until, err := t.dispatch()
		if err != nil {
			return done, t.fail(err)
		}
		if s == nil {
			break
		}
		n := t.process(s, until, limit-done)
		done += n
		t.Counters.records.Add(uint64(n))
		if t.failure != nil {
			if err := t.settle(s); err != nil {
				return done, t.fail(err)
			}
		}
	}
	if len(t.walls) > 0 {
		if err := t.wall(); err != nil {
			return done, t.fail(err)
		}
	}
	return done, nil
}

// dispatch chooses the input to go on with, and the time up to which it may run: an input gives way once another
// one's head is older. nil means that there is nothing to do now.
func (t *Task) dispatch() (best *slot, until int64, err error) {
	until = math.MaxInt64
	var oldest int64
	starved := false
	for i := range t.inputs {
		s := &t.inputs[i]
		at, ok, err := t.head(s)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case !ok:
			starved = starved || len(t.inputs) > 1 && !s.feed.Ended()
		case best == nil:
			best, oldest = s, at
		case at < oldest:
			// The loser stands before the winner: at equal times it goes first, so the winner stops one short of it.
			best, until, oldest = s, min(until, oldest-1), at
		default:
			until = min(until, at)
		}
	}
	if best == nil || !t.patient(starved) {
		return best, max(until, oldest), nil
	}
	return nil, 0, nil
}

// patient says whether records are held back for an empty input: as long as that input is known to have more, and
// beyond that for MaxIdle after it ran dry.
func (t *Task) patient(starved bool) bool {
	if starved {
		t.waited.since = time.Time{}
		return true
	}
	if t.MaxIdle <= 0 || len(t.inputs) == 1 {
		return false
	}
	for i := range t.inputs {
		if t.inputs[i].batch == nil {
			now := t.Clock.Now()
			if t.waited.since.IsZero() {
				t.waited.since = now
			}
			return now.Sub(t.waited.since) < t.MaxIdle
		}
	}
	t.waited.since = time.Time{}
	return false
}

// head gives the time of the input's next record, taking the next batch from its feed when the one in work is
// exhausted.
func (t *Task) head(s *slot) (at int64, ok bool, err error) {
	for {
		if s.batch != nil {
			at, ok = t.peek(s)
			if t.failure != nil {
				if err := t.settle(s); err != nil {
					return 0, false, err
				}
				continue
			}
			if ok {
				return at, true, nil
			}
			s.next, s.moved = s.batch.Last+1, true
			s.feed.Done(s.batch)
			s.batch = nil
		}
		b, more := s.feed.Pop()
		if !more {
			if err := s.feed.Err(); err != nil {
				return 0, false, &FatalError{Task: t.ID, Err: err}
			}
			return 0, false, nil
		}
		s.batch = b
		s.in.Load(b)
	}
}

// peek looks at the next record, which may mean to decode it. A panic of a codec or a Time function is its failure.
func (t *Task) peek(s *slot) (at int64, ok bool) {
	t.current = s
	defer func() {
		if p := recover(); p != nil {
			t.FailRecord(Decode, "", panicError(p))
		}
		t.current = nil
	}()
	return s.in.Head()
}

// process pushes records through the operators. A panic on the way becomes the failure of the record in work.
func (t *Task) process(s *slot, until int64, limit int) (n int) {
	t.current = s
	defer func() {
		if p := recover(); p != nil {
			t.FailRecord(Process, "", panicError(p))
			n++
		}
		s.moved = true
		s.next = s.in.Offset()
		t.current = nil
	}()
	return s.in.Process(until, limit)
}

// settle applies the policy to the failure of the record in work; nil means that the task goes on after it.
func (t *Task) settle(s *slot) error {
	var r *RecordError
	if !errors.As(t.failure, &r) {
		return t.failure
	}
	switch action := t.Policies.Of(r.Phase).Action; action {
	case Skip, DeadLetter:
		t.current = s
		defer func() { t.current = nil }()
		t.failure = nil
		t.Drop(r.Operator, r.Phase.String()+" error")
		t.Log.Warn("record passed over", "action", action.String(), "error", r)
		if action == DeadLetter {
			if err := t.deadLetter(s, r); err != nil {
				return &FatalError{Task: t.ID, Err: fmt.Errorf("dead letter for %w: %w", r, err)}
			}
		}
		s.in.Skip()
		s.next, s.moved = s.in.Offset(), true
		return nil
	case Fail, Park:
	}
	return r
}

func (t *Task) fail(err error) error {
	if t.stage == Running {
		t.become(Failed)
	}
	return err
}

// wall calls what waits for wall time.
func (t *Task) wall() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.recordError(Process, "wall clock timer", panicError(p))
		}
	}()
	now := t.Clock.Now()
	for _, f := range t.walls {
		f(now)
	}
	return t.failure
}
