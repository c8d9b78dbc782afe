// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/internal/kafkatest"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// poison is one way in which a record, whose value is 666, can be no good.
type poison struct {
	name   string
	record record               // the bad one
	stream func(v int64) error  // of the user's function, which may panic
	grow   func(v int64) string // the result
	phase  func(p *stream.Policies) *stream.Policy
	says   []string
	limits map[string]string // of the output topic
	at     int64             // the result's time; 0: the record's
}

const bad = 666

func number(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63)) }

func poisons() []poison {
	decode := func(p *stream.Policies) *stream.Policy { return &p.Decode }
	process := func(p *stream.Policies) *stream.Policy { return &p.Process }
	produce := func(p *stream.Policies) *stream.Policy { return &p.Produce }
	long := func(n int) func(int64) string {
		return func(v int64) string {
			if v == bad {
				return strings.Repeat("x", n)
			}
			return fmt.Sprint(v)
		}
	}
	return []poison{
		{name: "key", record: record{key: "short", value: number(bad)}, phase: decode, says: []string{"key of 5 bytes"}},
		{name: "value", record: record{key: number(1), value: "short"}, phase: decode, says: []string{"value of 5 bytes"}},
		{
			name: "error", phase: process, says: []string{`process "check"`, "no such number"},
			stream: func(v int64) error {
				if v == bad {
					return errors.New("no such number")
				}
				return nil
			},
		},
		{
			name: "panic", phase: process, says: []string{"panic at e2e/poison_test.go:", "boom"},
			stream: func(v int64) error {
				if v == bad {
					panic("boom")
				}
				return nil
			},
		},
		{name: "too large", phase: produce, says: []string{`to "out`, "1500000", "too large"}, grow: long(1_500_000)},
		{
			name: "too large for the topic", phase: produce, says: []string{`to "out`, "too large", "max.message.bytes"},
			grow: long(50_000), limits: map[string]string{"max.message.bytes": "10000"},
		},
		{
			name: "too far ahead for the topic", phase: produce,
			says:   []string{`to "out`, "2100-01-01", "message.timestamp.after.max.ms"},
			at:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(),
			limits: map[string]string{"message.timestamp.after.max.ms": "3600000"},
		},
	}
}

// trial is a topology that meets a poison: numbers through a Process into text.
type trial struct {
	*site
	poison
	name, in, out string
	seen          atomic.Int64 // good records processed
}

func newTrial(t testing.TB, p poison) *trial {
	s, c := shared(t)
	if p.record.value == "" {
		p.record = record{key: number(1), value: number(bad)}
	}
	if p.stream == nil {
		p.stream = func(int64) error { return nil }
	}
	if p.grow == nil {
		p.grow = func(v int64) string { return fmt.Sprint(v) }
	}
	return &trial{
		site: s, poison: p, name: kafkatest.Name(t, "app"),
		in: c.CreateTopic(t, "in", 2, nil), out: c.CreateTopic(t, "out", 1, p.limits),
	}
}

func (r *trial) topology() *stream.Topology {
	topo := stream.New(r.name)
	in := stream.From(topo, stream.Topic[int64, int64]{Name: r.in, Key: codec.Int64, Value: codec.Int64})
	checked := operators.Process("check", in, func(p *operators.Processor[int64, string]) operators.Func[int64, int64] {
		return func(rec *stream.Record[int64, int64]) error {
			if err := r.stream(rec.Value); err != nil {
				return err
			}
			if r.at != 0 && rec.Value == bad {
				p.EmitAt(r.grow(rec.Value), r.at)
			} else {
				p.Emit(r.grow(rec.Value))
			}
			r.seen.Add(1)
			return nil
		}
	})
	stream.To(checked, stream.Topic[int64, string]{Name: r.out, Key: codec.Int64, Value: codec.String})
	return topo
}

func (r *trial) config(action stream.Action) stream.Config {
	c := stream.Config{Brokers: r.addrs, Workers: 2}
	r.phase(&c.Errors).Action = action
	return c
}

// good are records first to end-1 of a partition.
func good(partition int32, first, end int64) []record {
	var records []record
	for v := first; v < end; v++ {
		records = append(records, record{key: number(v), value: number(v), partition: partition})
	}
	return records
}

// numbers are the texts of first to end-1.
func numbers(first, end int64) []string {
	var texts []string
	for v := first; v < end; v++ {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

func eachPoison(t *testing.T, test func(t *testing.T, r *trial)) {
	t.Parallel()
	for _, p := range poisons() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			test(t, newTrial(t, p))
		})
	}
}

func TestFailEndsTheRunAtTheRecordAndCommitsTheRest(t *testing.T) {
	eachPoison(t, func(t *testing.T, r *trial) {
		r.put(r.in, append(good(0, 0, 5), good(1, 100, 120)...)...)
		c := r.config(stream.Fail)
		c.CommitInterval = 3 * time.Second // so long that mostly nothing but the end commits
		a := start(t, r.topology(), c)
		a.await("the good ones are processed", func() bool { return r.seen.Load() == 25 })
		r.put(r.in, append([]record{r.record}, good(0, 10, 12)...)...)
		r.requireFailure(t, a.wait(), 5)
		require.Subset(t, values(r.committed(r.out)), numbers(100, 120), "what the other task has done")
		require.EqualValues(t, 20, r.positions(r.name, r.in, 2)[1])

		c.CommitInterval = 0
		r.requireFailure(t, start(t, r.topology(), c).wait(), 5)
		require.Subset(t, values(r.committed(r.out)), numbers(100, 120))
		require.LessOrEqual(t, len(r.committed(r.out)), 25, "nothing twice")
	})
}

func (r *trial) requireFailure(t *testing.T, err error, offset int64) {
	t.Helper()
	requireText(t, err, append(r.says, fmt.Sprintf("record %s/0@%d", r.in, offset), "application "+r.name)...)
	var record *stream.RecordError
	require.ErrorAs(t, err, &record)
	require.Equal(t, r.in, record.Topic)
	require.EqualValues(t, 0, record.Partition)
	require.Equal(t, offset, record.Offset)
	require.Equal(t, 1, strings.Count(err.Error(), "record "+r.in), "said once")
}

func TestSkipGoesOnBehindTheRecord(t *testing.T) {
	eachPoison(t, func(t *testing.T, r *trial) {
		r.put(r.in, append(append(good(0, 0, 5), r.record), good(0, 5, 10)...)...)
		a := start(t, r.topology(), r.config(stream.Skip))
		a.await("everything is committed", func() bool { return r.position(r.name, r.in) == 11 })
		require.Equal(t, numbers(0, 10), values(r.committed(r.out)))
		require.NoError(t, a.end())
		require.Len(t, a.log.lines("action=skip", fmt.Sprintf("record %s/0@5", r.in)), 1)
	})
}

func TestDeadLettersSayWhereTheyComeFrom(t *testing.T) {
	eachPoison(t, func(t *testing.T, r *trial) {
		r.record.headers = []kgo.RecordHeader{{Key: "trace", Value: []byte("77")}}
		r.put(r.in, append(append(good(0, 0, 5), r.record), good(0, 5, 10)...)...)
		for round := range 2 { // the second Run begins behind it
			a := start(t, r.topology(), r.config(stream.DeadLetter))
			a.await("everything is committed", func() bool { return r.position(r.name, r.in) == 11+int64(round) })
			require.NoError(t, a.end())
			r.put(r.in, good(0, 10+int64(round), 11+int64(round))...)
		}
		require.Equal(t, numbers(0, 11), values(r.committed(r.out)))
		letters := r.committed(r.name + "-dead-letters")
		require.Len(t, letters, 1)
		l := letters[0]
		require.Equal(t, r.record.key, string(l.Key))
		require.Equal(t, r.record.value, string(l.Value))
		require.Equal(t, "77", header(l, "trace"))
		require.Equal(t, r.in, header(l, "irmak.topic"))
		require.Equal(t, "0", header(l, "irmak.partition"))
		require.Equal(t, "5", header(l, "irmak.offset"))
		require.Equal(t, r.name, header(l, "irmak.application"))
		require.NotEmpty(t, header(l, "irmak.timestamp"))
		require.NotEmpty(t, header(l, "irmak.phase"))
		require.Contains(t, header(l, "irmak.operator")+": "+header(l, "irmak.error"), r.says[0])
	})
}

func TestParkStopsOneTaskOnly(t *testing.T) {
	t.Parallel()
	r := newTrial(t, poisons()[2])
	r.put(r.in, append(append(good(0, 0, 5), r.record), good(1, 100, 110)...)...)
	c := r.config(stream.Park)
	c.Workers = 1 // the parked task shares its transaction with the other one
	a := start(t, r.topology(), c)
	a.await("the task is parked", func() bool { return len(a.log.lines("task parked")) > 0 })
	r.put(r.in, good(1, 110, 120)...)
	a.await("the other task goes on", func() bool { return r.positions(r.name, r.in, 2)[1] == 20 })
	require.Subset(t, values(r.committed(r.out)), numbers(100, 120))
	r.requireFailure(t, a.end(), 5)
	require.LessOrEqual(t, len(r.committed(r.out)), 25)
}

func TestARetryTakesNothingWithItAndSucceeds(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int64
	p := poisons()[2]
	p.stream = func(v int64) error {
		if v == bad && attempts.Add(1) <= 2 {
			return errors.New("not yet")
		}
		return nil
	}
	r := newTrial(t, p)
	r.put(r.in, append(append(good(0, 0, 5), r.record), good(0, 5, 10)...)...)
	c := r.config(stream.Fail)
	c.Errors.Process.Retries, c.Errors.Process.Backoff = 2, 10*time.Millisecond
	a := start(t, r.topology(), c)
	a.await("everything is committed", func() bool { return r.position(r.name, r.in) == 11 })
	require.Equal(t, append(append(numbers(0, 5), fmt.Sprint(bad)), numbers(5, 10)...), values(r.committed(r.out)))
	require.EqualValues(t, 3, attempts.Load())
	require.NoError(t, a.end())
}

func TestRetriesComeToAnEnd(t *testing.T) {
	t.Parallel()
	var attempts atomic.Int64
	p := poisons()[2]
	p.stream = func(v int64) error {
		if v == bad {
			attempts.Add(1)
			return errors.New("no such number")
		}
		return nil
	}
	r := newTrial(t, p)
	r.put(r.in, append(append(good(0, 0, 5), r.record), good(0, 5, 10)...)...)
	c := r.config(stream.Fail)
	c.Errors.Process.Retries, c.Errors.Process.Backoff = 2, 10*time.Millisecond
	r.requireFailure(t, start(t, r.topology(), c).wait(), 5)
	require.EqualValues(t, 3, attempts.Load())

	c.Errors.Process.Action = stream.Skip
	a := start(t, r.topology(), c)
	a.await("everything is committed", func() bool { return r.position(r.name, r.in) == 11 })
	require.Equal(t, numbers(0, 10), values(r.committed(r.out)))
	require.EqualValues(t, 6, attempts.Load())
	require.NoError(t, a.end())
}
