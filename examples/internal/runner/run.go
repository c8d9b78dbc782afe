// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/embedded"
	"github.com/irmak-go/irmak/stream"
)

const (
	answerTimeout = 10 * time.Second // for the brokers to answer at all
	topicsTimeout = time.Minute      // for new topics to have leaders: a hundred partitions take a busy broker a while
	drainTimeout  = time.Minute      // for the last outputs to become visible
)

// site is where to process.
type site struct {
	brokers  []string
	stateDir string
}

// progress is how far the work is; reference data does not count.
type progress struct {
	processed, fed int64 // records; roughly: what is processed of partitions counts their transaction markers, too
	outputs        []outputCount
	elapsed        time.Duration
}

// outputCount is how many records an output topic has.
type outputCount struct {
	topic   string
	records int64
}

// summary is what there is to say at the end.
type summary struct {
	complete bool // false: interrupted
	elapsed  time.Duration
	work     int64 // records fed, without reference data
}

// run feeds and processes until the work is done or ctx is.
func run(ctx context.Context, p Program, f Flags, judge Judge, printer *printer) (summary, error) {
	place, release, err := settle(f)
	if err != nil {
		return summary{}, err
	}
	sum, err := runAt(ctx, place, p, f, judge, printer)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // interrupted while it started
	}
	return sum, errors.Join(err, release())
}

// settle finds the brokers and a directory for state; release gives back what was made for that.
func settle(f Flags) (place site, release func() error, err error) {
	place.brokers, release = f.addrs(), func() error { return nil }
	if f.StateDir == "" {
		dir, err := os.MkdirTemp("", "irmak-state-")
		if err != nil {
			return place, release, err
		}
		place.stateDir = dir
		release = func() error { return os.RemoveAll(dir) }
	} else {
		place.stateDir = filepath.Join(f.StateDir, "state")
	}
	if len(place.brokers) > 0 {
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
	place.brokers = broker.Addrs()
	state := release
	return place, func() error { return errors.Join(broker.Close(), state()) }, nil
}

func runAt(ctx context.Context, place site, p Program, f Flags, judge Judge, printer *printer) (summary, error) {
	topology := stream.New(p.Name)
	p.Topology(topology)
	if err := topology.Build(); err != nil {
		return summary{}, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(place.brokers...))
	if err != nil {
		return summary{}, err
	}
	defer cl.Close()
	l := &loop{
		name: p.Name, n: f.N, cl: cl, brokers: place.brokers, inputs: topology.Inputs(), printer: printer,
		outputs: map[string]Output{}, read: offsets{}, started: time.Now(), seeing: time.Now(),
	}
	if err := l.prepare(ctx, p.Topics, judge.Outputs()); err != nil {
		return summary{}, err
	}
	seen := newPositions()
	l.tail, err = newTail(place.brokers, l.feedTopic(), slices.Collect(maps.Keys(l.outputs)), seen)
	if err != nil {
		return summary{}, err
	}
	defer l.tail.cl.Close()
	warnings := make(chan error)
	l.warnings = warnings
	feed := &feed{
		brokers: place.brokers, id: p.Name + "-feed", topic: l.feedTopic(), n: f.N, rate: f.Rate,
		events: p.Generate(f.Seed, f.N), seen: seen, warn: warnings,
	}
	return l.run(ctx, feed, func(ctx context.Context) error {
		// A process reads what global tables hold before it does anything else, and what comes later when it likes.
		if err := seen.awaitReady(ctx); err != nil {
			return err
		}
		return stream.Run(ctx, topology, f.config(place, printer))
	})
}

// loop is the goroutine that all others report to.
type loop struct {
	name     string
	n        int64 // how much work is asked for
	cl       *kgo.Client
	brokers  []string
	inputs   []string // what tasks read
	outputs  map[string]Output
	order    []string         // the topics of outputs
	topics   map[string]int32 // those of the outputs, with their partitions
	printer  *printer
	tail     *tail
	warnings <-chan error
	before   offsets // the outputs' ends at the start
	read     offsets // per partition of the outputs: the offset after the last record
	records  map[string]int64
	started  time.Time
	seeing   time.Time // when a look succeeded last
	blind    bool      // none has for long, and that was said
}

func (l *loop) feedTopic() string { return l.name + "-feed" }

// prepare waits for the brokers, creates the topics and looks where the outputs end.
func (l *loop) prepare(ctx context.Context, topics []Topic, outputs []Output) error {
	l.topics, l.records = map[string]int32{}, map[string]int64{}
	for _, o := range outputs {
		i := slices.IndexFunc(topics, func(t Topic) bool { return t.name == o.Topic })
		if _, again := l.outputs[o.Topic]; again || i < 0 {
			return fmt.Errorf("topic %s: a watched topic must be one of the program's, and watched once", o.Topic)
		}
		l.outputs[o.Topic], l.topics[o.Topic] = o, topics[i].partitions
		l.order = append(l.order, o.Topic)
	}
	answering, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := l.cl.Ping(answering); err != nil {
		return fmt.Errorf("no Kafka answers at %v: %w", l.brokers, err)
	}
	ctx, cancel = context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	own := Topic{name: l.feedTopic(), partitions: 1, compacted: true}
	if err := createTopics(ctx, l.cl, append([]Topic{own}, topics...)); err != nil {
		return err
	}
	var err error
	l.before, err = endOffsets(ctx, l.cl, l.topics)
	return err
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

func (l *loop) run(ctx context.Context, feed *feed, process func(context.Context) error) (summary, error) {
	// The processing and the tail must outlive ctx: one stops gracefully, the other sees the last outputs.
	quiet := context.WithoutCancel(ctx)
	tail := begin(quiet, l.tail.run)
	feeding := begin(ctx, feed.run)
	processing := begin(quiet, process)
	complete, err := l.wait(ctx, feeding, processing, tail)
	err = errors.Join(err, feeding.stop(), processing.stop())
	elapsed := time.Since(l.started)
	if err == nil {
		err = l.drain(quiet, tail)
	}
	err = errors.Join(err, tail.stop())
	position, _ := l.tail.seen.now()
	return summary{complete: complete, elapsed: elapsed, work: position.Work}, err
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
			l.printer.warn(warning)
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

// blinded tells once when the brokers have not answered for long.
func (l *loop) blinded(err error) {
	if !l.blind && time.Since(l.seeing) > blindLimit {
		l.blind = true
		l.printer.warn(err)
	}
}

func (l *loop) tell(records []*kgo.Record) error {
	for _, r := range records {
		l.read.set(r.Topic, r.Partition, r.Offset+1)
		if r.Attrs.IsControl() {
			continue
		}
		l.records[r.Topic]++
		line, err := l.outputs[r.Topic].Tell(r, r.Offset < l.before.of(r.Topic, r.Partition))
		if err != nil {
			return err
		}
		if line != "" {
			l.printer.result(line)
		}
	}
	return nil
}

// drain tells the outputs that were committed last.
func (l *loop) drain(ctx context.Context, tail work) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	ends, err := endOffsets(ctx, l.cl, l.topics)
	if err != nil {
		return err
	}
	for !l.read.reach(ends) {
		select {
		case records := <-l.tail.out:
			if err := l.tell(records); err != nil {
				return err
			}
		case err := <-tail.ended:
			return err
		case <-ctx.Done():
			return fmt.Errorf("the last outputs do not become visible: does a transaction hang? read until %v of %v: %w",
				l.read, ends, ctx.Err())
		}
	}
	return nil
}
