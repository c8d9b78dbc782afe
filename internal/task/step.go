// SPDX-License-Identifier: Apache-2.0

package task

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"
)

// Step gives the task one turn: dispatch chooses the input whose head is the oldest, process pushes its records
// through the operators, until limit records are done or an input has to be waited for; then what waits for the wall
// clock is called. It returns how many records and entries of backlogs it took, at least one where more is to be given
// out, and the error that stopped it: a *RecordError whose policy is not to pass over it, a *RetryError, or a
// *FatalError. After an error the task has failed and must be closed.
func (t *Task) Step(limit int) (done int, err error) { return t.StepUntil(limit, time.Time{}) }

// StepUntil is Step that also ends soon after the wall clock has reached deadline, however slow the user's functions
// are: a commit must not wait until a transaction times out. It does at least one record. The zero deadline is none.
func (t *Task) StepUntil(limit int, deadline time.Time) (done int, err error) {
	if t.stage != Running {
		return 0, nil
	}
	t.room, t.deadline, t.given = limit, deadline, 0
	err = t.work()
	done = limit - max(t.room, 0)
	t.Counters.records.Add(uint64(limit - max(t.room+t.given, 0)))
	if err == nil {
		err = t.wall()
	}
	if t.Owes() {
		done = max(done, 1)
	}
	if err != nil {
		t.become(Failed)
	}
	return done, err
}

// lookAfter is the largest number of records after which the wall clock is looked at; it begins at one and doubles, so
// that slow functions are noticed at once and quick ones do not pay.
const lookAfter = 256

// work takes records until room is used up, the deadline has come, or an input has to be waited for.
func (t *Task) work() error {
	look, left := 1, 1
	for t.room > 0 {
		if left <= 0 {
			if !t.deadline.IsZero() && !t.Clock.Now().Before(t.deadline) {
				return nil
			}
			look = min(2*look, lookAfter)
			left = look
		}
		if t.Owes() {
			left = 0
			if err := t.drain(); err != nil || t.Pressed() {
				return err
			}
			continue
		}
		s, until, err := t.dispatch()
		if s == nil || err != nil {
			return err
		}
		n := t.process(s, until, min(t.room, left))
		t.room -= n
		left -= n
		if t.failure != nil {
			if err := t.settle(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// dispatch chooses the input to go on with, and the time up to which it may run: an input gives way once another
// one's head is older. nil means that there is nothing to do now.
//
// Of inputs whose heads are equally old the one that was written first goes first.
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
			starved = starved || len(t.inputs) > 1 && t.due(s)
		case best == nil:
			best, oldest = s, at
		case at < oldest:
			// The loser stands before the winner: at equal times it goes first, so the winner stops one short of it.
			best, until, oldest = s, min(until, oldest-1), at
		default:
			until = min(until, at)
		}
	}
	if t.room <= 0 || best != nil && (starved || t.patient(best)) {
		return nil, 0, nil
	}
	return best, until, nil
}

// head gives the time of the input's next record, taking the next batch from its feed when the one in work is
// exhausted. Records that are passed over on the way take room like others: a topic full of them must not keep the
// worker from its commit.
func (t *Task) head(s *slot) (at int64, ok bool, err error) {
	for t.room > 0 {
		if s.known {
			return s.head, true, nil
		}
		if s.batch != nil {
			at, ok = t.peek(s)
			if t.failure != nil {
				if err := t.settle(s); err != nil {
					return 0, false, err
				}
				continue
			}
			if ok {
				s.head, s.known = at, true
				continue
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
		s.batch, s.undecided, s.told = b, time.Time{}, false
		s.in.Load(b)
	}
	return 0, false, nil
}

// peek looks at the next record, which may mean to decode it. A panic of a codec or a Time function is its failure.
func (t *Task) peek(s *slot) (at int64, ok bool) {
	t.current = s
	before := s.in.Offset()
	defer func() {
		if p := recover(); p != nil {
			t.FailRecord(s.in.Phase(), "", NewPanicError(p))
		}
		t.room -= int(s.in.Offset() - before)
		t.current = nil
	}()
	return s.in.Head()
}

// process pushes records through the operators. A panic on the way becomes the failure of the record in work.
func (t *Task) process(s *slot, until int64, limit int) (n int) {
	t.current, s.known = s, false
	before := s.in.Offset()
	defer func() {
		if p := recover(); p != nil {
			t.FailRecord(s.in.Phase(), "", NewPanicError(p))
			n = int(s.in.Offset() - before)
		}
		s.moved = true
		s.next = s.in.Offset()
		t.current = nil
	}()
	return s.in.Process(until, limit)
}

// settle ends the record in work of s after its failure. nil means that the task goes on behind it.
func (t *Task) settle(s *slot) error {
	t.current = s
	defer func() { t.current = nil }()
	if err := t.judge(); err != nil {
		return err
	}
	if t.catchUp(); t.failure != nil {
		return t.failure
	}
	s.in.Skip()
	s.next, s.moved = s.in.Offset(), true
	t.room--
	return nil
}

// judge applies the policy to the failure: nil means that it has been passed over, and the task goes on. Judging the
// same failure again gives the same answer.
func (t *Task) judge() error {
	r, ok := t.failure.(*RecordError)
	if !ok {
		return t.failure
	}
	policy := t.Policies.Of(r.Phase)
	if t.Attempts.count(r) <= policy.Retries {
		t.failure = &RetryError{Err: r, Backoff: policy.Backoff}
		return t.failure
	}
	switch policy.Action {
	case Skip, DeadLetter:
		t.failure = nil
		t.drop(r.Operator, r.Phase.String()+" error", slog.String("action", policy.Action.String()), slog.Any("error", r))
		if policy.Action == DeadLetter {
			if err := t.deadLetter(r); err != nil {
				t.Abort(fmt.Errorf("dead letter for %w: %w", r, err))
			}
		}
	case Fail, Park:
	}
	return t.failure
}

// Between calls f as work that no record is to blame for, although one may have set it off: a timer, a window that
// closes, what waits for a commit. A failure in f, by error or panic, is judged by itself: where the policy passes it
// over, neither the record in work nor other such work is touched. false means that the task has to stop.
func (t *Task) Between(f func()) bool {
	if t.failure != nil {
		return false
	}
	record := t.current
	t.current = nil
	t.between++
	t.guarded(f)
	t.between--
	if t.failure != nil {
		_ = t.judge() // what is not passed over stays
	}
	if record == nil && t.between == 0 { // else the record in work, or the outer call, is not done
		t.catchUp()
	}
	t.current = record
	return t.failure == nil
}

func (t *Task) guarded(f func()) {
	defer func() {
		if p := recover(); p != nil {
			t.FailRecord(Process, "", NewPanicError(p))
		}
	}()
	f()
}

func (t *Task) fail(err error) error {
	if t.stage == Running {
		t.become(Failed)
	}
	return err
}

// wall calls what waits for wall time. Clocks go first, and theirs is the way of the records: what a clock makes come,
// such as the window that it closes, must not find that the clocks further down have gone past it.
func (t *Task) wall() error {
	now := t.Clock.Now()
	for _, f := range slices.Backward(t.follows) {
		if t.Owes() {
			return nil // the others come with the next turn
		}
		if !t.Between(func() { f(now) }) {
			return t.failure
		}
	}
	for _, f := range t.walls {
		if t.Owes() {
			return nil
		}
		if !t.Between(func() { f(now) }) {
			return t.failure
		}
	}
	return nil
}
