// SPDX-License-Identifier: Apache-2.0

package task

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
)

// fakeInput is an Input whose records say in their values what happens to them: "decode", "fail", "produce" are errors
// of that phase, "drop" is dropped where it is decoded, "panic" and "panic decode" panic, "abort" fails the task; any
// other value is done.
type fakeInput struct {
	t     *Task
	name  string
	batch *kafka.Batch
	i     int
	phase Phase
	done  *[]string // of all inputs: "name@offset"
}

var errFake = errors.New("fake")

func (f *fakeInput) Load(b *kafka.Batch) { f.batch, f.i, f.phase = b, 0, Process }
func (f *fakeInput) Skip()               { f.i, f.phase = f.i+1, Process }
func (f *fakeInput) Phase() Phase        { return f.phase }

func (f *fakeInput) Offset() int64 {
	if f.i < len(f.batch.Records) {
		return f.batch.Offset(f.i)
	}
	return f.batch.Last + 1
}

func (f *fakeInput) Raw() *kafka.Record {
	if f.i >= len(f.batch.Records) {
		return nil
	}
	return f.batch.Records[f.i]
}

// decode says whether record i can be processed.
func (f *fakeInput) decode() bool {
	switch string(f.Raw().Value) {
	case "decode":
		f.t.FailRecord(Decode, f.name, errFake)
		return false
	case "panic decode":
		f.phase = Decode
		panic(errFake)
	case "drop":
		f.t.Drop(f.name, "dropped")
		f.i++
		return false
	}
	return true
}

func (f *fakeInput) Head() (int64, bool) {
	for f.i < len(f.batch.Records) {
		if f.decode() {
			return f.batch.Time(f.i), true
		}
		if f.t.Failed() {
			return 0, false
		}
	}
	return 0, false
}

func (f *fakeInput) Process(until int64, limit int) (n int) {
	for n < limit && f.i < len(f.batch.Records) {
		if !f.decode() {
			if f.t.Failed() {
				return n
			}
			n++
			continue
		}
		if f.batch.Time(f.i) > until {
			return n
		}
		switch string(f.Raw().Value) {
		case "fail":
			f.t.FailRecord(Process, f.name, errFake)
		case "produce":
			f.t.FailRecord(Produce, f.name, errFake)
		case "panic":
			panic(errFake)
		case "abort":
			f.t.Abort(errFake)
		}
		if f.t.Failed() {
			return n
		}
		*f.done = append(*f.done, fmt.Sprintf("%s@%d", f.name, f.Offset()))
		f.i++
		n++
	}
	return n
}

// fakeFeed is a Feed of batches that a test hands out.
type fakeFeed struct {
	batches []*kafka.Batch
	out     int  // popped and not yet done
	more    bool // known to be in the topic
	open    bool // a transaction is under way
	end     int64
	err     error
}

func (f *fakeFeed) Pop() (*kafka.Batch, bool) {
	if len(f.batches) == 0 {
		return nil, false
	}
	b := f.batches[0]
	f.batches = f.batches[1:]
	f.out++
	return b, true
}

func (f *fakeFeed) Done(*kafka.Batch) { f.out-- }
func (f *fakeFeed) Ended() bool       { return len(f.batches) == 0 && !f.more }
func (f *fakeFeed) Undecided() bool   { return f.open }
func (f *fakeFeed) End() int64        { return f.end }
func (f *fakeFeed) Err() error        { return f.err }

// rec is a record of a fake batch.
type rec struct {
	at    int64
	value string
}

// add puts a batch into the feed. A gap of so many offsets, as compaction leaves them, follows it.
func (f *fakeFeed) add(topic string, first, gap int64, recs ...rec) {
	b := &kafka.Batch{
		Partition: kafka.Partition{Topic: topic}, First: first, Last: first + int64(len(recs)) - 1 + gap,
		FirstTime: recs[0].at,
	}
	for i, r := range recs {
		b.Records = append(b.Records, &kafka.Record{
			Key: []byte("key"), Value: []byte(r.value), OffsetDelta: first + int64(i),
			TimestampDelta: time.Duration(r.at-b.FirstTime) * time.Millisecond,
		})
	}
	f.batches = append(f.batches, b)
	f.end = max(f.end, b.Last+1)
}

// fakeOutput keeps what is sent. It implements Output and Target.
type fakeOutput struct {
	sent    []sent
	missing bool // no topic exists
	refuse  error
}

type sent struct {
	topic      string
	key, value []byte
	at         int64
	headers    []kafka.Header
}

func (o *fakeOutput) Partitions(topic string) (int32, error) {
	if o.missing {
		return 0, fmt.Errorf("%w: %q", kafka.ErrTopicMissing, topic)
	}
	return 1, nil
}

func (o *fakeOutput) Target(topic string, _ int32) (Target, error) { return fakeTarget{o, topic}, nil }

type fakeTarget struct {
	o     *fakeOutput
	topic string
}

func (t fakeTarget) Send(key, value []byte, at int64, headers []kafka.Header) error {
	if t.o.refuse != nil {
		return t.o.refuse
	}
	t.o.sent = append(t.o.sent, sent{t.topic, bytes.Clone(key), bytes.Clone(value), at, headers})
	return nil
}

// rig is a task with fake surroundings.
type rig struct {
	*Task
	feeds []*fakeFeed
	out   *fakeOutput
	clock *clock.Manual
	done  []string
}

// newRig gives a running task whose inputs have the given names; with changes the Setup before.
func newRig(t *testing.T, inputs string, change func(*Setup)) *rig {
	t.Helper()
	r := &rig{out: &fakeOutput{}, clock: clock.NewManual(time.UnixMilli(1_000_000))}
	db := memory.New()
	s := Setup{
		ID: ID{Sub: 3, Partition: 1}, App: "app", Output: r.out, Clock: r.clock, Counters: &Counters{},
		Log: slog.New(slog.DiscardHandler), Policies: Policies{DeadLetters: "dead"},
		Backing: func(spec state.Spec, _ int32) (state.Backing, error) {
			return state.Backing{DB: db, Prefix: []byte(spec.Name)}, nil
		},
	}
	for _, name := range inputs {
		s.Sources = append(s.Sources, Source{Topic: string(name), Open: func(task *Task) Input {
			return &fakeInput{t: task, name: string(name), done: &r.done}
		}})
	}
	if change != nil {
		change(&s)
	}
	var err error
	r.Task, err = New(s)
	require.NoError(t, err)
	for i := range s.Sources {
		r.feeds = append(r.feeds, &fakeFeed{})
		r.Start(i, r.feeds[i], 0)
	}
	return r
}

// offsets are those to commit, by topic.
func (r *rig) offsets() map[string]int64 {
	commits := map[kafka.Partition]kafka.Commit{}
	r.Offsets(commits)
	got := map[string]int64{}
	for p, c := range commits {
		got[p.Topic] = c.Offset
	}
	return got
}
