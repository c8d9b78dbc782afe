// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// Two folds that write down what they are given, in the order in which they are: one that merges, one that does not.
var (
	written = operators.Fold[string, string]{Add: concat, Codec: codec.String}
	merged  = operators.Fold[string, string]{Add: concat, Merge: concat, Codec: codec.String}
)

func concat(a, b string) string { return a + b }

// update is a pane that comes of a record.
type update struct {
	i    int // the record
	key  string
	pane window.Pane[string]
	at   int64
}

func (u update) String() string {
	text := fmt.Sprintf("%s [%d,%d) %s @%d", u.key, u.pane.Span.Start, u.pane.Span.End, u.pane.Value, u.at)
	switch {
	case u.pane.Final:
		return text + " final"
	case u.pane.Retracted:
		return text + " retracted"
	}
	return text
}

// windowOracle computes the results of an aggregation with concat from the whole history of a partition.
type windowOracle struct {
	w        window.Kind
	merges   bool
	disorder int64
}

// clocks are the readings after each record.
func (o windowOracle) clocks(history []event) []int64 {
	clocks := make([]int64, len(history))
	now := int64(math.MinInt64)
	for i, e := range history {
		if !e.nullKey && !e.null {
			now = max(now, e.at-o.disorder)
		}
		clocks[i] = now
	}
	return clocks
}

// updates are the panes that change with each record, and the records that are late for all. A window holds all
// records of its key in it that were not late: those that come when it is open, and no other pane is asked for.
func (o windowOracle) updates(history []event) (updates []update, late []int) {
	clocks := o.clocks(history)
	for i, e := range history {
		if e.nullKey || e.null {
			continue
		}
		spans, tooLate := o.spans(history[:i+1], late, clocks[i])
		if tooLate {
			late = append(late, i)
		}
		for _, s := range spans {
			u := update{i: i, key: e.key, pane: window.Pane[string]{Span: s}}
			var members []event
			for j, m := range history[:i+1] {
				if m.key == e.key && !m.nullKey && !m.null && s.Contains(m.at) && !slices.Contains(late, j) {
					members = append(members, m)
					u.at = max(u.at, m.at)
				}
			}
			if o.merges {
				slices.SortStableFunc(members, func(a, b event) int { return cmp.Compare(o.slice(a.at), o.slice(b.at)) })
			}
			for _, m := range members {
				u.pane.Value += m.value
			}
			updates = append(updates, u)
		}
	}
	return updates, late
}

// sessions are the panes that change with each record when windows are sessions, and the sessions of the end.
func (o windowOracle) sessions(w window.Session, history []event) (updates []update, late []int, final []update) {
	gap, clocks := w.Gap.Milliseconds(), o.clocks(history)
	for i, e := range history {
		if e.nullKey || e.null {
			continue
		}
		near := func(s update) bool {
			return s.key == e.key && s.pane.Span.Start-gap <= e.at && s.at >= e.at-gap &&
				!s.pane.Span.Closed(clocks[i], w.Linger())
		}
		slices.SortStableFunc(final, func(a, b update) int { return window.ByEnd(a.pane.Span, b.pane.Span) })
		s, replaced := o.joined(i, e, final, near)
		if s.pane.Span.Closed(clocks[i], w.Linger()) {
			late = append(late, i)
			continue
		}
		if s.pane.Span.Len() > 1 {
			updates = append(updates, replaced...)
		}
		final = append(slices.DeleteFunc(final, near), s)
		updates = append(updates, s)
	}
	return updates, late, final
}

// joined is the session of record i with those near it, and their retractions.
func (o windowOracle) joined(i int, e event, sessions []update, near func(update) bool) (s update, replaced []update) {
	s = update{i: i, key: e.key, at: e.at, pane: window.Pane[string]{Span: window.Span{Start: e.at, End: e.at + 1}}}
	for _, old := range sessions {
		if near(old) {
			s.pane.Value += old.pane.Value
			s.at = max(s.at, old.at)
			s.pane.Span = window.Span{Start: min(s.pane.Span.Start, old.pane.Span.Start), End: s.at + 1}
			old.i, old.pane.Retracted = i, true
			replaced = append(replaced, old)
		}
	}
	s.pane.Value += e.value
	return s, replaced
}

// closedSessions are the Final panes when the clock ends at a reading.
func (o windowOracle) closedSessions(sessions []update, clock int64) (final []update) {
	for _, s := range sessions {
		if s.pane.Span.Closed(clock, o.w.Linger()) {
			s.pane.Final = true
			final = append(final, s)
		}
	}
	slices.SortFunc(final, func(a, b update) int {
		return cmp.Or(window.ByEnd(a.pane.Span, b.pane.Span), strings.Compare(a.key, b.key))
	})
	return final
}

// slice is what parts are put in order by.
func (o windowOracle) slice(t int64) int64 {
	if w, ok := o.w.(window.Sliced); ok {
		return w.Slice(t).Start
	}
	if _, ok := o.w.(window.Sliding); ok {
		return t
	}
	return 0
}

// spans are the windows that the last record changes and that are open, by start. It may be late for all that it is
// in; late are the records that were.
func (o windowOracle) spans(history []event, late []int, clock int64) (spans []window.Span, tooLate bool) {
	i := len(history) - 1
	e := history[i]
	w, sliding := o.w.(window.Sliding)
	if _, session := o.w.(window.Session); session {
		return nil, false // see sessions
	}
	if !sliding {
		all := o.w.(window.Aligned).Spans(nil, e.at)
		open := window.Open(all, clock, o.w.Linger())
		return open, len(open) == 0 && len(all) > 0
	}
	var times []int64 // of the key's records that were not late
	for j, m := range history[:i] {
		if m.key == e.key && !m.nullKey && !m.null && !slices.Contains(late, j) {
			times = append(times, m.at)
		}
	}
	before, tooLate := slidingPanesOf(w, times), true
	for s := range slidingPanesOf(w, append(times, e.at)) {
		if (s.Contains(e.at) || !before[s]) && !s.Closed(clock, w.Linger()) {
			spans, tooLate = append(spans, s), tooLate && !s.Contains(e.at)
		}
	}
	if tooLate {
		return nil, true
	}
	slices.SortFunc(spans, window.ByStart)
	return spans, false
}

// slidingPanesOf are the panes of a key by their definition.
func slidingPanesOf(w window.Sliding, times []int64) map[window.Span]bool {
	panes, d := map[window.Span]bool{}, w.Size.Milliseconds()
	put := func(start int64) {
		s := window.Span{Start: start, End: start + min(d+1, math.MaxInt64-start)}
		for _, t := range times {
			if s.Contains(t) {
				panes[s] = true
			}
		}
	}
	for _, t := range times {
		put(max(t-d, 0))
		put(t + 1)
	}
	return panes
}

// newestOf keeps the last update of each key and window, in the order of the first ones.
func newestOf(updates []update) (newest []update) {
	for _, u := range updates {
		same := func(v update) bool { return v.key == u.key && v.pane.Span == u.pane.Span }
		if i := slices.IndexFunc(newest, same); i >= 0 {
			newest[i] = u
		} else {
			newest = append(newest, u)
		}
	}
	return newest
}

func byStartThenKey(a, b update) int {
	return cmp.Or(cmp.Compare(a.pane.Span.Start, b.pane.Span.Start), strings.Compare(a.key, b.key))
}

// onClose are the Final panes of what closes when the clock moves from one reading to another.
func (o windowOracle) onClose(updates []update, from, to int64) (final []update) {
	for _, u := range newestOf(updates) {
		if u.pane.Span.Closed(to, o.w.Linger()) && !u.pane.Span.Closed(from, o.w.Linger()) {
			u.pane.Final = true
			final = append(final, u)
		}
	}
	slices.SortFunc(final, byStartThenKey)
	return final
}

// every are the panes of the ticks and the Final ones.
func (o windowOracle) every(history []event, updates []update, interval int64) (out []update) {
	tick := func(clock int64) int64 { return max(clock, 0) / interval }
	now, sent := int64(math.MinInt64), 0
	for i, clock := range o.clocks(history) {
		upTo, _ := slices.BinarySearchFunc(updates, i, func(u update, i int) int { return cmp.Compare(u.i, i) })
		out = append(out, o.onClose(updates[:upTo], now, clock)...)
		if tick(clock) > tick(now) && now != math.MinInt64 {
			pending := slices.DeleteFunc(newestOf(updates[sent:upTo]), func(u update) bool {
				return u.pane.Span.Closed(clock, o.w.Linger())
			})
			slices.SortFunc(pending, byStartThenKey)
			out, sent = append(out, pending...), upTo
		}
		now = clock
	}
	return out
}
