// SPDX-License-Identifier: Apache-2.0

package task

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/irmak-go/irmak/internal/invariants"
)

// Backlog is what a step of its clock makes an operator give out, which may be millions of entries. They are given out
// in parts, so that the task can commit in between (ADR 0015):
//
//	record ─▶ Begin ─▶ while More: one entry ─▶ all given out
//	                     │ no more for now
//	                     ▼
//	                   owed ─▶ (commit?) ─▶ goOn: Begin, while More … ─▶ next record
//
// What is owed is given out before the task takes another record, and, if the task ends before that, before the first
// one of the next task. So between two entries everything must be in stores and clocks.
//
// Owner: the task's goroutine.
//
//  1. A Backlog is owed exactly when it is in Task.owed, and there once.
//  2. Of what is owed that comes first which would have been given out first had nothing been put off.
//  3. While anything is owed no record is taken from an input, and nothing is called that waits for the wall.
type Backlog struct {
	task   *Task
	mark   string // stands for it in the metadata
	order  int
	below  []int // the orders of what its entries reach
	always bool  // it cannot be put off
	goOn   func()

	owed  bool
	whole bool // nothing is put off now
	left  int  // how many entries may still be given out
	look  int  // it is asked whether the task has to commit when so many are left
	seen  int  // how many were owed when Begin was called
}

const (
	// atOnceDefault is how many entries a Backlog gives out at once. It is no bound: to stop and look again costs a window
	// with many keys as much as to close it, so it stops when there is a reason.
	atOnceDefault = 1 << 30
	// hurryEvery is after how many entries it is asked whether the task has to commit.
	hurryEvery = 64
)

// Backlog gives the operator called name its backlog. order is that of the operator, below the orders of those that its
// results reach. goOn goes on with what is owed. It may be called with nothing to do, and before the first record: once
// after a task has ended that owed something, which is found again by the name, and, where an operator has several, by
// their order.
//
// What cannot be put off is always given out whole: whole says that something below hears of a record by other ways
// too, and where an operator below waits until all is said (After) this is found out here.
func (t *Task) Backlog(name string, order int, below []int, whole bool, goOn func()) *Backlog {
	b := &Backlog{task: t, order: order, below: below, always: whole, whole: whole, goOn: goOn}
	taken := func(o *Backlog) bool { return o.mark == b.mark }
	for nth := uint32(0); nth == 0 || slices.ContainsFunc(t.backlogs, taken); nth++ {
		b.mark = markOf(name, nth)
	}
	t.backlogs = append(t.backlogs, b)
	return b
}

// Begin is called before entries are given out.
func (b *Backlog) Begin() {
	b.left, b.seen = b.task.atOnce(), len(b.task.owed)
	b.look = b.left - hurryEvery
}

// More says whether another entry may be given out. If not, goOn is called between records: it is time to commit, or
// the last one has made an operator further down put something off, which comes before the next one.
func (b *Backlog) More() bool {
	if b.whole || b.left > 0 && len(b.task.owed) == b.seen && (b.left > b.look || !b.hurries()) {
		b.left--
		return true
	}
	b.owe()
	return false
}

// hurries says whether the task has to commit.
func (b *Backlog) hurries() bool {
	t := b.task
	b.look = b.left - hurryEvery
	return !t.deadline.IsZero() && !t.Clock.Now().Before(t.deadline) || t.Pressed()
}

// Spend is for n entries that are given out without asking.
func (b *Backlog) Spend(n int) { b.left -= n }

// Owed says whether entries have been put off. The operator must not take a record before they are given out.
func (b *Backlog) Owed() bool { return b.owed }

// Finish gives out what is owed. Operators call it for a record that reaches them before the task could go on: the
// second that one record has become, or one that comes of a commit.
func (b *Backlog) Finish() {
	if b.owed {
		b.finish()
	}
}

func (b *Backlog) finish() {
	t := b.task
	t.owed = slices.DeleteFunc(t.owed, func(o *Backlog) bool { return o == b })
	b.owed, b.whole = false, true
	defer func() { b.whole = b.always }()
	b.goOn()
}

func (b *Backlog) owe() {
	if !b.owed {
		b.owed = true
		b.task.owed = append(b.task.owed, b)
		b.task.idled = true // the offsets of inputs that stand still carry it too
	}
}

// Owes says whether entries have been put off that come before the next record.
func (t *Task) Owes() bool { return len(t.owed) > 0 }

// begin finds what cannot be put off, and what the task before this one has owed: those further down come first.
func (t *Task) begin() {
	slices.SortStableFunc(t.backlogs, func(a, b *Backlog) int { return cmp.Compare(b.order, a.order) })
	for name, number := range t.Clocks {
		if strings.HasPrefix(name, debts) && number > t.debtRev {
			t.debts, t.debtRev = name, number
		}
	}
	owed := marksIn(t.debts)
	for _, b := range t.backlogs {
		if slices.ContainsFunc(t.afters, func(h *afterHook) bool { return slices.Contains(b.below, h.order) }) {
			b.always, b.whole = true, true
		}
		if slices.Contains(owed, b.mark) {
			b.owe()
		}
	}
}

// drain lets the first that is owed give out some of it. What that makes others owe comes before the rest.
func (t *Task) drain() error {
	b, rest := t.owed[0], t.owed[1:]
	t.owed, b.owed = nil, false
	b.left = t.atOnce() // in case that it does not come to Begin
	ok := t.Between(b.goOn)
	given := max(t.atOnce()-b.left, 1)
	t.room -= given
	t.given += given
	for _, o := range rest {
		if o.owed && !slices.Contains(t.owed, o) { // else it had to finish
			t.owed = append(t.owed, o)
		}
	}
	t.idled = true // what was given out belongs to the inputs' next commit, although they stand still
	t.checkOwed()
	if !ok {
		return t.failure
	}
	return nil
}

func (t *Task) atOnce() int { return cmp.Or(t.AtOnce, atOnceDefault) }

func (t *Task) checkOwed() {
	if !invariants.Enabled {
		return
	}
	for _, b := range t.backlogs {
		n := 0
		for _, o := range t.owed {
			if o == b {
				n++
			}
		}
		invariants.Check(n == 0 && !b.owed || n == 1 && b.owed, "task %s: (1) a backlog is owed %d times", t.ID, n)
	}
}

// Pressed says whether a cache is so full of changes that waiting for the next commit would not do.
func (t *Task) Pressed() bool {
	for _, s := range t.stores {
		if s.Pressure() {
			return true
		}
	}
	return false
}

// debts is how the name of what stands, among the clocks, for what the task owes begins; no operator's does. Behind it
// come the marks of the backlogs. The time is a number that grows whenever they change, so that of several inputs'
// metadata the newest counts: the one with the highest number.
const debts = "\x00"

// markBytes is how long a mark is.
const markBytes = 4

// markOf is a hash: names would not have room beside those of the clocks. It goes by the name, and not by the place
// among the backlogs, because a new version of the program may have others.
func markOf(name string, nth uint32) string {
	h := fnv.New32a()
	_, _ = h.Write(binary.BigEndian.AppendUint32([]byte(name), nth))
	return string(h.Sum(nil))
}

// marksIn are the marks in what stands for a task's debts.
func marksIn(name string) (marks []string) {
	for name = strings.TrimPrefix(name, debts); len(name) >= markBytes; name = name[markBytes:] {
		marks = append(marks, name[:markBytes])
	}
	return marks
}

// noteDebts is called when the clocks are written.
func (t *Task) noteDebts() {
	owed := debts
	for _, b := range t.backlogs {
		if b.owed {
			owed += b.mark
		}
	}
	if owed != t.debts && (t.debtRev > 0 || owed != debts) {
		t.debts = owed
		t.debtRev++
	}
}
