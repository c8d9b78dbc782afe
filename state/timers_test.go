// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
)

// due takes out all timers up to a time.
func due(s *state.TimerStore[string], now int64) (fired []string) {
	for {
		at, k, name, ok := s.First()
		if !ok || at > now {
			return fired
		}
		fired = append(fired, fmt.Sprintf("%d %s/%s", at, k, name))
		s.Delete(at, k, name)
	}
}

func TestTimersFireInOrderAndOnce(t *testing.T) {
	t.Parallel()
	s := alarms.Open(&place{t: t})
	s.Set(30, "a", "x")
	s.Set(10, "b", "x")
	s.Set(10, "a", "y")
	s.Set(10, "a", "x")
	s.Set(10, "a", "x") // the same one
	s.Set(20, "c", "x")
	require.True(t, s.Delete(20, "c", "x"))
	require.False(t, s.Delete(20, "c", "x"))
	require.Equal(t, []string{"10 a/x", "10 a/y", "10 b/x"}, due(s, 29))
	s.Set(-5, "a", "late") // in the past: the next one
	require.Equal(t, []string{"0 a/late", "30 a/x"}, due(s, 100))
	require.Empty(t, due(s, 1000))
}

func TestMoreTimersThanAtHand(t *testing.T) {
	t.Parallel()
	p := &place{t: t, limit: 16 << 10}
	s := alarms.Open(p)
	c := newCommitter(t, p, &dropped{})
	const n = 3000
	for i := range n {
		s.Set(int64(i*7%n), "k", "")
		if p.in.Pressure() {
			c.commit()
		}
	}
	for i := range n / 2 {
		at, _, _, ok := s.First()
		require.True(t, ok)
		require.EqualValues(t, i, at)
		s.Delete(at, "k", "")
		s.Set(at+n, "k", "")
		if p.in.Pressure() {
			c.commit()
		}
	}
	require.Len(t, due(s, n-1), n/2)
	require.Len(t, due(s, 2*n), n/2)
}

// Very many at one time are looked for in ever larger batches, and timers that are set meanwhile find their places.
func TestVeryManyTimersOfOneTime(t *testing.T) {
	t.Parallel()
	p := &place{t: t, limit: 64 << 10}
	s := alarms.Open(p)
	c := newCommitter(t, p, &dropped{})
	const n = 5000
	var want []string
	for i := range n {
		s.Set(10, fmt.Sprintf("k%05d", i), "")
		want = append(want, fmt.Sprintf("10 k%05d/", i))
		if p.in.Pressure() {
			c.commit()
		}
	}
	s.Set(11, "later", "")
	var got []string
	for i := range n {
		if i == n/2 { // behind what is at hand, in the middle of it, and before it
			s.Set(10, "z", "")
			s.Set(10, fmt.Sprintf("k%05d~", i), "")
			s.Set(9, "a", "")
			got = append(got, due(s, 9)...)
		}
		at, k, name, ok := s.First()
		require.True(t, ok)
		got = append(got, fmt.Sprintf("%d %s/%s", at, k, name))
		s.Delete(at, k, name)
		if p.in.Pressure() {
			c.commit()
		}
	}
	got = append(got, due(s, 11)...)
	want = append(want, fmt.Sprintf("10 k%05d~/", n/2), "10 z/")
	slices.Sort(want)
	at, _ := slices.BinarySearch(want, fmt.Sprintf("10 k%05d/", n/2))
	want = append(slices.Insert(want, at, "9 a/"), "11 later/")
	require.True(t, slices.Equal(want, got), "%d timers", len(got))
	for i := range n { // what is at hand is bounded again
		s.Set(int64(20+i), "k", "")
	}
	require.Len(t, due(s, 20+n), n)
}

func TestNameOfATimerHasABound(t *testing.T) {
	t.Parallel()
	w := &witness{}
	s := alarms.Open(w)
	s.Set(1, "k", strings.Repeat("n", 1<<16))
	require.NotEmpty(t, w.errs)
	require.ErrorContains(t, w.errs[0], "name of a timer has 65536 bytes, the most is 65535")
}
