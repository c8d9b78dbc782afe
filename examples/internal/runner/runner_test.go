// SPDX-License-Identifier: Apache-2.0

package runner_test

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/embedded"
	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

const (
	input, output = "numbers", "copies"
	partitions    = 3
)

// numbers is a source that counts.
type numbers struct {
	next, end int
	pause     time.Duration // before each
}

func (s *numbers) Next() (*kgo.Record, error) {
	if s.next == s.end {
		return nil, io.EOF
	}
	s.next++
	<-time.After(s.pause)
	n := []byte(strconv.Itoa(s.next))
	return &kgo.Record{Topic: input, Key: n, Value: n}, nil
}

func (s *numbers) Note() any    { return s.next }
func (s *numbers) Close() error { return nil }

// copier copies the input to the output.
func copier(ctx context.Context, place runner.Place) error {
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(place.Brokers...), kgo.TransactionalID(place.StateDir),
		kgo.ConsumerGroup("copy"), kgo.ConsumeTopics(input), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RequireStableFetchOffsets(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer s.Close()
	for {
		fetches := s.PollFetches(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.Begin(); err != nil {
			return err
		}
		for r := range fetches.RecordsAll() {
			s.Produce(ctx, &kgo.Record{Topic: output, Key: r.Key, Value: r.Value}, nil)
		}
		if _, err := s.End(ctx, kgo.TryCommit); err != nil {
			return err
		}
	}
}

// process is a program that runs: what it was told, and how it ended.
type process struct {
	stop     context.CancelFunc
	told     map[string]int // of the output, with what was there before
	warn     chan string
	progress chan runner.Progress
	sum      chan runner.Summary
}

func launch(t *testing.T, brokers []string, n int, rate float64) *process {
	return launchSource(t, brokers, numbers{end: n}, rate)
}

func launchSource(t *testing.T, brokers []string, source numbers, rate float64) *process {
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{
		stop: cancel, told: map[string]int{}, warn: make(chan string, 100), progress: make(chan runner.Progress),
		sum: make(chan runner.Summary, 1),
	}
	go func() {
		defer close(p.sum)
		sum, err := runner.Run(ctx, runner.Scenario{
			Name: "copy", Partitions: partitions, Input: input, Output: output,
			Topics: []runner.Topic{{Name: input, Partitions: partitions}, {Name: output, Partitions: partitions}},
			Open: func() (runner.Source, error) {
				s := source
				return &s, nil
			},
			Process: copier,
			Told: func(r *kgo.Record, _ bool) error {
				p.told[string(r.Value)]++
				return nil
			},
			Progress: func(now runner.Progress) {
				select {
				case p.progress <- now:
				default: // nobody asks
				}
			},
			Warn: func(err error) { p.warn <- err.Error() },
		}, runner.Flags{Brokers: brokers[0], N: int64(source.end), Rate: rate})
		if err != nil {
			t.Error(err)
		}
		p.sum <- sum
	}()
	return p
}

func (p *process) requireAll(t *testing.T, n int) {
	t.Helper()
	sum := <-p.sum
	require.True(t, sum.Complete)
	require.Equal(t, json.RawMessage(strconv.Itoa(n)), sum.Note)
	require.Len(t, p.told, n)
	for value, times := range p.told {
		require.Equal(t, 1, times, value)
	}
}

func TestRunEndsWhenAllIsProcessed(t *testing.T) {
	t.Parallel()
	b, err := embedded.Start(embedded.Options{})
	require.NoError(t, err)
	launch(t, b.Addrs(), 50_000, 0).requireAll(t, 50_000)
	launch(t, b.Addrs(), 50_000, 0).requireAll(t, 50_000) // there is nothing left to do, but something to tell
	require.NoError(t, b.Close())
}

// Who asks for more than was fed gets the rest fed, who asks for less has it already.
func TestRunGoesOnWhenMoreIsAskedFor(t *testing.T) {
	t.Parallel()
	b, err := embedded.Start(embedded.Options{})
	require.NoError(t, err)
	launch(t, b.Addrs(), 1000, 0).requireAll(t, 1000)
	launch(t, b.Addrs(), 3000, 0).requireAll(t, 3000)
	less := launch(t, b.Addrs(), 2000, 0)
	require.True(t, (<-less.sum).Complete)
	require.NoError(t, b.Close())
}

func TestRunOnKafka(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.Start(t, kafkatest.Options{})
	launch(t, kafka.Addrs(), 50_000, 0).requireAll(t, 50_000)
	launch(t, kafka.Addrs(), 50_000, 0).requireAll(t, 50_000)
}

// TestFeedIsHandedOver starts a second process, which takes the feed over, and stops that one: the first one takes it
// back. Every number is fed once.
func TestFeedIsHandedOver(t *testing.T) {
	t.Parallel()
	const n = 6_000
	b, err := embedded.Start(embedded.Options{})
	require.NoError(t, err)
	first := launch(t, b.Addrs(), n, 1000)
	second := launch(t, b.Addrs(), n, 1000)
	var fenced *process
	var other *process
	select {
	case w := <-first.warn:
		require.Contains(t, w, "another process feeds from now on, this one watches")
		fenced, other = first, second
	case w := <-second.warn:
		require.Contains(t, w, "another process feeds from now on, this one watches")
		fenced, other = second, first
	case <-time.After(time.Minute):
		t.Fatal("both feed")
	}
	other.stop()
	require.False(t, (<-other.sum).Complete)
	require.Contains(t, <-fenced.warn, "nobody feeds any more, this process takes over")
	fenced.requireAll(t, n)
	require.NoError(t, b.Close())
}

// TestFeedIsNotTakenFromWhoIsSlow has a process take the feed over that needs longer than others wait for progress, to
// find where it is to go on. They keep waiting.
func TestFeedIsNotTakenFromWhoIsSlow(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes longer than a process waits for progress of the feed")
	}
	const n = 1300
	b, err := embedded.Start(embedded.Options{})
	require.NoError(t, err)
	done := launch(t, b.Addrs(), 800, 0)
	done.requireAll(t, 800)
	watching := launch(t, b.Addrs(), n, 100)
	for fed := int64(0); fed <= 800; {
		fed = (<-watching.progress).Fed
	}
	feeding := launchSource(t, b.Addrs(), numbers{end: n, pause: 8 * time.Millisecond}, 0)
	require.Contains(t, <-watching.warn, "another process feeds from now on, this one watches")
	feeding.requireAll(t, n)
	watching.requireAll(t, n)
	require.Empty(t, watching.warn)
	require.Empty(t, feeding.warn)
	require.NoError(t, b.Close())
}
