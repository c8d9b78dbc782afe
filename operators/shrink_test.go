// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream/streamtest"
)

// step is an event, and what happens after it.
type step struct {
	event event
	move  move
}

// move is what happens to the program. The zero move is none.
type move struct {
	name    string
	do      func(d *streamtest.Driver)
	commits bool
	wall    int64 // by how many milliseconds it moves the wall
}

func (c *climate) move() move {
	switch c.IntN(25) {
	case 0:
		return move{name: "restart", do: (*streamtest.Driver).Restart, commits: true}
	case 1, 2:
		at := streamtest.Step(c.IntN(streamtest.Steps))
		return move{
			name: "crash " + at.String(), do: func(d *streamtest.Driver) { d.Crash(at) }, commits: at >= streamtest.AfterCommit,
		}
	case 3:
		return move{name: "rebalance", do: (*streamtest.Driver).Rebalance, commits: true}
	case 4:
		if c.IntN(4) == 0 {
			return move{name: "restart empty", do: (*streamtest.Driver).RestartEmpty, commits: true}
		}
	case 5, 6:
		by := time.Duration(c.Int64N(2000)/c.wallTies*c.wallTies) * time.Millisecond
		return move{
			name: fmt.Sprint("advance ", by), do: func(d *streamtest.Driver) { d.AdvanceWall(by) }, commits: true,
			wall: by.Milliseconds(),
		}
	}
	return move{}
}

// calm is s with nothing happening after it.
func (s step) calm() (step, bool) { return step{event: s.event}, s.move.do != nil }

// String is the step as a line of a list.
func (s step) String() string {
	e, topic := s.event, "words"
	if e.other {
		topic = "other"
	}
	key, value := fmt.Sprintf("%q", e.key), fmt.Sprintf("%q", e.value)
	if e.nullKey {
		key = "∅"
	}
	if e.null {
		value = "∅"
	}
	return strings.TrimRight(fmt.Sprintf("%s %s %s @%d  %s", topic, key, value, e.at, s.move.name), " ")
}

func listed[S fmt.Stringer](steps []S) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	return b.String()
}

// fails tells whether f fails its test or panics, and says nothing about it.
func fails(f func(t *testing.T)) bool {
	var scratch testing.T // one that only remembers that it has failed
	failed := make(chan bool)
	go func() {
		done := false
		defer func() {
			_ = recover()
			failed <- !done || scratch.Failed()
		}()
		f(&scratch)
		done = true
	}()
	return <-failed
}

// minimal plays a history. When that fails it looks for a short one that fails, too, and shows it.
func minimal(t *testing.T, seed uint64, opts streamtest.Options, steps []step, play func(*testing.T, []step)) {
	t.Helper()
	failing := func(steps []step) bool { return fails(func(t *testing.T) { t.Helper(); play(t, steps) }) }
	if !failing(steps) {
		return
	}
	short := shrunk(steps, step.calm, failing)
	t.Logf("%d of %d events fail; %d partitions, a commit every %d, batches of %d, cache of %d bytes, checkpoints every "+
		"%v; repeat with -seed %d\n%s", len(short), len(steps), opts.Partitions, opts.CommitEvery, opts.BatchRecords,
		opts.CacheBytes, opts.CheckpointInterval, seed, listed(short))
	play(t, short)
	t.Fatalf("it fails sometimes only; repeat with -seed %d", seed)
}

const shrinkTries = 2000

// shrunk gives a short history that fails as the given one does: pieces of it are left out, halves first, then ever
// smaller ones, as long as that helps; then steps are simplified one by one.
func shrunk[S any](steps []S, simpler func(S) (S, bool), fails func([]S) bool) []S {
	tries := 0
	try := func(less []S) bool {
		if tries++; tries > shrinkTries || len(less) == 0 || !fails(less) {
			return false
		}
		steps = less
		return true
	}
	for size := len(steps) / 2; size > 0; {
		before := len(steps)
		for to := len(steps); to > 0; to -= size {
			if to <= len(steps) {
				try(slices.Delete(slices.Clone(steps), max(to-size, 0), to))
			}
		}
		if len(steps) == before || size > 1 {
			size /= 2
		}
	}
	for i := range steps {
		if s, ok := simpler(steps[i]); ok {
			less := slices.Clone(steps)
			less[i] = s
			try(less)
		}
	}
	return steps
}

// A failure that takes three records of a long history is shown with these alone.
func TestShrunk(t *testing.T) {
	t.Parallel()
	history := make([]step, 200)
	for i := range history {
		history[i].event = event{key: fmt.Sprint(i % 20), value: "x", at: int64(i)}
		history[i].move = move{name: "restart", do: (*streamtest.Driver).Restart, commits: true}
	}
	tries := 0
	got := shrunk(history, step.calm, func(steps []step) bool {
		tries++
		count := 0
		for _, s := range steps {
			if s.event.key == "7" {
				count++
			}
		}
		return count >= 3 && steps[len(steps)-1].move.do != nil
	})
	require.Len(t, got, 3)
	require.Regexp(t, `^  words "7" "x" @\d+\n  words "7" "x" @\d+\n  words "7" "x" @\d+  restart\n$`, listed(got))
	require.Less(t, tries, 200)
}

func TestFails(t *testing.T) {
	t.Parallel()
	require.False(t, fails(func(t *testing.T) { t.Helper(); require.True(t, true) }))
	require.True(t, fails(func(t *testing.T) { t.Helper(); require.True(t, false) }))
	require.True(t, fails(func(t *testing.T) { t.Helper(); t.Error("no") }))
	require.True(t, fails(func(*testing.T) { panic("no") }))
}
