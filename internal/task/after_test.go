// SPDX-License-Identifier: Apache-2.0

package task

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What was asked for is called when the record, or the outermost Between, is done: once, in ascending order.
func TestAfter(t *testing.T) {
	t.Parallel()
	var calls []string
	r := newRig(t, "a", nil)
	call := func(name string) func() { return func() { calls = append(calls, name) } }
	third := r.After(3, call("third"))
	var again func()
	first := r.After(1, func() { call("first")(); third(); again() })
	again = r.After(2, call("second"))
	r.CallAfters()
	require.Empty(t, calls, "nothing was asked for")
	first()
	first()
	r.CallAfters()
	require.Equal(t, []string{"first", "second", "third"}, calls)
	require.True(t, r.Between(func() {
		third()
		require.True(t, r.Between(again))
		require.Len(t, calls, 3, "the outer call is not done")
	}))
	require.Equal(t, []string{"first", "second", "third", "second", "third"}, calls)
	r.CallAfters()
	require.Len(t, calls, 5)
}

// A failure in what was asked for is judged by itself, and what is passed over goes on where it stopped.
func TestAfterThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Process, Policy{Action: Skip}) })
	left, done := 3, 0
	ask := r.After(1, func() {
		for left > 0 {
			if left--; left == 1 {
				panic(errFake)
			}
			done++
		}
	})
	require.True(t, r.Between(ask))
	require.Equal(t, 2, done)
	require.Len(t, r.Counters.Drops(), 1)

	left, done = 3, 0
	r.feeds[0].add("a", 0, 0, rec{1, "fail"}, rec{2, "ok"})
	ask() // as the record that fails would have done
	n, err := r.Step(10)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, 2, done, "what the stores have is not held back for the record's failure")

	r = newRig(t, "a", nil)
	ask = r.After(1, func() { panic(errFake) })
	require.False(t, r.Between(ask))
	require.True(t, r.Failed())
}

// What a hook does by Between, where there is no record, is a part of the hook: it does not begin it anew, and what it
// asks for comes when its own turn does.
func TestAfterThatCallsBetween(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	var calls []string
	second := r.After(2, func() { calls = append(calls, "second") })
	ask := r.After(1, func() {
		calls = append(calls, "first")
		require.True(t, r.Between(func() { second() }))
		calls = append(calls, "done")
	})
	for range 2 {
		require.True(t, r.Between(func() { ask() }))
	}
	require.Equal(t, []string{"first", "done", "second", "first", "done", "second"}, calls)
}
