// SPDX-License-Identifier: Apache-2.0

package task

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
)

// Global is a global table of a topology: a topic of which every process has a full copy.
type Global struct {
	Topic string
	Label string // for messages
	// Decode checks a record as a source would, and appends its key as the table's codec writes it. at is the record's
	// time as fetched, timeMs that of the table's row.
	Decode func(dst []byte, r *kafka.Record, at int64) (key []byte, timeMs int64, err error)
}

// CopyName is what a global table's copy is called in the catalogue of the database. It is no name of a store.
func (g *Global) CopyName() string { return "global table " + g.Topic }

// Copier brings fetched records into a process' copy of a global table.
//
// Owner: the goroutine that keeps the copy.
type Copier struct {
	Global
	Copy     *state.Replica
	App      string
	Policies *Policies
	Counters *Counters
	Log      *slog.Logger
	// Pause waits before another attempt; false: there is none.
	Pause func(time.Duration) bool
	// Bury sends a dead letter, and returns when it is safe.
	Bury func(Letter) error

	key     []byte
	Records uint64 // applied so far
}

// Apply puts the records of b into the copy's batch. A record that cannot be decoded is tried again, skipped, buried or
// returned as a *RecordError, as the policy for decoding says; Park, which has no task to stop here, is Fail.
func (c *Copier) Apply(b *kafka.Batch) error {
	for i, r := range b.Records {
		if err := c.apply(b, i, r); err != nil {
			return err
		}
		c.Records++
	}
	return nil
}

func (c *Copier) apply(b *kafka.Batch, i int, r *kafka.Record) error {
	if r.Key == nil {
		c.drop(b, i, "null key")
		return nil
	}
	at, err := c.decode(b, i, r)
	switch {
	case err != nil:
		return c.judge(b, i, r, err)
	case r.Value == nil:
		return c.Copy.Delete(c.key)
	}
	return c.Copy.Set(c.key, r.Value, at)
}

// decode checks a record, as often as the policy allows.
func (c *Copier) decode(b *kafka.Batch, i int, r *kafka.Record) (at int64, err error) {
	policy := c.Policies.Of(Decode)
	for attempt := 0; ; attempt++ {
		if at, err = c.attempt(b, i, r); err == nil || attempt >= policy.Retries || !c.Pause(policy.Backoff) {
			return at, err
		}
	}
}

func (c *Copier) attempt(b *kafka.Batch, i int, r *kafka.Record) (at int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = NewPanicError(p)
		}
	}()
	c.key, at, err = c.Decode(c.key[:0], r, b.Time(i))
	return at, err
}

// judge applies the policy to a record that cannot be decoded.
func (c *Copier) judge(b *kafka.Batch, i int, r *kafka.Record, cause error) error {
	failure := &RecordError{
		Topic: b.Partition.Topic, Partition: b.Partition.Index, Offset: b.Offset(i), Phase: Decode, Operator: c.Label,
		Err: cause,
	}
	switch action := c.Policies.Of(Decode).Action; action {
	case Skip, DeadLetter:
		c.drop(b, i, Decode.String()+" error", slog.String("action", action.String()), slog.Any("error", failure))
		if action == DeadLetter {
			if err := c.Bury(letterOf(c.App, "global", failure, r, b.Time(i))); err != nil {
				return fmt.Errorf("dead letter for %w: %w", failure, err)
			}
		}
		return nil
	case Fail, Park:
	}
	return failure
}

func (c *Copier) drop(b *kafka.Batch, i int, reason string, more ...any) {
	if c.Counters.drop(c.Label, reason) > 1 {
		return
	}
	logDrop(c.Log, c.Label, reason, b.Partition.Topic, b.Partition.Index, b.Offset(i), more...)
}

// View is a task's view of a global table, as far as the task's owner has to know it.
type View interface{ SetLimit(bytes int) }

// Copy is the process' copy of a global table; nil in a task that only shows what it would open.
func (t *Task) Copy(topic string) *state.Replica { return t.Copies[topic] }

// Watch notes a view that the task has opened.
func (t *Task) Watch(v View) { t.views = append(t.views, v) }

// Views is how many views of global tables the task has open.
func (t *Task) Views() int { return len(t.views) }

// SetLimit bounds each cache of the task, in bytes.
func (t *Task) SetLimit(bytes int) {
	for _, s := range t.stores {
		s.SetLimit(bytes)
	}
	for _, v := range t.views {
		v.SetLimit(bytes)
	}
}
