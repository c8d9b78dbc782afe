// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/window"
)

func TestRandomCount(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, _ time.Duration) window.Kind {
		size := 1 + r.IntN(7)
		return window.Count{Size: size, Advance: r.IntN(size + 1), Emit: emit}
	})
}

// counts are the windows that each record fills, or of those that it is in the one that is filled first.
func (o windowOracle) counts(w window.Count, history []event) (updates []update) {
	advance := cmp.Or(w.Advance, w.Size)
	byKey := map[string][]event{}
	for i, e := range history {
		if e.nullKey || e.null {
			continue
		}
		all := append(byKey[e.key], e)
		byKey[e.key] = all
		missing := (advance - len(all)%advance) % advance
		members := all[max(len(all)+missing-w.Size, 0):]
		u := update{i: i, key: e.key, pane: window.Pane[string]{Final: missing == 0}}
		first := e.at
		for _, m := range members {
			first, u.at = min(first, m.at), max(u.at, m.at)
			u.pane.Value += m.value
		}
		u.pane.Span = window.Span{Start: first, End: u.at + 1}
		updates = append(updates, u)
	}
	return updates
}

// countsUntil are the updates of a round: those of windows that became full, and last, by some order, what each key has
// come to since if its last one is not full.
func countsUntil(updates []update, order func(a, b update) int) (full, open []update) {
	for _, u := range updates {
		if u.pane.Final {
			full = append(full, u)
		}
		open = slices.DeleteFunc(open, func(v update) bool { return v.key == u.key })
		if !u.pane.Final {
			open = append(open, u)
		}
	}
	slices.SortStableFunc(open, order)
	return full, open
}

func (w *windowRun) compareCounts(p int32, count window.Count, say string) {
	w.t.Helper()
	updates, history := w.oracle.counts(count, w.history[p]), w.history[p]
	withHeaders := func(updates []update) (out []string) {
		for _, u := range updates {
			out = append(out, u.String()+" #"+strings.TrimSuffix(history[u.i].value, "."))
		}
		return out
	}
	cut := func(i int) (before []update) { // those of the records before i that no round has had
		n, _ := slices.BinarySearchFunc(updates, i, func(u update, i int) int { return cmp.Compare(u.i, i) })
		before, updates = updates[:n], updates[n:]
		return before
	}
	var want []string
	switch e := count.Emit; {
	case e == window.EachUpdate:
		want = withHeaders(updates)
	case e == window.OnClose:
		full, _ := countsUntil(updates, byStartThenKey)
		want = withHeaders(full)
	case e == window.PerCommit:
		for c, upTo := range w.commits[p] {
			full, open := countsUntil(cut(upTo), byStartThenKey)
			want, got := append(withHeaders(full), updateTexts(open)...), slices.Clone(w.rounds[p][c])
			slices.Sort(want)
			slices.Sort(got)
			require.Equal(w.t, want, got, "commit %d, at %d records; %s", c, upTo, say)
		}
		return
	default:
		last := int64(-1)
		for i, clock := range w.oracle.clocks(history) {
			tick := max(clock, 0) / e.Interval()
			if last >= 0 && tick > last {
				full, open := countsUntil(cut(i), byStartThenKey)
				want = append(append(want, withHeaders(full)...), updateTexts(open)...)
			}
			if !history[i].nullKey && !history[i].null {
				last = max(last, tick)
			}
		}
		full, _ := countsUntil(updates, byStartThenKey)
		want = append(want, withHeaders(full)...)
	}
	require.Equal(w.t, want, w.got[p], say)
}

// Whatever the order in time, records are counted as they come, and none is late.
func ExampleAggregateWindows_count() {
	tabulate(window.Count{Size: 3, Emit: window.OnClose}, "a 1 @5", "a 2 @9", "b 8 @20", "a 4 @2", "a 16 @30")
	fmt.Println()
	tabulate(window.Count{Size: 3, Advance: 2}, "a 1 @5", "a 2 @9", "a 4 @2", "a 8 @30")
	// Output:
	// a 1 @5 →
	// a 2 @9 →
	// b 8 @20 →
	// a 4 @2 → a [2,10) 7 @9 Final
	// a 16 @30 →
	//
	// a 1 @5 → a [5,6) 1 @5
	// a 2 @9 → a [5,10) 3 @9 Final
	// a 4 @2 → a [2,10) 6 @9
	// a 8 @30 → a [2,31) 14 @30 Final
}
