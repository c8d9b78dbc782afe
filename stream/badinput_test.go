// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// readings are numbers as text; the value is its time too, in seconds. 13 has a Time function that panics.
var readings = stream.Topic[int64, string]{
	Name: "readings", Key: codec.Int64, Value: strict{codec.String},
	Time: func(v string) time.Time {
		n, _ := strconv.Atoi(v)
		if n == 13 {
			panic("no such time")
		}
		return time.Unix(int64(n), 0)
	},
}

// strict is a codec that takes numbers only.
type strict struct{ codec.Codec[string] }

var errNoNumber = errors.New("no number")

func (c strict) Decode(src []byte) (string, error) {
	if _, err := strconv.Atoi(string(src)); err != nil {
		return "", errNoNumber
	}
	return c.Codec.Decode(src)
}

func policies(a stream.Action) stream.Policies {
	p := stream.Policy{Action: a}
	return stream.Policies{Decode: p, Process: stream.Policy{Action: stream.Fail}, Produce: p}
}

// badInputs are raw records of readings that cannot be used, and what is said about them.
var badInputs = map[string]struct {
	key, value []byte
	want       string
}{
	"key":           {[]byte("short"), []byte("1"), "key of 5 bytes: "},
	"value":         {key(1), []byte("one"), "value of 3 bytes: no number"},
	"empty value":   {key(1), []byte{}, "value of 0 bytes: no number"},
	"negative time": {key(1), []byte("-1"), "event time is -1000 ms; it must not lie before 1970"},
	"panic":         {key(1), []byte("13"), "panic at stream/badinput_test.go:"},
}

func key(n int64) []byte {
	k, _ := codec.Int64.Append(nil, n)
	return k
}

// pipe is a topology that passes readings on, through a task with one input or with two.
func pipe(inputs int) *stream.Topology {
	topo := stream.New("test")
	in := stream.From(topo, readings)
	if inputs == 2 {
		more := readings
		more.Name, more.Time = "more", nil
		in = operators.Merge(stream.From(topo, more), in)
	}
	stream.To(in, stream.Topic[int64, string]{Name: "out", Key: codec.Int64, Value: codec.String})
	return topo
}

var (
	passed = stream.Topic[int64, string]{Name: "out", Key: codec.Int64, Value: codec.String}
	dead   = stream.Topic[[]byte, []byte]{Name: "test-dead-letters", Key: codec.Bytes, Value: codec.Bytes}
)

func values(records []streamtest.Record[int64, string]) (vs []string) {
	for _, r := range records {
		vs = append(vs, r.Value)
	}
	return vs
}

// Bad records are met at every place of a batch: the first of it, in the middle, several in a row, the last.
func TestBadInput(t *testing.T) {
	t.Parallel()
	for name, bad := range badInputs {
		for inputs := 1; inputs <= 2; inputs++ {
			feed := func(d *streamtest.Driver) {
				in := streamtest.Input(d, readings)
				in.SendBytes(bad.key, bad.value, 100)
				in.Send(7, "5", 101)
				in.SendBytes(bad.key, bad.value, 102)
				in.SendBytes(bad.key, bad.value, 103)
				in.Send(7, "6", 104)
				in.SendBytes(bad.key, bad.value, 105)
			}
			t.Run(fmt.Sprint(name, inputs), func(t *testing.T) {
				t.Parallel()
				t.Run("fail", func(t *testing.T) {
					var failure error
					d := streamtest.New(t, pipe(inputs), streamtest.Options{
						CommitEvery: 6, Expect: func(err error) { failure = err },
					})
					feed(d)
					var r *stream.RecordError
					require.ErrorAs(t, failure, &r)
					require.Equal(t, "readings/0@0 decode", fmt.Sprintf("%s/%d@%d %s", r.Topic, r.Partition, r.Offset, r.Phase))
					require.ErrorContains(t, failure, bad.want)
					require.Empty(t, streamtest.Output(d, passed).Read())
				})
				t.Run("skip", func(t *testing.T) {
					for _, every := range []int{1, 6} {
						d := streamtest.New(t, pipe(inputs), streamtest.Options{CommitEvery: every, Errors: policies(stream.Skip)})
						feed(d)
						require.Equal(t, []string{"5", "6"}, values(streamtest.Output(d, passed).Read()))
						require.Len(t, d.Drops(), 1)
						for why, n := range d.Drops() {
							require.Equal(t, "decode error", why.Reason)
							require.EqualValues(t, 4, n)
						}
					}
				})
				t.Run("dead letter", func(t *testing.T) {
					d := streamtest.New(t, pipe(inputs), streamtest.Options{CommitEvery: 6, Errors: policies(stream.DeadLetter)})
					feed(d)
					require.Equal(t, []string{"5", "6"}, values(streamtest.Output(d, passed).Read()))
					letters := streamtest.Output(d, dead).Read()
					require.Len(t, letters, 4)
					for i, offset := range []int{0, 2, 3, 5} {
						checkLetter(t, letters[i], offset, bad.want)
						require.Equal(t, string(bad.key), string(letters[i].Key))
						require.Equal(t, string(bad.value), string(letters[i].Value))
					}
				})
			})
		}
	}
}

// checkLetter checks the provenance of a letter from readings.
func checkLetter(t *testing.T, r streamtest.Record[[]byte, []byte], offset int, want string) {
	t.Helper()
	h := map[string]string{}
	for _, header := range r.Headers {
		h[header.Key] = string(header.Value)
	}
	require.EqualValues(t, 100+offset, r.Time, "the Kafka timestamp, not the event time")
	require.Contains(t, h["irmak.error"], want)
	delete(h, "irmak.error")
	delete(h, "irmak.operator") // not known of a panic
	require.Equal(t, map[string]string{
		"irmak.topic": "readings", "irmak.partition": "0", "irmak.offset": fmt.Sprint(offset),
		"irmak.timestamp": fmt.Sprint(100 + offset), "irmak.application": "test", "irmak.task": "0_0",
		"irmak.phase": "decode",
	}, h)
}

// A letter has the record's own headers too, before those that tell where it comes from.
func TestDeadLetterKeepsHeaders(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := operators.Map(stream.From(topo, topicOf("in")), func(string) string { panic("never") })
	stream.To(in, topicOf("out"))
	d := streamtest.New(t, topo, streamtest.Options{Errors: stream.Policies{
		Process: stream.Policy{Action: stream.DeadLetter}, DeadLetters: "hospital",
	}})
	streamtest.Input(d, topicOf("in")).SendRecord(&stream.Record[string, string]{
		Key: "k", Value: "v", Time: 5, Headers: []stream.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}},
	})
	letters := streamtest.Output(d, topicOf("hospital")).Read()
	require.Len(t, letters, 1)
	require.Equal(t, []stream.Header{{Key: "a", Value: []byte("1")}, {Key: "a"}}, letters[0].Headers[:2])
	require.Equal(t, "irmak.topic", letters[0].Headers[2].Key)
	require.LessOrEqual(t, len(letters[0].Headers[10].Value), 4096, "a stack is cut")
}

// Nulls of a topic that does not pass them on are dropped and counted, and do not stop a task that meets many of them.
func TestNullValuesAreDropped(t *testing.T) {
	t.Parallel()
	d := streamtest.New(t, pipe(2), streamtest.Options{CommitEvery: 1000, BatchRecords: 7})
	in := streamtest.Input(d, readings)
	for i := range 100 {
		in.Delete(1, int64(i))
	}
	in.Send(1, "5", 100)
	require.Equal(t, []string{"5"}, values(streamtest.Output(d, passed).Read()))
	require.Equal(t, map[streamtest.DropReason]uint64{{Operator: `from "readings"`, Reason: "null value"}: 100}, d.Drops())
}

// Negative Kafka timestamps are bad input too; Time functions are not asked about null values.
func TestTimes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	timeless, flagged := topicOf("timeless"), topicOf("flagged")
	flagged.NullValues = true
	flagged.Time = func(v string) time.Time { return time.UnixMilli(int64(len(v))) }
	stream.To(stream.From(topo, timeless), topicOf("out"))
	stream.To(stream.From(topo, flagged), topicOf("out-too"))
	d := streamtest.New(t, topo, streamtest.Options{Errors: policies(stream.Skip)})
	streamtest.Input(d, timeless).Send("k", "before", -1)
	streamtest.Input(d, timeless).Send("k", "zero", 0)
	streamtest.Input(d, flagged).Send("k", "four", 99)
	streamtest.Input(d, flagged).Delete("k", 99)
	got := streamtest.Output(d, topicOf("out")).Read()
	require.Len(t, got, 1)
	require.Equal(t, "zero", got[0].Value)
	got = streamtest.Output(d, topicOf("out-too")).Read()
	require.Len(t, got, 2)
	require.EqualValues(t, 4, got[0].Time)
	require.EqualValues(t, 99, got[1].Time)
}

// picky is a codec that cannot encode everything.
type picky struct{ codec.Codec[string] }

func (c picky) Append(dst []byte, v string) ([]byte, error) {
	if v == "unspeakable" {
		return nil, errors.New("cannot be said")
	}
	return c.Codec.Append(dst, v)
}

// What cannot be written is that result's error, under the policy of produce: too large, not encodable, no such topic.
func TestBadOutput(t *testing.T) {
	t.Parallel()
	to := topicOf("out")
	to.Value = picky{codec.String}
	build := func() *stream.Topology {
		topo := stream.New("test")
		in := stream.From(topo, topicOf("in"))
		stream.To(in, to)
		stream.To(operators.Map(in, func(string) string { return "." }), topicOf("others"))
		return topo
	}
	for name, c := range map[string]struct{ value, want string }{
		"too large":   {strings.Repeat("x", 1000), "too large"},
		"unencodable": {"unspeakable", "value: cannot be said"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			send := func(d *streamtest.Driver) string {
				var got []string
				for i, v := range []string{"a", c.value, "b"} {
					streamtest.Input(d, topicOf("in")).Send("k", v, int64(i))
				}
				for _, r := range streamtest.Output(d, topicOf("out")).Read() {
					got = append(got, r.Value)
				}
				for _, r := range streamtest.Output(d, topicOf("others")).Read() {
					got = append(got, r.Value)
				}
				return strings.Join(got, " ")
			}
			var failure error
			opts := streamtest.Options{
				MaxRecordBytes: 900, Expect: func(err error) { failure = err }, Errors: policies(stream.Fail),
			}
			require.Equal(t, "a .", send(streamtest.New(t, build(), opts)))
			require.ErrorContains(t, failure, `record in/0@1: to "out": `)
			require.ErrorContains(t, failure, c.want)

			opts.Expect, opts.Errors = nil, policies(stream.Skip)
			require.Equal(t, "a b . . .", send(streamtest.New(t, build(), opts)), "the record's other results go on")

			opts.MaxRecordBytes, opts.Errors = 1500, policies(stream.DeadLetter)
			if name == "too large" {
				return // the letter would be larger still
			}
			d := streamtest.New(t, build(), opts)
			require.Equal(t, "a b . . .", send(d))
			letters := streamtest.Output(d, dead).Read()
			require.Len(t, letters, 1)
			require.Equal(t, c.value, string(letters[0].Value))
		})
	}
}

// A letter that is too large itself stops the task, with an error that says which record it is.
func TestLetterThatIsTooLarge(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	grown := operators.Map(stream.From(topo, topicOf("in")), func(v string) string { return v + v })
	stream.To(grown, topicOf("out"))
	var failure error
	d := streamtest.New(t, topo, streamtest.Options{
		MaxRecordBytes: 1000, Expect: func(err error) { failure = err }, Errors: policies(stream.DeadLetter),
	})
	streamtest.Input(d, topicOf("in")).Send("k", strings.Repeat("x", 900), 1)
	require.ErrorContains(t, failure, "task 0_0: dead letter for record in/0@0")
	require.ErrorContains(t, failure, "too large")
	streamtest.Input(d, topicOf("in")).Send("k", strings.Repeat("x", 10), 1)
	require.Empty(t, streamtest.Output(d, topicOf("out")).Read())
}

// The last millisecond that there is stands for never: windows end there that have no end.
func TestTimeThatNoRecordCanHave(t *testing.T) {
	t.Parallel()
	plain := stream.Topic[string, string]{Name: "plain", Key: codec.String, Value: codec.String}
	build := map[string]func(topo *stream.Topology){
		"stream": func(topo *stream.Topology) { stream.From(topo, plain) },
		"global": func(topo *stream.Topology) { stream.From(topo, readings); stream.GlobalTableFrom(topo, plain) },
	}
	for name, build := range build {
		topo := stream.New("test")
		build(topo)
		var failure error
		d := streamtest.New(t, topo, streamtest.Options{Expect: func(err error) { failure = err }})
		streamtest.Input(d, plain).Send("k", "v", math.MaxInt64-1)
		require.NoError(t, failure, name)
		streamtest.Input(d, plain).Send("k", "v", math.MaxInt64)
		require.ErrorContains(t, failure, "plain/0@1", name)
		require.ErrorContains(t, failure, "event time is 9223372036854775807 ms", name)
	}
}
