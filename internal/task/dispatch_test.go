// SPDX-License-Identifier: Apache-2.0

package task

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var seedFlag = flag.Uint64("seed", 0, "repeat a random test with the seed that its failure has printed")

// The record that is taken next is always the one with the smallest time among the inputs' heads, and of equally old
// ones that of the first input, however the records are batched and the turns are limited.
func TestDispatchOrder(t *testing.T) {
	t.Parallel()
	for range 300 {
		seed := rand.Uint64()
		if *seedFlag != 0 {
			seed = *seedFlag
		}
		r := rand.New(rand.NewPCG(seed, 0))
		names := "abc"[:1+r.IntN(3)]
		rig := newRig(t, names, nil)
		times := make([][]int64, len(names))
		for i := range names {
			for first := int64(0); first < 30; {
				n := 1 + r.IntN(9)
				recs := make([]rec, n)
				for j := range recs {
					recs[j] = rec{at: first + r.Int64N(12), value: "ok"}
					times[i] = append(times[i], recs[j].at)
				}
				rig.feeds[i].add(names[i:i+1], first, 0, recs...)
				first += int64(n)
			}
		}
		want := mergeByTime(names, times)
		for len(rig.done) < len(want) {
			limit := 1 + r.IntN(20)
			before := len(rig.done)
			n, err := rig.Step(limit)
			require.NoError(t, err)
			require.Equal(t, len(rig.done)-before, n)
			require.Equal(t, min(limit, len(want)-before), n, "seed %d", seed)
		}
		require.Equal(t, want, rig.done, "-seed %d", seed)
		for _, f := range rig.feeds {
			rig.Close()
			require.Zero(t, f.out, "every batch is given back")
		}
	}
}

// mergeByTime is the order of dispatch, the slow way.
func mergeByTime(names string, times [][]int64) (want []string) {
	at := make([]int, len(times))
	for {
		best := -1
		for i := range times {
			if at[i] < len(times[i]) && (best < 0 || times[i][at[i]] < times[best][at[best]]) {
				best = i
			}
		}
		if best < 0 {
			return want
		}
		want = append(want, fmt.Sprintf("%c@%d", names[best], at[best]))
		at[best]++
	}
}

func step(t *testing.T, r *rig) int {
	t.Helper()
	n, err := r.Step(100)
	require.NoError(t, err)
	return n
}

// An empty input that is known to have more is waited for, however long it takes.
func TestWaitsForWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", nil)
	r.feeds[0].add("a", 0, 0, rec{5, "ok"}, rec{20, "ok"})
	r.feeds[1].more = true
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Hour)
	require.Zero(t, step(t, r))
	r.feeds[1].add("b", 0, 0, rec{3, "ok"}, rec{10, "ok"})
	require.Equal(t, 3, step(t, r))
	require.Equal(t, []string{"b@0", "a@0", "b@1"}, r.done)
	require.Zero(t, step(t, r))
	r.feeds[1].more = false
	require.Equal(t, 1, step(t, r))
}

// One input has nobody to wait for.
func TestOneInputNeverWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", func(s *Setup) { s.MaxIdle = time.Hour })
	r.feeds[0].add("a", 0, 0, rec{5, "ok"})
	r.feeds[0].more = true
	require.Equal(t, 1, step(t, r))
}

// An input that is empty is waited for until MaxIdle after it ran dry, and after the record that waits was seen first.
func TestMaxIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", func(s *Setup) { s.MaxIdle = time.Second })
	r.feeds[0].add("a", 0, 0, rec{5, "ok"}, rec{20, "ok"})
	r.feeds[1].add("b", 0, 0, rec{3, "ok"})
	require.Equal(t, 1, step(t, r), "b is dry now")
	r.clock.Advance(999 * time.Millisecond)
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Millisecond)
	require.Equal(t, 2, step(t, r))
	r.feeds[0].add("a", 2, 0, rec{30, "ok"})
	require.Zero(t, step(t, r), "b may have been sent the same burst")
	r.feeds[1].add("b", 1, 0, rec{29, "ok"})
	require.Equal(t, 1, step(t, r), "it has, and has run dry again")
	r.clock.Advance(999 * time.Millisecond)
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Millisecond)
	require.Equal(t, 1, step(t, r))
	require.Equal(t, []string{"b@0", "a@0", "a@1", "b@1", "a@2"}, r.done)
}

// What arrives while others wait is not held back for longer than they are, but for as long as they were.
func TestMaxIdleOfEachRecord(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", func(s *Setup) { s.MaxIdle = time.Second })
	for offset := range int64(50) {
		r.feeds[0].add("a", offset, 0, rec{offset, "ok"})
		step(t, r)
		r.clock.Advance(50 * time.Millisecond)
		// Known for a second at least, and for a part of it more at most.
		require.LessOrEqual(t, len(r.done), max(0, int(offset)+1-20), "%d", offset)
		require.GreaterOrEqual(t, len(r.done), max(0, int(offset)+1-20-4), "%d", offset)
	}
}

// A backlog is held back for an empty input once, not for each of its batches.
func TestMaxIdleOfABacklog(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", func(s *Setup) { s.MaxIdle = time.Second })
	r.feeds[0].end = 1000
	require.Zero(t, step(t, r))
	r.feeds[0].add("a", 0, 0, rec{0, "ok"})
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Second)
	require.Equal(t, 1, step(t, r))
	for offset := int64(1); offset < 1000; offset++ {
		r.feeds[0].add("a", offset, 0, rec{offset, "ok"})
		require.Equal(t, 1, step(t, r))
	}
	r.feeds[0].add("a", 1000, 0, rec{1000, "ok"})
	require.Zero(t, step(t, r), "this one is new")
}

// Records whose transactions are under way are waited for, however long they take: what was written together in several
// partitions becomes visible in one after the other. Those that come of the task's own results are not.
func TestWaitsForTransactions(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newRig(t, "abc", func(s *Setup) {
		s.Sources[2].Echo, s.Log = true, slog.New(slog.NewTextHandler(&log, nil))
	})
	r.feeds[2].open = true
	r.feeds[0].add("a", 0, 0, rec{5, "ok"})
	require.Equal(t, 1, step(t, r))
	r.feeds[1].open = true
	r.feeds[0].add("a", 1, 0, rec{6, "ok"})
	require.Zero(t, step(t, r))
	r.clock.Advance(29 * time.Second)
	require.Zero(t, step(t, r))
	require.Empty(t, log.String())
	for range 5 {
		r.clock.Advance(time.Hour)
		require.Zero(t, step(t, r))
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), `task=3_1 topic=b partition=1 offset=0`)
	r.feeds[1].open = false
	r.feeds[1].add("b", 0, 0, rec{4, "ok"})
	require.Equal(t, 2, step(t, r))
	require.Equal(t, []string{"a@0", "b@0", "a@1"}, r.done)
}

// Each input is waited for by itself: that one has been dry for long does not shorten the wait for another.
func TestMaxIdleOfEachInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, "abc", func(s *Setup) { s.MaxIdle = time.Second })
	r.feeds[0].add("a", 0, 0, rec{1, "ok"}, rec{9, "ok"})
	r.feeds[2].add("c", 0, 0, rec{2, "ok"})
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Second) // b has been waited for
	require.Equal(t, 2, step(t, r))
	require.Zero(t, step(t, r), "c is dry now")
	r.clock.Advance(999 * time.Millisecond)
	require.Zero(t, step(t, r))
	r.clock.Advance(time.Millisecond)
	require.Equal(t, 1, step(t, r))
	require.Equal(t, []string{"a@0", "c@0", "a@1"}, r.done)
}

// An input that comes of what the task sends itself is not waited for: it would wait for the task.
func TestAnEchoIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRig(t, "abc", func(s *Setup) { s.MaxIdle, s.Sources[1].Echo = time.Second, true })
	r.feeds[0].add("a", 0, 0, rec{5, "ok"}, rec{6, "ok"})
	r.feeds[2].add("c", 0, 0, rec{7, "ok"})
	require.Equal(t, 2, step(t, r), "a is dry now")
	r.feeds[0].add("a", 2, 0, rec{8, "ok"})
	require.Equal(t, 1, step(t, r), "c is dry now")
	require.Zero(t, step(t, r))
	r.feeds[1].more = true
	r.clock.Advance(time.Second)
	require.Zero(t, step(t, r), "an echo that is known to have more is waited for")
	r.feeds[1].more = false
	require.Equal(t, 1, step(t, r))
}

// Without MaxIdle an input that has run dry is not waited for.
func TestNoMaxIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", nil)
	r.feeds[0].add("a", 0, 0, rec{5, "ok"})
	require.Equal(t, 1, step(t, r))
}

// Records that are dropped or passed over take room in a turn like others: a topic full of them does not keep a worker
// from its commit, and they are counted as records.
func TestATurnIsBounded(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"drop", "decode", "fail", "panic", "produce", "panic decode"} {
		for _, inputs := range []string{"a", "ab"} {
			r := newRig(t, inputs, func(s *Setup) {
				skip := Policy{Action: Skip}
				s.Policies = Policies{Decode: skip, Process: skip, Produce: skip}
			})
			for first := int64(0); first < 1000; first += 10 {
				recs := make([]rec, 10)
				for i := range recs {
					recs[i] = rec{first + int64(i), value}
				}
				r.feeds[0].add("a", first, 0, recs...)
			}
			turns, total := 0, 0
			for r.offsets()["a"] < 1000 {
				n, err := r.Step(50)
				require.NoError(t, err)
				require.LessOrEqual(t, n, 50+10, value) // a batch of drops is not interrupted
				require.NotZero(t, n, value)
				turns, total = turns+1, total+n
			}
			require.GreaterOrEqual(t, turns, 1000/60, value)
			require.Equal(t, 1000, total, value)
			require.EqualValues(t, 1000, r.Counters.Records(), value)
			if value != "produce" {
				require.Empty(t, r.done)
			}
		}
	}
}

// A feed that cannot go on is the task's failure, once what it had is done.
func TestFeedThatFails(t *testing.T) {
	t.Parallel()
	gone := errors.New("offset out of range")
	r := newRig(t, "ab", nil)
	r.feeds[0].add("a", 0, 0, rec{5, "ok"})
	r.feeds[1].err = gone
	n, err := r.Step(10)
	require.Zero(t, n)
	require.ErrorIs(t, err, gone)
	require.EqualError(t, err, "task 3_1: offset out of range")
	n, err = r.Step(10)
	require.Zero(t, n, "a failed task does nothing")
	require.NoError(t, err)
}

// Offsets: what is to be committed is behind the last record that was done, and behind the gaps that compaction and
// transactions leave once a batch is finished.
func TestOffsets(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", nil)
	require.Empty(t, r.offsets())
	r.feeds[0].add("a", 10, 5, rec{1, "ok"}, rec{2, "ok"}, rec{3, "drop"})
	_, err := r.Step(1)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 11}, r.offsets())
	require.Equal(t, map[string]int64{"a": 11}, r.offsets(), "until Committed")
	r.Committed()
	require.Empty(t, r.offsets())
	step(t, r)
	require.Equal(t, map[string]int64{"a": 18}, r.offsets())
	r.Committed()
	require.Zero(t, step(t, r))
	require.Empty(t, r.offsets())
	r.feeds[1].add("b", 7, 0, rec{1, "ok"})
	step(t, r)
	require.Equal(t, map[string]int64{"b": 8}, r.offsets())
}
