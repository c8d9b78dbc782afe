// SPDX-License-Identifier: Apache-2.0

package task

import (
	"fmt"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
)

// Store is an open store of a task, with its changelog.
type Store struct {
	state.Instance
	Changelog kafka.Partition

	clock   clock.Clock
	target  Target
	flushed int // records that the last Flush appended
}

// Append writes one change to the changelog. It implements state.Log.
func (s *Store) Append(key, value []byte, timeMs int64) error {
	if timeMs == state.NoTime {
		timeMs = s.clock.Now().UnixMilli()
	}
	return s.target.Send(key, value, timeMs, nil)
}

// Flush ends the records' way inside the task: what operators hold back for a commit goes downstream, then every key
// that changed goes to its changelog, once. What it sent must be acknowledged before Acked.
func (t *Task) Flush() error {
	if t.stage != Running {
		return nil
	}
	if err := t.Settle(); err != nil {
		return err
	}
	t.settled = false
	for _, s := range t.stores {
		if s.target == nil && !s.Spec().Unlogged {
			target, err := t.Output.Target(s.Changelog.Topic, s.Changelog.Index)
			if err != nil {
				return t.fail(&FatalError{Task: t.ID, Err: fmt.Errorf("changelog %s: %w", s.Changelog, err)})
			}
			s.target = target
		}
		n, err := s.Instance.Flush(s)
		if err == nil {
			err = t.failure
		}
		if err != nil {
			return t.fail(&FatalError{Task: t.ID, Err: fmt.Errorf("changelog %s: %w", s.Changelog, err)})
		}
		s.flushed = n
	}
	return nil
}

// Settle is the first half of Flush: what operators hold back for a commit goes downstream. It is for who must have all
// results acknowledged before the first change is in a changelog; Flush does it otherwise.
func (t *Task) Settle() error {
	if t.stage != Running || t.settled {
		return nil
	}
	for _, f := range t.commits {
		if !t.Between(f.call) {
			return t.fail(t.failure)
		}
	}
	t.settled = true
	return nil
}

// Touch has the offset of input i committed the next time, although nothing of it was processed.
func (t *Task) Touch(i int) { t.inputs[i].moved = true }

// Watches says whether the task may write without input: at a commit, or when wall time passes.
func (t *Task) Watches() bool { return t.expires || len(t.commits)+len(t.walls) > 0 }

// Acked tells the stores at which offsets their changes stand. runs gives the offsets that the records sent to a
// partition since the last commit got, in the order of sending.
func (t *Task) Acked(runs func(kafka.Partition) []kafka.Run) error {
	for _, s := range t.stores {
		if s.flushed == 0 {
			continue
		}
		left := s.flushed
		for _, r := range runs(s.Changelog) {
			s.Instance.Acked(r.First, r.N)
			left -= r.N
		}
		s.flushed = 0
		if left != 0 {
			return &FatalError{Task: t.ID, Err: fmt.Errorf("changelog %s: %d acknowledgements are missing", s.Changelog, left)}
		}
	}
	return nil
}

// Offsets adds the offsets to commit for the inputs that have moved since the last commit. They carry the task's
// clocks, so that a clock is committed exactly when the records are that moved it. When the wall has moved a clock,
// inputs that stand still are committed too, to carry it.
func (t *Task) Offsets(into map[kafka.Partition]kafka.Commit) {
	metadata, encoded := "", false
	for i := range t.inputs {
		s := &t.inputs[i]
		if !s.moved && !t.idled {
			continue
		}
		if !encoded {
			metadata, encoded = t.ClocksMetadata(), true
		}
		into[s.part] = kafka.Commit{Offset: s.next, Metadata: metadata}
	}
}

// Positions adds the offsets of all inputs, also of those that stand still.
func (t *Task) Positions(into map[kafka.Partition]kafka.Commit) {
	metadata := t.ClocksMetadata()
	for i := range t.inputs {
		into[t.inputs[i].part] = kafka.Commit{Offset: t.inputs[i].next, Metadata: metadata}
	}
}

// Committed says that what Offsets gave has been committed.
func (t *Task) Committed() {
	t.idled = false
	for i := range t.inputs {
		s := &t.inputs[i]
		s.moved = false
		t.Attempts.committed(s.part.Topic, s.next)
	}
}
