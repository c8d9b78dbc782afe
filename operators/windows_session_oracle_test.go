// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/window"
)

// sessionReader is what a reader of sessions has been sent in rounds, and the sessions that there are.
type sessionReader struct{ sent, alive []update }

func (u update) same(v update) bool { return v.key == u.key && v.pane.Span == u.pane.Span }

// apply takes an update of EachUpdate.
func (s *sessionReader) apply(u update) {
	s.alive = slices.DeleteFunc(s.alive, u.same)
	if !u.pane.Retracted {
		s.alive = append(s.alive, u)
	} else if i := slices.IndexFunc(s.sent, u.same); i >= 0 {
		s.sent[i].pane.Retracted = true
	}
}

// send gives a round: before each session, those that the reader has of it and that are no more.
func (s *sessionReader) send(sessions []update) (out []update) {
	for _, u := range sessions {
		s.sent = slices.DeleteFunc(s.sent, u.same)
		var gone []update
		s.sent = slices.DeleteFunc(s.sent, func(v update) bool {
			in := v.pane.Retracted && v.key == u.key && u.pane.Span.Contains(v.pane.Span.Start)
			if in {
				gone = append(gone, v)
			}
			return in
		})
		slices.SortFunc(gone, func(a, b update) int { return window.ByEnd(a.pane.Span, b.pane.Span) })
		out, s.sent = append(append(out, gone...), u), append(s.sent, u)
	}
	return out
}

// since gives the sessions, by end, start and key, that changed with record i or later and are wanted.
func (s *sessionReader) since(i int, wanted func(update) bool) (found []update) {
	for _, u := range s.alive {
		if u.i >= i && wanted(u) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b update) int {
		return cmp.Or(window.ByEnd(a.pane.Span, b.pane.Span), strings.Compare(a.key, b.key))
	})
	return found
}

// everySession are the panes of the ticks and the Final ones.
func (o windowOracle) everySession(w window.Session, history []event, updates []update) (out []update) {
	tick := func(clock int64) int64 { return max(clock, 0) / w.Emit.Interval() }
	var reader sessionReader
	ticked, clocks := 0, o.clocks(history)
	for i, clock := range clocks {
		closed := func(u update) bool { return u.pane.Span.Closed(clock, w.Linger()) }
		for _, u := range reader.send(reader.since(0, closed)) {
			u.pane.Final = !u.pane.Retracted
			out = append(out, u)
		}
		reader.alive = slices.DeleteFunc(reader.alive, closed)
		if i > 0 && tick(clock) > tick(clocks[i-1]) {
			out = append(out, reader.send(reader.since(ticked, func(update) bool { return true }))...)
			ticked = i
		}
		for ; len(updates) > 0 && updates[0].i == i; updates = updates[1:] {
			reader.apply(updates[0])
		}
	}
	return out
}

// compareSessionsPerCommit: at each commit, what changed since the last; the order of the keys is not looked at.
func (w *windowRun) compareSessionsPerCommit(p int32, updates []update, say string) {
	w.t.Helper()
	byKey := func(lines []string) []string {
		lines = slices.Clone(lines)
		key := func(line string) string { k, _, _ := strings.Cut(line, " ["); return k }
		slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(key(a), key(b)) })
		return lines
	}
	var reader sessionReader
	seen := 0
	for c, upTo := range w.commits[p] {
		for ; len(updates) > 0 && updates[0].i < upTo; updates = updates[1:] {
			reader.apply(updates[0])
		}
		want := updateTexts(reader.send(reader.since(seen, func(update) bool { return true })))
		require.Equal(w.t, byKey(want), byKey(w.rounds[p][c]), "commit %d, at %d records; %s", c, upTo, say)
		seen = upTo
	}
}
