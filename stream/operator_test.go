// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Debounced are the results of Debounce.
type Debounced[K comparable, V any] struct {
	Settled  stream.Stream[K, V] // a key's last value, once it has not changed for a while
	Replaced stream.Stream[K, V] // the values that did not last
}

// Debounce is an operator as a user would write it, of what package stream exports. It has a store, timers, a
// clock, two outputs, and a second input that makes keys settle at once.
func Debounce[K comparable, V, X any](name string, in stream.Stream[K, V], now stream.Stream[K, X],
	quiet time.Duration) Debounced[K, V] {
	o := stream.NewOp(in.Topology(), "debounce", name)
	o.Match()
	if quiet <= 0 {
		o.Mistake("quiet is %v; it must be positive", quiet)
	}
	both := stream.Joined(in, now)
	settled := stream.Out(o, both, in.KeyCodec(), in.ValueCodec())
	replaced := stream.Out(o, in, in.KeyCodec(), in.ValueCodec())
	open := stream.PerTask(o, func(t *stream.Task) *debounce[K, V] {
		d := &debounce[K, V]{
			task: t, label: o.Label(), quiet: quiet.Milliseconds(),
			settled: settled.Open(t), replaced: replaced.Open(t),
			last:   stream.OpenRows(t, name, in.KeyCodec(), in.ValueCodec()),
			timers: state.Timers[K]{Name: name + "-due", Key: in.KeyCodec()}.Open(t),
		}
		d.clock = t.Clock(both.Idle(), d.moved)
		return d
	})
	stream.In(o, in, func(t *stream.Task) stream.Next[K, V] { return open(t).change })
	stream.In(o, now, func(t *stream.Task) stream.Next[K, X] {
		d := open(t)
		return func(r *stream.Record[K, X]) {
			d.settle(r.Key, r.Time)
			d.clock.Advance(r.Time)
			d.moved()
		}
	})
	return Debounced[K, V]{settled.Stream, replaced.Stream}
}

type debounce[K comparable, V any] struct {
	task              *stream.Task
	label             string
	quiet             int64
	clock             *stream.Clock
	settled, replaced stream.Next[K, V]
	last              *stream.Rows[K, V]
	timers            *state.TimerStore[K]
}

func (d *debounce[K, V]) change(r *stream.Record[K, V]) {
	if r.NullKey {
		d.task.Drop(d.label, "null key")
		return
	}
	if old, at, ok := d.last.Get(r.Key); ok {
		d.timers.Delete(at+d.quiet, r.Key, "")
		d.replaced(&stream.Record[K, V]{Key: r.Key, Value: old, Time: at})
	}
	if any(r.Value) == any("bad") {
		d.task.Fail(d.label, errors.New("bad value"))
		return
	}
	d.last.Put(r.Key, r.Value, r.Time)
	d.timers.Set(r.Time+d.quiet, r.Key, "")
	d.clock.Advance(r.Time)
	d.moved()
}

// moved settles what has been quiet for long enough.
func (d *debounce[K, V]) moved() {
	for {
		at, key, _, ok := d.timers.First()
		if !ok || at > d.clock.Now() {
			return
		}
		if !d.task.Between(func() { d.settle(key, at) }) {
			return
		}
	}
}

func (d *debounce[K, V]) settle(key K, now int64) {
	if v, at, ok := d.last.Get(key); ok {
		d.last.Delete(key)
		d.timers.Delete(at+d.quiet, key, "")
		d.settled(&stream.Record[K, V]{Key: key, Value: v, Time: now})
	}
}

func TestAnOperatorOfOnesOwn(t *testing.T) {
	t.Parallel()
	build := func(quiet time.Duration) *stream.Topology {
		topo := stream.New("test")
		in := stream.From(topo.Scope("eu"), topicOf("in"))
		d := Debounce("calm", in, stream.From(topo, topicOf("now")), quiet)
		stream.To(d.Settled, topicOf("settled"))
		stream.To(d.Replaced, topicOf("replaced"))
		return topo
	}
	say := func(records []streamtest.Record[string, string]) string {
		var s []string
		for _, r := range records {
			s = append(s, fmt.Sprintf("%s=%s@%d", r.Key, r.Value, r.Time))
		}
		return strings.Join(s, " ")
	}
	for name, restart := range map[string]func(d *streamtest.Driver){
		"nothing": func(*streamtest.Driver) {},
		"restart": (*streamtest.Driver).Restart,
		"crash":   func(d *streamtest.Driver) { d.Crash(streamtest.BeforeCommit) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := streamtest.New(t, build(10*time.Millisecond), streamtest.Options{
				CommitEvery: 3, Errors: stream.Policies{Process: stream.Policy{Action: stream.Skip}},
			})
			in, now := streamtest.Input(d, topicOf("in")), streamtest.Input(d, topicOf("now"))
			for i, v := range []string{"a1 1", "a2 5", "b3 9", "a4 14", "bbad 15", "b5 16", "c6 30"} {
				var at int64
				_, err := fmt.Sscanf(v[2:], "%d", &at)
				if strings.Contains(v, "bad") {
					at, err = 15, nil
				}
				require.NoError(t, err)
				value, _, _ := strings.Cut(v[1:], " ")
				in.Send(v[:1], value, at)
				if i%2 == 0 {
					restart(d)
				}
			}
			in.SendRecord(&stream.Record[string, string]{Value: "x", NullKey: true})
			restart(d)
			now.Send("c", "", 31)
			require.Equal(t, "a=4@24 b=5@26 c=6@31", say(streamtest.Output(d, topicOf("settled")).Read()))
			require.Equal(t, "a=1@1 a=2@5 b=3@9 b=3@9", say(streamtest.Output(d, topicOf("replaced")).Read()))
			require.Contains(t, d.Drops(), streamtest.DropReason{Operator: `debounce "eu-calm"`, Reason: "null key"})
			require.Contains(t, d.Drops(), streamtest.DropReason{Operator: `debounce "eu-calm"`, Reason: "process error"})
		})
	}
	require.Contains(t, build(1e9).Describe(), `debounce "eu-calm"  [store eu-calm, eu-calm-due]`)
	require.ErrorContains(t, build(0).Build(), `: debounce "eu-calm": quiet is 0s`)
}
