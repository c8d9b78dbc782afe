// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/embedded"
)

const (
	lookInterval = 250 * time.Millisecond // how often the loop looks how far the work is
	lookTimeout  = 5 * time.Second        // for what it asks
	blindLimit   = 10 * time.Second       // a broker that restarts is not worth a warning
	startTimeout = 10 * time.Second       // for the brokers to answer
	drainTimeout = 30 * time.Second       // for the last outputs to become visible
)

// Scenario is what differs from one example to the next. Told, Progress and Warn are called from one goroutine, Open
// and Process from others.
type Scenario struct {
	Name       string // of the application: its consumer group
	Partitions int32  // of Input and Output
	Topics     []Topic
	Input      string                                       // the topic that is read to its end
	Output     string                                       // the topic that is told to Told
	Open       func() (Source, error)                       // what is fed
	Process    func(ctx context.Context, place Place) error // runs until ctx is done, then stops gracefully
	Told       func(r *kgo.Record, before bool) error       // a record of Output; before: it was there at the start
	Progress   func(Progress)
	Warn       func(error) // something went wrong and was dealt with
}

// Place is where to process.
type Place struct {
	Brokers  []string
	StateDir string
}

// Progress is how far the work is.
type Progress struct {
	Position        // of the feed
	Processed int64 // records of the input, roughly: transaction markers count too
	Elapsed   time.Duration
}

// Summary is what there is to say at the end.
type Summary struct {
	Complete bool // false: interrupted
	Elapsed  time.Duration
	Note     json.RawMessage // the source's, about all that was fed
}

// Run feeds and processes until the work is done or ctx is.
func Run(ctx context.Context, s Scenario, f Flags) (Summary, error) {
	place, release, err := settle(f)
	if err != nil {
		return Summary{}, err
	}
	sum, err := run(ctx, s, f, place)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // interrupted while it started
	}
	return sum, errors.Join(err, release())
}

// settle finds the brokers and a directory for state; release gives back what was made for that.
func settle(f Flags) (place Place, release func() error, err error) {
	place.Brokers, release = f.addrs(), func() error { return nil }
	if f.StateDir == "" {
		dir, err := os.MkdirTemp("", "irmak-state-")
		if err != nil {
			return place, release, err
		}
		place.StateDir = dir
		release = func() error { return os.RemoveAll(dir) }
	} else {
		place.StateDir = filepath.Join(f.StateDir, "state")
	}
	if len(place.Brokers) > 0 {
		return place, release, nil
	}
	var opts embedded.Options
	if f.StateDir != "" {
		opts.Dir = filepath.Join(f.StateDir, "broker")
	}
	broker, err := embedded.Start(opts)
	if err != nil {
		return place, release, errors.Join(err, release())
	}
	place.Brokers = broker.Addrs()
	state := release
	return place, func() error { return errors.Join(broker.Close(), state()) }, nil
}

func run(ctx context.Context, s Scenario, f Flags, place Place) (Summary, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(place.Brokers...))
	if err != nil {
		return Summary{}, err
	}
	defer cl.Close()
	feedTopic := s.Name + "-feed"
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := cl.Ping(starting); err != nil {
		return Summary{}, fmt.Errorf("no Kafka answers at %v: %w", place.Brokers, err)
	}
	topics := append([]Topic{{Name: feedTopic, Partitions: 1, Compacted: true}}, s.Topics...)
	if err := createTopics(starting, cl, topics); err != nil {
		return Summary{}, err
	}
	before, err := endOffsets(starting, cl, s.Output, s.Partitions)
	if err != nil {
		return Summary{}, err
	}
	seen := newPositions()
	tail, err := newTail(place.Brokers, feedTopic, s.Output, seen)
	if err != nil {
		return Summary{}, err
	}
	defer tail.cl.Close()
	warnings := make(chan error)
	l := &loop{
		Scenario: s, n: f.N, cl: cl, tail: tail, warnings: warnings, before: before, told: map[int32]int64{},
		started: time.Now(), seeing: time.Now(),
	}
	feed := &feed{
		brokers: place.Brokers, id: s.Name + "-feed", topic: feedTopic, input: s.Input, n: f.N, rate: f.Rate,
		open: s.Open, seen: seen, warn: warnings,
	}
	return l.run(ctx, feed, place)
}

// loop is the goroutine that all others report to.
type loop struct {
	Scenario
	n        int64 // how many records are asked for
	cl       *kgo.Client
	tail     *tail
	warnings <-chan error
	before   map[int32]int64 // the output's ends at the start
	told     map[int32]int64 // per partition of the output: the offset after the last record
	started  time.Time
	seeing   time.Time // when a look succeeded last
	blind    bool      // none has for long, and that was said
}

// work is a goroutine that can be stopped.
type work struct {
	cancel context.CancelFunc
	ended  chan error // one value, then closed
}

func begin(ctx context.Context, do func(context.Context) error) work {
	ctx, cancel := context.WithCancel(ctx)
	w := work{cancel: cancel, ended: make(chan error, 1)}
	go func() {
		defer close(w.ended)
		if err := do(ctx); err != nil && !errors.Is(err, context.Canceled) {
			w.ended <- err
		}
	}()
	return w
}

// stop ends the goroutine and gives what went wrong in it; to be called once, twice is fine.
func (w work) stop() error {
	w.cancel()
	return <-w.ended
}

func (l *loop) run(ctx context.Context, feed *feed, place Place) (Summary, error) {
	// The processing and the tail must outlive ctx: one stops gracefully, the other sees the last outputs.
	quiet := context.WithoutCancel(ctx)
	tail := begin(quiet, l.tail.run)
	feeding := begin(ctx, feed.run)
	processing := begin(quiet, func(ctx context.Context) error { return l.Process(ctx, place) })
	complete, err := l.wait(ctx, feeding, processing, tail)
	err = errors.Join(err, feeding.stop(), processing.stop())
	elapsed := time.Since(l.started)
	if err == nil {
		err = l.drain(quiet, tail)
	}
	err = errors.Join(err, tail.stop())
	position, _ := l.tail.seen.now()
	return Summary{Complete: complete, Elapsed: elapsed, Note: position.Note}, err
}

// wait returns when all that was fed is processed, something failed or ctx is done.
func (l *loop) wait(ctx context.Context, feeding, processing, tail work) (complete bool, err error) {
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	feedEnded := feeding.ended
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case err := <-feedEnded:
			if err != nil {
				return false, err
			}
			feedEnded = nil // done; a closed channel would keep us busy
		case err := <-processing.ended:
			if err == nil {
				return false, nil // it stops at the same signals as ctx, and was quicker
			}
			return false, err
		case err := <-tail.ended:
			return false, err
		case warning := <-l.warnings:
			l.Warn(warning)
		case records := <-l.tail.out:
			if err := l.tell(records); err != nil {
				return false, err
			}
		case <-look.C:
			done, err := l.look(ctx)
			if done || err != nil && ctx.Err() == nil {
				return done, err
			}
		}
	}
}

// look tells how far the work is, and whether all that was fed is done: then each partition's committed offset has
// reached the end of the feed. It may stand a little beyond, because what ends a transaction takes up an offset too.
func (l *loop) look(ctx context.Context) (done bool, err error) {
	asking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	offsets, err := committed(asking, l.cl, l.Name, l.Input, l.Partitions)
	if err != nil && !passing(err) {
		return false, err
	}
	if err != nil {
		l.blinded(err)
		return false, nil
	}
	l.seeing, l.blind = time.Now(), false
	position, _ := l.tail.seen.now()
	done = position.reaches(l.n)
	processed := int64(0)
	for p, end := range position.Ends {
		done = done && offsets[p] >= end
		processed += min(offsets[p], end)
	}
	l.Progress(Progress{Position: position, Processed: processed, Elapsed: time.Since(l.started)})
	return done, nil
}

// blinded tells once when the brokers have not answered for long.
func (l *loop) blinded(err error) {
	if !l.blind && time.Since(l.seeing) > blindLimit {
		l.blind = true
		l.Warn(err)
	}
}

func (l *loop) tell(records []*kgo.Record) error {
	for _, r := range records {
		l.told[r.Partition] = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		if err := l.Told(r, r.Offset < l.before[r.Partition]); err != nil {
			return err
		}
	}
	return nil
}

// drain tells the outputs that were committed last.
func (l *loop) drain(ctx context.Context, tail work) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	ends, err := endOffsets(ctx, l.cl, l.Output, l.Partitions)
	if err != nil {
		return err
	}
	for l.behind(ends) {
		select {
		case records := <-l.tail.out:
			if err := l.tell(records); err != nil {
				return err
			}
		case err := <-tail.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("the last records of %s do not become visible: does a transaction hang? read until %v of %v: %w",
				l.Output, l.told, ends, ctx.Err())
		}
	}
	return nil
}

func (l *loop) behind(ends map[int32]int64) bool {
	for p, end := range ends {
		if l.told[p] < end {
			return true
		}
	}
	return false
}
