// SPDX-License-Identifier: Apache-2.0

package state

import (
	"sort"
	"time"
)

// backlog knows what the write-behind queue's sequence numbers mean: every record that Flush appends gets the next one,
// and a queued row keeps the number of the record that made it newer than the database.
//
// The plain idea is to keep offset and age in each row. Both are known only after Flush (the offset when the broker has
// answered, the age at the WriteBehind that follows), so each commit would walk over its rows twice more. Instead a
// commit adds one group, for the ages, and one run of offsets, and rows know their number only.
//
//  1. Numbers, offsets and times ascend.
//  2. groups[i].rows is the number of queued rows whose number is below groups[i].end and not below the one before's.
//  3. Offsets of numbers below acked are known as long as a queued row needs them.
type backlog struct {
	next   int64 // number of the next record
	acked  int64 // first number without an offset
	end    int64 // offset after the last acknowledged record, -1 when unknown
	groups []group
	runs   []run
	last   time.Time // of the previous due
}

// group is the records of one Flush, or of several that lie close together.
type group struct {
	end  int64     // number after its last record
	at   time.Time // when it was first due; zero until then
	rows int       // still queued
}

// run is records with consecutive offsets.
type run struct{ seq, end, offset int64 }

// mergeParts is how finely ages are told apart: flushes closer together than interval/mergeParts form one group, which
// bounds the number of groups whatever the commit interval is.
const mergeParts = 128

// flushed adds the group of a Flush that appended the records since the last one and queued rows of them.
func (q *backlog) flushed(rows int) {
	if rows > 0 {
		q.groups = append(q.groups, group{end: q.next, rows: rows})
	}
}

// ack notes the offsets of the next n records.
func (q *backlog) ack(first int64, n int) {
	q.end = first + int64(n)
	if n == 0 {
		return
	}
	if k := len(q.runs); k > 0 {
		if r := &q.runs[k-1]; r.end == q.acked && r.offset+r.end-r.seq == first {
			r.end += int64(n)
			q.acked = r.end
			return
		}
	}
	q.runs = append(q.runs, run{q.acked, q.acked + int64(n), first})
	q.acked += int64(n)
}

// left takes the row with number seq out of its group.
func (q *backlog) left(seq int64) {
	i := 0
	if q.groups[0].end <= seq {
		i = sort.Search(len(q.groups), func(i int) bool { return q.groups[i].end > seq })
	}
	q.groups[i].rows--
	for len(q.groups) > 0 && q.groups[0].rows == 0 {
		q.groups = q.groups[1:]
	}
}

// offset is that of record seq, which must be acknowledged and not below an earlier call's.
func (q *backlog) offset(seq int64) int64 {
	for q.runs[0].end <= seq {
		q.runs = q.runs[1:]
	}
	return q.runs[0].offset + seq - q.runs[0].seq
}

// settle is for an empty queue: no offset but the end is needed any more.
func (q *backlog) settle() int64 {
	for len(q.runs) > 0 && q.runs[0].end <= q.acked {
		q.runs = q.runs[1:]
	}
	return q.end
}

// due is how many rows from the head must be written now so that none ever waits longer than interval, given that the
// next call comes after about as long as the last one did. It is the earliest-deadline rate: each group asks that all
// rows up to it are gone by its deadline, evenly over the calls until then, and the most demanding group wins. A steady
// load settles at rows that wait for the whole interval, which is what makes a hot row's writes rare.
func (q *backlog) due(now time.Time, interval time.Duration) int {
	q.stamp(now, interval)
	step := now.Sub(q.last)
	if q.last.IsZero() {
		step = 0
	}
	q.last = now
	most, rows := 0, 0
	for i := range q.groups {
		g := &q.groups[i]
		rows += g.rows
		left := interval - now.Sub(g.at)
		if left <= step {
			most = rows
			continue
		}
		most = max(most, int(float64(rows)*float64(step)/float64(left)))
	}
	return most
}

// stamp gives the groups that have no time yet the time now, and merges those that lie close together.
func (q *backlog) stamp(now time.Time, interval time.Duration) {
	k := len(q.groups)
	for k > 0 && q.groups[k-1].at.IsZero() {
		k--
	}
	fresh := q.groups[k:]
	q.groups = q.groups[:k]
	for _, g := range fresh {
		if k := len(q.groups); k > 0 && now.Sub(q.groups[k-1].at) < interval/mergeParts {
			q.groups[k-1].end = g.end
			q.groups[k-1].rows += g.rows
			continue
		}
		g.at = now
		q.groups = append(q.groups, g)
	}
}

// age is how long the oldest queued row has waited.
func (q *backlog) age(now time.Time) time.Duration {
	if len(q.groups) == 0 || q.groups[0].at.IsZero() {
		return 0
	}
	return now.Sub(q.groups[0].at)
}
