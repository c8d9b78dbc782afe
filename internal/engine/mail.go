// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"sync"
)

// kind is what a message asks of a worker.
type kind uint8

const (
	msgAssign kind = iota // prepare the holding's task
	msgReady              // a prepared task can work
	msgUnfit              // a task could not be prepared
	msgRevoke             // commit, write everything behind, let the holdings go
	msgDrop               // let the holdings go without a commit
	msgStop               // end; everything was revoked before
)

// message is one piece of mail. Its number is bounded: per task and assignment two, per rebalance and worker one.
type message struct {
	kind     kind
	holding  *holding
	holdings []*holding
	task     *active
	err      error
	done     chan struct{} // closed when carried out
}

type mailbox struct {
	mu   sync.Mutex
	list []message
}

func (m *mailbox) take() []message {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list
}

// holds says whether there is mail of that kind.
func (m *mailbox) holds(k kind) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.list, func(o message) bool { return o.kind == k })
}

// post leaves a message for the worker. It never blocks.
func (w *worker) post(m message) {
	w.mail.mu.Lock()
	w.mail.list = append(w.mail.list, m)
	w.mail.mu.Unlock()
	w.wakeUp()
}

// readMail carries out what was posted, and says false when that was to stop.
func (w *worker) readMail() bool {
	for _, m := range w.mail.take() {
		switch m.kind {
		case msgAssign:
			if !w.failed {
				w.prepare(m.holding, 0)
			}
		case msgReady:
			w.ready(m)
		case msgUnfit:
			w.unfit(m)
		case msgRevoke, msgDrop:
			w.handOver(m)
			close(m.done)
		case msgStop:
			return false
		}
	}
	return true
}

// ready takes a prepared task to work, unless it was revoked meanwhile.
func (w *worker) ready(m message) {
	if w.preparing[m.holding] == nil || w.failed {
		w.p.discard(m.task)
		return
	}
	delete(w.preparing, m.holding)
	if len(w.tasks) == 0 {
		w.nextCommit = w.p.opts.Clock.Now().Add(w.p.opts.CommitInterval)
	}
	if m.task.fresh { // commit where it begins, before anything moves
		w.nextCommit = w.p.opts.Clock.Now()
	}
	w.tasks = append(w.tasks, m.task)
	w.p.opts.Log.Info("task runs", "task", m.holding.id.String(), "worker", w.index, "from", m.task.from)
}

// handOver gives the message's holdings up. Revoked ones are committed before, with everything else of the worker,
// and written behind, so that whoever comes back to this process finds them complete.
func (w *worker) handOver(m message) {
	leaving := w.tasksOf(m.holdings)
	switch {
	case len(leaving) == 0 || w.failed:
		w.release(m.holdings)
	case m.kind == msgDrop:
		// Their uncommitted work is in the transaction of the whole worker: it goes, and the others begin again from
		// their last commit.
		w.release(m.holdings)
		w.recover(errLost, 0)
	default:
		if err := w.commit(); err != nil {
			w.trouble(nil, err) // which may have begun to open the leaving ones again
		} else if err := w.writeAll(leaving); err != nil {
			w.p.fail(err)
		}
		w.release(m.holdings)
	}
}

// tasksOf are the tasks at work of some holdings.
func (w *worker) tasksOf(holdings []*holding) []*active {
	var tasks []*active
	for _, t := range w.tasks {
		if slices.Contains(holdings, t.holding) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// release ends whatever there is of some holdings, at work or in preparation.
func (w *worker) release(holdings []*holding) {
	for _, h := range holdings {
		if prep := w.preparing[h]; prep != nil {
			prep.stop()
			delete(w.preparing, h)
		}
	}
	w.letGo(w.tasksOf(holdings))
}
