// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	feedBatch    = 20_000      // records in a transaction, at most
	feedLongest  = time.Second // for them
	feedInterval = 250 * time.Millisecond
	feedStall    = 5 * time.Second // without a position for so long, the process that feeds is taken for dead
	feedTimeout  = time.Minute     // for a transaction
)

// feed fills the input topics.
//
// Several processes may want to do that at once. There is no election: each claims the feed when it starts, by its
// transactional id, which fences whoever had it before. Who is fenced only watches from then on, and claims again when
// it sees no progress for feedStall.
//
//	claim ──▶ feed ──▶ done
//	  ▲         │ fenced, or any other error
//	  │         ▼
//	  └─────── watch ──▶ done
//	    stalled
type feed struct {
	brokers []string
	id      string // transactional id, the same in all processes
	topic   string // of the positions
	n       int64  // how much work is asked for, as in Flags
	rate    float64
	events  iter.Seq[Event] // from the beginning
	seen    *positions
	warn    chan<- error // what went wrong and was dealt with
}

// sourceError is an error of the source. Claiming again would not help.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

// run returns when everything is fed, by this process or another.
func (f *feed) run(ctx context.Context) error {
	for {
		err := f.turn(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &sourceError{}):
			return err
		}
		if fenced(err) {
			err = errors.New("another process feeds from now on, this one watches")
		} else {
			err = fmt.Errorf("this process has stopped feeding, and watches: %w", err)
		}
		f.tell(ctx, err)
		if done, err := f.watch(ctx); done || err != nil {
			return err
		}
		f.tell(ctx, errors.New("nobody feeds any more, this process takes over"))
	}
}

func (f *feed) tell(ctx context.Context, warning error) {
	select {
	case f.warn <- warning:
	case <-ctx.Done():
	}
}

// fenced says whether another process has claimed the feed. When it does so between our first record and the end of its
// transaction, a broker may say only that there is no transaction to end: it is aborted already.
func fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) ||
		errors.Is(err, kerr.InvalidTxnState)
}

// watch returns when the feed is done, or stands still.
func (f *feed) watch(ctx context.Context) (done bool, err error) {
	for {
		position, changed := f.seen.now()
		if position.reaches(f.n) {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-changed:
		case <-time.After(feedStall):
			return false, nil
		}
	}
}

// turn claims the feed and feeds until the end.
func (f *feed) turn(ctx context.Context) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(f.brokers...), kgo.TransactionalID(f.id), kgo.TransactionTimeout(feedTimeout),
		kgo.MaxBufferedRecords(feedBatch), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	position, err := f.claim(ctx, cl)
	if err != nil || position.reaches(f.n) {
		return err
	}
	next, stop := iter.Pull(f.events)
	defer stop()
	if err := f.skip(ctx, cl, next, position); err != nil {
		return err
	}
	started, fed := time.Now(), position.Fed
	for position.Done, position.Of = false, f.n; !position.Done; {
		allowed := int64(feedBatch)
		if f.rate > 0 {
			allowed = min(allowed, int64(time.Since(started).Seconds()*f.rate)-(position.Fed-fed))
		}
		if position, err = f.transaction(ctx, cl, next, position, allowed); err != nil {
			return err
		}
		if f.rate > 0 && allowed < feedBatch {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(feedInterval):
			}
		}
	}
	return nil
}

// claim makes this process the one that feeds and says where to go on.
//
// The client's first transaction initializes the transactional id, which aborts what a predecessor has open and makes
// the brokers refuse the rest of it. So once that transaction, which holds nothing but our name, is in the feed's
// topic, everything that will ever count stands before it, and the position before it is final.
func (f *feed) claim(ctx context.Context, cl *kgo.Client) (position, error) {
	name := rand.Text()
	err := inTransaction(ctx, cl, func() error {
		return cl.ProduceSync(ctx, f.record(position{Claim: name})).FirstErr()
	})
	if err != nil {
		return position{}, fmt.Errorf("cannot claim the feed: %w", err)
	}
	for {
		_, changed := f.seen.now()
		if found, ok := f.seen.before(name); ok {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return position{}, ctx.Err()
		case <-changed:
		}
	}
}

// skip passes over what was fed before. That can take long, so it says now and then that it is alive, to those who
// watch.
func (f *feed) skip(ctx context.Context, cl *kgo.Client, next func() (Event, bool), p position) error {
	said := time.Now()
	for skipped := int64(0); skipped < p.Fed; {
		e, ok := next()
		if !ok || e.err != nil {
			return sourceError{fmt.Errorf("%d records were fed before, but now there are only %d: "+
				"started with other data on the same brokers? %w", p.Fed, skipped, cmp.Or(e.err, io.EOF))}
		}
		if !e.barrier() {
			skipped++
		}
		if time.Since(said) < feedLongest {
			continue
		}
		said = time.Now()
		err := inTransaction(ctx, cl, func() error { return cl.ProduceSync(ctx, f.record(p)).FirstErr() })
		if err != nil {
			return err
		}
	}
	return nil
}

// transaction feeds at most n records and the position after them.
func (f *feed) transaction(ctx context.Context, cl *kgo.Client, next func() (Event, bool), p position,
	n int64) (position, error) {
	err := inTransaction(ctx, cl, func() error {
		acks := acks{ends: p.Ends.clone()}
		for until := time.Now().Add(feedLongest); n > 0 && time.Now().Before(until); n-- {
			e, ok := next()
			p.Ready = p.Ready || !e.reference
			if !ok {
				p.Done = true
				break
			} else if e.err != nil {
				return sourceError{e.err}
			} else if e.barrier() {
				break // a transaction begins after the one before is visible
			}
			cl.Produce(ctx, e.record, acks.add)
			p.Fed++
			if !e.reference {
				p.Work++
			}
		}
		if err := cl.Flush(ctx); err != nil {
			return err
		}
		var err error
		if p.Ends, err = acks.result(); err != nil {
			return err
		}
		return cl.ProduceSync(ctx, f.record(p)).FirstErr()
	})
	return p, err
}

func (f *feed) record(p position) *kgo.Record {
	value, err := json.Marshal(p)
	if err != nil {
		panic(err) // a position has nothing that could fail
	}
	// A claim has a key of its own, so that compaction never takes it from the process that waits to see it.
	key := "position"
	if p.Claim != "" {
		key = "claim-" + p.Claim
	}
	return &kgo.Record{Topic: f.topic, Key: []byte(key), Value: value}
}

// inTransaction commits what do produces, or aborts it and returns the error of do.
func inTransaction(ctx context.Context, cl *kgo.Client, do func() error) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	if err := do(); err != nil {
		// The context may be over, and then the transaction would stay open until it times out.
		abort, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedStall)
		defer cancel()
		return errors.Join(err, cl.AbortBufferedRecords(abort), cl.EndTransaction(abort, kgo.TryAbort))
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

// acks collects where records ended up. add is called from the client's goroutines; mu guards all fields.
type acks struct {
	mu   sync.Mutex
	ends offsets
	err  error
}

func (a *acks) add(r *kgo.Record, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.err = err
		return
	}
	a.ends.set(r.Topic, r.Partition, max(a.ends.of(r.Topic, r.Partition), r.Offset+1))
}

func (a *acks) result() (offsets, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ends, a.err
}
