// SPDX-License-Identifier: Apache-2.0

package task

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
)

// failures are what can happen to a record, by the phase whose policy decides.
var failures = map[string]Phase{
	"decode": Decode, "panic decode": Decode, "fail": Process, "panic": Process, "produce": Produce,
}

// policy is p for one phase, and the default, Fail, for the others.
func policyFor(phase Phase, p Policy) Policies {
	all := Policies{DeadLetters: "dead"}
	*[...]*Policy{Decode: &all.Decode, Process: &all.Process, Produce: &all.Produce}[phase] = p
	return all
}

func TestPoliciesOfEachPhase(t *testing.T) {
	t.Parallel()
	for value, phase := range failures {
		for _, action := range []Action{Fail, Skip, DeadLetter, Park} {
			t.Run(fmt.Sprint(value, " ", action), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(phase, Policy{Action: action}) })
				r.feeds[0].add("a", 0, 0, rec{1, "ok"}, rec{2, value}, rec{3, "ok"})
				n, err := r.Step(10)
				if action == Skip || action == DeadLetter {
					require.NoError(t, err)
					require.Equal(t, 3, n)
					require.Equal(t, map[string]int64{"a": 3}, r.offsets())
					require.Len(t, r.Counters.Drops(), 1)
					require.Equal(t, action == DeadLetter, len(r.out.sent) == 1)
					require.False(t, r.Failed())
					return
				}
				var e *RecordError
				require.ErrorAs(t, err, &e)
				require.ErrorIs(t, err, errFake)
				require.Equal(t, "a/1@1", fmt.Sprintf("%s/%d@%d", e.Topic, e.Partition, e.Offset))
				require.Equal(t, phase, e.Phase)
				require.True(t, r.Failed())
				require.Empty(t, r.out.sent)
				require.NoError(t, r.Flush(), "a failed task has nothing to flush")
				n, err = r.Step(10)
				require.Zero(t, n)
				require.NoError(t, err)
			})
		}
	}
}

// Retries come before the action. Each is a task built anew from the last commit, with the same Attempts.
func TestRetriesComeFirst(t *testing.T) {
	t.Parallel()
	for value, phase := range failures {
		for _, action := range []Action{Fail, Skip, DeadLetter, Park} {
			var attempts Attempts
			build := func() *rig {
				r := newRig(t, "a", func(s *Setup) {
					s.Attempts = &attempts
					s.Policies = policyFor(phase, Policy{Action: action, Retries: 2, Backoff: time.Minute})
				})
				r.feeds[0].add("a", 7, 0, rec{1, "ok"}, rec{2, value}, rec{3, "ok"})
				return r
			}
			for range 2 {
				_, err := build().Step(10)
				var again *RetryError
				require.ErrorAs(t, err, &again, "%s %s", value, action)
				require.Equal(t, time.Minute, again.Backoff)
				require.EqualValues(t, 8, again.Err.Offset)
				var e *RecordError
				require.ErrorAs(t, err, &e)
			}
			r := build()
			_, err := r.Step(10)
			var again *RetryError
			require.False(t, errors.As(err, &again))
			require.Equal(t, action == Skip || action == DeadLetter, err == nil)
		}
	}
}

// Attempts are counted for each record, and forgotten when it is committed; those between records with any commit.
func TestAttempts(t *testing.T) {
	t.Parallel()
	var a Attempts
	in := func(topic string, offset int64) int { return a.count(&RecordError{Topic: topic, Offset: offset}) }
	require.Equal(t, []int{1, 1, 1, 2, 2, 1, 2}, []int{
		in("x", 5), in("y", 5), in("x", 9), in("x", 5), in("y", 5), in("", -1), in("", -1),
	})
	a.committed("x", 9)
	require.Equal(t, []int{1, 2, 3, 1}, []int{in("x", 5), in("x", 9), in("y", 5), in("", -1)})
	var none *Attempts
	none.committed("x", 9)
	require.Positive(t, none.count(&RecordError{}))
}

// Work between records is judged by itself: the record that set it off, and other such work, go on.
func TestBetween(t *testing.T) {
	t.Parallel()
	work := map[string]func(r *rig){
		"fail":  func(r *rig) { r.FailRecord(Process, "op", errFake) },
		"panic": func(*rig) { panic(errFake) },
	}
	for name, f := range work {
		for _, action := range []Action{Skip, DeadLetter} {
			r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Process, Policy{Action: action}) })
			require.True(t, r.Between(func() { f(r) }), name)
			require.True(t, r.Between(func() {}))
			require.False(t, r.Failed())
			require.Len(t, r.Counters.Drops(), 1)
			if action == DeadLetter {
				require.Len(t, r.out.sent, 1)
				letter := r.out.sent[0]
				require.Equal(t, "dead", letter.topic)
				require.Nil(t, letter.key)
				require.Nil(t, letter.value)
				require.EqualValues(t, 1_000_000, letter.at, "the wall's time")
				require.Equal(t, "irmak.application", letter.headers[0].Key)
			}
		}
		r := newRig(t, "a", nil)
		require.False(t, r.Between(func() { f(r) }))
		called := false
		require.False(t, r.Between(func() { called = true }))
		require.False(t, called, "after a failure nothing goes on")
		require.ErrorIs(t, r.failure, errFake)
		require.ErrorContains(t, r.failure, "partition 1, between records: ")
	}
}

// Within a record, Between does not see the record, and the record goes on after it.
func TestBetweenWithinARecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Process, Policy{Action: Skip}) })
	r.feeds[0].add("a", 0, 0, rec{1, "ok"})
	step(t, r)
	r.inputs[0].batch = r.inputs[0].in.(*fakeInput).batch
	r.current = &r.inputs[0]
	require.True(t, r.Between(func() {
		topic, partition, offset := r.Position()
		require.Equal(t, []any{"", int32(1), int64(-1)}, []any{topic, partition, offset})
		panic(errFake)
	}))
	topic, _, offset := r.Position()
	require.Equal(t, "a@1", fmt.Sprintf("%s@%d", topic, offset))
}

// The failure of the task as a whole is not the record's: no policy passes over it, and it stands against a later one.
func TestFatal(t *testing.T) {
	t.Parallel()
	skip := Policy{Action: Skip, Retries: 5}
	r := newRig(t, "a", func(s *Setup) {
		s.Policies, s.Attempts = Policies{Decode: skip, Process: skip, Produce: skip}, &Attempts{}
	})
	r.feeds[0].add("a", 0, 0, rec{1, "abort"})
	_, err := r.Step(10)
	var fatal *FatalError
	require.ErrorAs(t, err, &fatal)
	require.Equal(t, ID{3, 1}, fatal.Task)
	require.ErrorIs(t, err, errFake)

	r = newRig(t, "a", nil)
	r.FailRecord(Process, "op", errFake)
	r.Abort(errors.New("first"))
	r.Abort(errors.New("second"))
	r.FailRecord(Process, "op", errors.New("third"))
	require.EqualError(t, r.failure, "task 3_1: first")
}

// A dead letter that cannot be sent is the task's failure: nothing is lost silently.
func TestDeadLetterThatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*fakeOutput){
		"topic or partition does not exist": func(o *fakeOutput) { o.missing = true },
		"too large":                         func(o *fakeOutput) { o.refuse = kafka.ErrTooLarge },
	} {
		r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Decode, Policy{Action: DeadLetter}) })
		change(r.out)
		r.feeds[0].add("a", 0, 0, rec{1, "ok"}, rec{2, "decode"}, rec{3, "ok"})
		_, err := r.Step(10)
		var fatal *FatalError
		require.ErrorAs(t, err, &fatal)
		require.ErrorContains(t, err, "dead letter for record a/1@1: a: fake: ")
		require.ErrorContains(t, err, name)
		require.Equal(t, []string{"a@0"}, r.done)
	}
}

// Wall functions are called at each step, and fail under the policy of process like all work between records.
func TestWall(t *testing.T) {
	t.Parallel()
	for _, action := range []Action{Skip, Fail} {
		r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Process, Policy{Action: action}) })
		var seen []int64
		r.OnWall(func(now time.Time) { seen = append(seen, now.UnixMilli()); panic(errFake) })
		r.OnWall(func(now time.Time) { seen = append(seen, now.UnixMilli()) })
		n, err := r.Step(1)
		require.Zero(t, n)
		if action == Fail {
			require.ErrorIs(t, err, errFake)
			require.Len(t, seen, 1)
			continue
		}
		require.NoError(t, err)
		r.clock.Advance(time.Millisecond)
		step(t, r)
		require.Equal(t, []int64{1_000_000, 1_000_000, 1_000_001, 1_000_001}, seen)
	}
	built := &Task{}
	built.OnWall(func(time.Time) { panic("not yet") })
	n, err := built.Step(1)
	require.Zero(t, n)
	require.NoError(t, err, "a task that does not run yet calls nobody")
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for p, want := range map[fmt.Stringer]string{
		Decode: "decode", Process: "process", Produce: "produce", Fail: "fail", Skip: "skip", DeadLetter: "dead letter",
		Park: "park", Built: "built", Running: "running", Failed: "failed", Closed: "closed", ID{2, 7}: "2_7",
	} {
		require.Equal(t, want, p.String())
	}
	e := &RecordError{Topic: "in", Partition: 3, Offset: 9, Operator: `map`, Err: errFake}
	require.EqualError(t, e, "record in/3@9: map: fake")
	e.Operator = ""
	require.EqualError(t, e, "record in/3@9: fake")
	require.Same(t, errFake, errors.Unwrap(&PanicError{Value: errFake}))
	require.NoError(t, errors.Unwrap(&PanicError{Value: "text"}))
	p := Policies{Process: Policy{Action: Skip}, Produce: Policy{Retries: 1}}
	require.True(t, p.Uses(Fail) && p.Uses(Skip) && !p.Uses(Park) && !p.Uses(DeadLetter))
	require.Equal(t, 1, p.Of(Produce).Retries)
}

// The place of a panic is where the user's code is, also when the runtime panics for it.
func TestPlaceOfAPanic(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){
		"explicit": func() { panic("x") },
		"nil map":  func() { var m map[string]int; m["x"] = 1 },
		"index":    func() { var s []int; _ = s[len(name0)] },
		"nil":      func() { var e *RecordError; _ = e.Topic },
	} {
		func() {
			defer func() {
				p := NewPanicError(recover())
				require.Regexp(t, `^task/policy_test.go:\d+$`, p.Where, name)
				require.Contains(t, p.Error(), "panic at task/policy_test.go:")
			}()
			f()
		}()
	}
}

const name0 = "x"

// A store that cannot be opened, and an operator that panics while it is built, are errors of New.
func TestNewThatFails(t *testing.T) {
	t.Parallel()
	s := Setup{ID: ID{3, 1}, Sources: []Source{{Topic: "a", Open: func(*Task) Input { panic(errFake) }}}}
	_, err := New(s)
	require.ErrorIs(t, err, errFake)
	require.ErrorContains(t, err, "task 3_1: an operator's build function panicked")
	s.Backing = func(state.Spec, int32) (state.Backing, error) { return state.Backing{}, errFake }
	s.Sources[0].Open = func(task *Task) Input {
		task.OpenStore(state.Spec{Name: "rows"}, func(state.Backing) state.Instance { return nil })
		return nil
	}
	_, err = New(s)
	require.EqualError(t, err, `task 3_1: task 3_1: store "rows": fake`)
}
