// SPDX-License-Identifier: Apache-2.0

// Package changelog brings a store up to its committed state: it replays the part of the changelog that the database
// does not have. It is what follows a start, a crash, an abort and a hand-over alike.
package changelog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/invariants"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
)

// Source is what a restore reads changelogs with.
type Source struct {
	Client  *kafka.Client
	Fetcher *kafka.Fetcher // read committed
	DB      state.DB
	Clock   clock.Clock
	Log     *slog.Logger
	// Longest is how long a changelog keeps deletes. A store whose position is older than half of that is rebuilt.
	// 0 is for ever.
	Longest time.Duration
}

// progressInterval is the time between two messages about a long restore.
const progressInterval = 5 * time.Second

// Restore replays partition part of a store's changelog into the database, from the store's position to the end that
// the partition has now. It returns when everything before that end is decided: a transaction that is still open there
// is waited for, until its owner ends it or the broker does. The caller owns the store, and gives it to the task when
// Restore has returned nil.
//
// The end is an offset, not a record: what stands before it may be aborted, a marker, or compacted away.
func (s *Source) Restore(ctx context.Context, store state.Instance, part kafka.Partition) error {
	first, err := s.Client.EarliestOffset(ctx, part)
	if err != nil {
		return fmt.Errorf("changelog %s: %w", part, err)
	}
	end, err := s.Client.LatestOffset(ctx, part)
	if err != nil {
		return fmt.Errorf("changelog %s: %w", part, err)
	}
	id, err := s.Client.TopicID(ctx, part.Topic)
	if err != nil {
		return fmt.Errorf("changelog %s: %w", part, err)
	}
	r := &replay{Source: s, store: store, part: part, end: end, batch: s.DB.NewBatch()}
	defer func() { _ = r.batch.Close() }()
	if err := r.begin(first, id); err != nil {
		return fmt.Errorf("changelog %s: %w", part, err)
	}
	if err := r.run(ctx); err != nil {
		return fmt.Errorf("changelog %s at offset %d of %d: %w", part, r.at, end, err)
	}
	return nil
}

// replay is one Restore under way.
//
// Owner: the goroutine of Restore.
//
//  1. The database's position never lies beyond what it holds: both are in one batch.
//  2. at only grows.
type replay struct {
	*Source
	store state.Instance
	part  kafka.Partition
	from  int64 // where the replay began
	at    int64 // next offset
	end   int64
	batch state.Batch

	records, bytes int64
	began, told    time.Time
}

// begin finds where to start. A position in another topic of the same name, or outside of the log, means nothing: the
// topic was made anew, or lost data, and what the database holds of it goes. So it does when it is too old: rows were
// deleted of which the log no longer says so.
func (r *replay) begin(first int64, topic [16]byte) error {
	pos, ok, err := r.store.Position()
	if err != nil {
		return err
	}
	if ok && (pos.Topic != topic || pos.Offset > r.end) {
		r.Log.Warn("the local state does not belong to this changelog, which was made anew or has lost records: "+
			"rebuilding", "store", r.store.Spec().Name, "partition", r.part.Index, "position", pos.Offset, "end", r.end)
		ok = false
	}
	if age := r.Clock.Now().Sub(time.UnixMilli(pos.At)); ok && r.Longest > 0 && age > r.Longest/2 {
		r.Log.Warn("the local state is so old that its changelog may have forgotten deletes since: rebuilding",
			"store", r.store.Spec().Name, "partition", r.part.Index, "age", age.Round(time.Second))
		ok = false
	}
	r.from = pos.Offset
	if !ok {
		if err := r.store.Clear(r.batch); err != nil {
			return err
		}
		r.from = first
	}
	// Records before first were compacted or deleted by retention: their keys have newer records, or are expired.
	r.from = max(r.from, first)
	r.at = r.from
	return r.save()
}

// save puts what was replayed into the database, with the position.
func (r *replay) save() error {
	if err := r.store.SetPosition(r.batch, r.at, r.Clock.Now()); err != nil {
		return err
	}
	return r.batch.Commit()
}

func (r *replay) run(ctx context.Context) error {
	r.began = r.Clock.Now()
	r.told = r.began
	if r.at < r.end {
		if err := r.fetch(ctx); err != nil {
			return err
		}
	}
	r.Log.Info("state rolled forward", "store", r.store.Spec().Name, "partition", r.part.Index,
		"from", r.from, "to", r.at, "records", r.records, "bytes", r.bytes, "took", r.Clock.Now().Sub(r.began))
	return nil
}

func (r *replay) fetch(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	q := r.Fetcher.Add(r.part, r.at, func() {
		select {
		case wake <- struct{}{}:
		default: // one wake-up is as good as two
		}
	})
	defer r.Fetcher.Remove(q)
	for {
		for b, ok := q.Pop(); ok; b, ok = q.Pop() {
			err := r.apply(b)
			q.Done(b)
			if err != nil {
				return err
			}
		}
		st := q.State()
		switch {
		case st.Err != nil:
			return st.Err
		case st.Queued > 0:
			continue
		}
		// Next moves past what holds nothing to replay: markers, aborted records, gaps.
		if r.at = max(r.at, st.Next); r.at >= r.end {
			return r.save()
		}
		select {
		case <-wake:
		case <-r.Clock.After(progressInterval): // an open transaction holds the end back, or the broker is away
		case <-ctx.Done():
			return ctx.Err()
		}
		r.tell()
	}
}

// apply puts one fetched batch into the database's.
func (r *replay) apply(b *kafka.Batch) error {
	if invariants.Enabled {
		invariants.Check(b.First >= r.at, "%s: batch at %d after %d", r.part, b.First, r.at)
	}
	for i, rec := range b.Records {
		if rec.Key == nil {
			return fmt.Errorf("offset %d has no key: something else writes to this topic", b.Offset(i))
		}
		if err := r.store.Restore(r.batch, rec.Key, rec.Value, b.Time(i), b.Offset(i)); err != nil {
			return fmt.Errorf("offset %d: %w", b.Offset(i), err)
		}
		r.bytes += int64(len(rec.Key) + len(rec.Value))
	}
	r.records += int64(len(b.Records))
	r.at = b.Last + 1
	if r.batch.Bytes() >= state.MaxBatchBytes {
		return r.save()
	}
	return nil
}

// tell reports the progress of a restore that takes long.
func (r *replay) tell() {
	now := r.Clock.Now()
	if now.Sub(r.told) < progressInterval {
		return
	}
	r.told = now
	took := now.Sub(r.began)
	rate := float64(r.at-r.from) / took.Seconds()
	left := time.Duration(0)
	if rate > 0 {
		left = time.Duration(float64(r.end-r.at) / rate * float64(time.Second))
	}
	r.Log.Info("rolling state forward", "store", r.store.Spec().Name, "partition", r.part.Index, "at", r.at,
		"end", r.end, "records", r.records, "bytes", r.bytes, "offsets per second", int64(rate),
		"left", left.Round(time.Second))
}
