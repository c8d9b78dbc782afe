// SPDX-License-Identifier: Apache-2.0

package task

import (
	"time"

	"github.com/irmak-go/irmak/internal/invariants"
)

// A task with several inputs takes the oldest record, and an input that has none may be about to get an older one. So
// records are held back for an empty input
//
//   - for as long as it is known to have more. Records of a transaction under way count: those who write to several
//     partitions end it in one after the other, and what was written together would otherwise be taken apart. Not so
//     for an echo: its transaction may be the one that this task's records would go into;
//   - and, for what is not known yet, until MaxIdle after the input ran dry and after the record in front came to be
//     known. To wait only once after an input has run dry, as Kafka Streams does, is no help after a lull: the burst
//     that ends it may be seen in one partition first, and would be taken at once.
//
// What a backlog holds has been known for long, so it is held back for MaxIdle once, not for each batch.

// due says whether an input, which is empty, is known to have more.
func (t *Task) due(s *slot) bool {
	switch {
	case !s.feed.Ended():
		return true
	case s.echo || !s.feed.Undecided():
		return false
	}
	now := t.Clock.Now()
	switch {
	case s.undecided.IsZero():
		s.undecided = now
	case !s.told && now.Sub(s.undecided) >= longTransaction:
		s.told = true
		t.Log.Warn("the task waits for a transaction that is under way in one of its inputs; brokers abort it after its "+
			"producer's transaction.timeout.ms, unless it hangs: then find it and abort it with kafka-transactions.sh",
			"task", t.ID, "topic", s.part.Topic, "partition", s.part.Index, "offset", s.next)
	}
	return true
}

// longTransaction is how long one is waited for before the log says so.
const longTransaction = 30 * time.Second

// patient says whether best, whose head is the oldest, is held back for inputs of which nothing is known.
func (t *Task) patient(best *slot) (wait bool) {
	if t.MaxIdle <= 0 || len(t.inputs) == 1 {
		return false
	}
	var now time.Time
	for i := range t.inputs {
		s := &t.inputs[i]
		if s.batch != nil || s.echo {
			s.dry = time.Time{}
			continue
		}
		if now.IsZero() {
			now = t.Clock.Now()
		}
		if s.dry.IsZero() {
			s.dry = now
		}
		wait = wait || now.Sub(s.dry) < t.MaxIdle
	}
	if now.IsZero() {
		return false
	}
	for i := range t.inputs {
		if s := &t.inputs[i]; s.batch != nil {
			s.age.note(s.feed.End(), now, t.MaxIdle)
		}
	}
	return wait || best.in.Offset() >= best.age.old
}

// ageMarks bounds how finely the age of records is kept: they may be taken for younger by this part of MaxIdle.
const ageMarks = 8

// age says which records of a topic have been known for MaxIdle.
//
//  1. old and the ends of the marks ascend, and so do their times.
//  2. A mark spans less than a part of MaxIdle, so that those younger than MaxIdle fit.
type age struct {
	old   int64 // the records before this offset have
	n     int
	marks [ageMarks + 2]ageMark
}

// ageMark: the records before end, and behind those of the mark before, came to be known from first to last.
type ageMark struct {
	end         int64
	first, last time.Time
}

// note takes in that the records before end are known now.
func (a *age) note(end int64, now time.Time, idle time.Duration) {
	for a.n > 0 && now.Sub(a.marks[0].last) >= idle {
		a.old = a.marks[0].end
		a.n = copy(a.marks[:], a.marks[1:a.n])
	}
	known := a.old
	if a.n > 0 {
		known = a.marks[a.n-1].end
	}
	if end < known { // the topic was cut or made anew
		*a = age{}
	}
	switch {
	case end == known:
	case a.n > 0 && now.Sub(a.marks[a.n-1].first) < idle/ageMarks:
		a.marks[a.n-1].end, a.marks[a.n-1].last = end, now
	default:
		invariants.Check(a.n < len(a.marks), "%d marks are younger than %v", a.n, idle)
		a.marks[a.n] = ageMark{end: end, first: now, last: now}
		a.n++
	}
}
