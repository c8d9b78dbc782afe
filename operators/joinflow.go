// SPDX-License-Identifier: Apache-2.0

package operators

import (
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// flow is one of a join's two inputs at work: records with values V come in and meet those with values W.
type flow[K comparable, V, W, R any] struct {
	*junction[K, R]
	me       *half[K, V]
	other    *half[K, W]
	reach    func(at int64) window.Span // where the times of the records lie that one at this time is joined with
	closesAt func(at int64) int64       // the reading of the clock at which one at this time is closed
	keeps    bool
	pair     func(v V, hasV bool, w W, hasW bool) R

	in          *stream.Record[K, V]
	found       bool
	meet        func(at int64, row *copies[W]) bool
	waiter      V // the unmatched value that sendWaiter sends
	sendWaiter  func()
	noneOfOther W
}

// prepare makes the functions that are called for each row once.
func (f *flow[K, V, W, R]) prepare() {
	f.meet = f.meetRow
	f.sendWaiter = func() {
		f.rec.Value = f.pair(f.waiter, true, f.noneOfOther, false)
		f.out(&f.rec)
	}
}

// record takes one record. Where not all that comes before its results can be given out at once, it is held.
func (f *flow[K, V, W, R]) record(r *stream.Record[K, V]) {
	f.backlog.Finish()
	f.clock.Advance(r.Time - f.disorder)
	switch {
	case r.NullValue || r.NullKey && f.me.waiting == nil:
		f.task.Drop(f.label, nullReason(!r.NullValue))
	case r.NullKey:
		f.sendUnmatched(r)
	case !f.settle():
	case !f.backlog.Owed():
		f.accept(r)
	case r.Time-f.disorder == f.clock.Now():
		f.me.hold(r)
	default: // it would not be found again: another one has moved the clock
		if f.backlog.Finish(); !f.task.Failed() {
			f.accept(r)
		}
	}
}

// accept joins a record, and keeps it.
func (f *flow[K, V, W, R]) accept(r *stream.Record[K, V]) {
	f.in, f.found = r, false
	span := f.reach(r.Time)
	f.other.rows.ScanKey(r.Key, span.Start, span.End-1, f.meet)
	if f.task.Failed() {
		return
	}
	waits := !f.found && f.me.waiting != nil
	if late := f.clock.Now() >= f.closesAt(r.Time); waits && late {
		if f.sendUnmatched(r); f.task.Failed() {
			return
		}
		waits = false
	}
	if f.keeps {
		f.me.keep(r, waits)
	}
	if waits {
		f.me.wait(r.Key, r.Time)
		f.next = min(f.next, f.closesAt(r.Time))
	}
}

// meetRow joins the record in work with the other side's at one time.
func (f *flow[K, V, W, R]) meetRow(at int64, row *copies[W]) bool {
	f.found = true
	f.other.matched(f.in.Key, at, row)
	if !f.meetValue(at, row.first) {
		return false
	}
	for _, w := range row.more() {
		if !f.meetValue(at, w) {
			return false
		}
	}
	return true
}

func (f *flow[K, V, W, R]) meetValue(at int64, w W) bool {
	f.rec = stream.Record[K, R]{Key: f.in.Key, Time: max(f.in.Time, at), Headers: f.in.Headers}
	f.rec.Value = f.pair(f.in.Value, true, w, true)
	f.out(&f.rec)
	return !f.task.Failed()
}

// sendUnmatched sends a record that does not wait.
func (f *flow[K, V, W, R]) sendUnmatched(r *stream.Record[K, V]) {
	f.rec = stream.Record[K, R]{Key: r.Key, NullKey: r.NullKey, Time: r.Time, Headers: r.Headers}
	f.rec.Value = f.pair(r.Value, true, f.noneOfOther, false)
	f.out(&f.rec)
}

// unmatched sends what waits first, all values of one key and time, which waits no more. Their failure is nobody
// else's. false: the task has to stop.
func (f *flow[K, V, W, R]) unmatched() bool {
	w, row := f.me.take()
	for i := int(w.from); i < row.len(); i++ {
		f.waiter = row.at(i)
		f.rec = stream.Record[K, R]{Key: w.key, Time: w.at}
		if !f.task.Between(f.sendWaiter) {
			return false
		}
	}
	return true
}
