// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// Sides have types and keys of their own; records have their headers, and the function knows where they came from.
func TestSideOutputs(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	lengths := operators.Side[int64, string]{Key: codec.Int64, Value: codec.String}
	places := operators.Side[string, int64]{Key: codec.String, Value: codec.Int64}
	upper := operators.Process("p", stream.From(topo, words), func(p *processor) function {
		length, place := lengths.Open(p.Task), places.Open(p.Task)
		return func(r *text) error {
			length(&stream.Record[int64, string]{Key: int64(len(r.Value)), Value: r.Value, Time: r.Time, Headers: r.Headers})
			topic, partition, offset := p.Position()
			place(&stream.Record[string, int64]{Key: fmt.Sprint(topic, "/", partition), Value: offset, Time: 99})
			upper := text{Key: r.Key, Value: strings.ToUpper(r.Value), Time: r.Time + 1, Headers: []stream.Header{{Key: "h"}}}
			p.EmitRecord(&upper)
			return nil
		}
	}, &lengths, &places)
	stream.To(stream.Encode(upper, codec.String), lines)
	byLength := stream.Topic[int64, string]{Name: "by-length", Key: codec.Int64, Value: codec.String}
	byPlace := stream.Topic[string, int64]{Name: "by-place", Key: codec.String, Value: codec.Int64}
	stream.To(operators.Repartition("lengths", 0, lengths.Stream()), byLength)
	stream.To(places.Stream(), byPlace)
	d := streamtest.New(t, topo)
	headers := []stream.Header{{Key: "from", Value: []byte("test")}}
	streamtest.Input(d, words).SendRecord(&text{Key: "a", Value: "four", Time: 3, Headers: headers})
	got := streamtest.Output(d, byLength).Read()
	require.Equal(t, "4 four @3", show(got))
	require.Equal(t, headers, got[0].Headers)
	require.Equal(t, "words/0 0 @99", show(streamtest.Output(d, byPlace).Read()))
	results := streamtest.Output(d, lines).Read()
	require.Equal(t, "a FOUR @4", show(results))
	require.Equal(t, "h", results[0].Headers[0].Key)
}

func TestMistakesWithSides(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	side := operators.Side[string, string]{Key: codec.String}
	stray := operators.Side[string, string]{Key: codec.String}
	bare := operators.Side[string, string]{}
	build := func(p *processor) function {
		stray.Open(p.Task)
		return func(*text) error { return nil }
	}
	operators.Process("a", in, build, &side, &bare)
	operators.Process("b", in, func(*processor) function { return func(*text) error { return nil } }, &side)
	err := topo.Build()
	require.ErrorContains(t, err, `process "a": it opens a Side that was not given to it`)
	require.ErrorContains(t, err, `process "a": a Side has no Key codec`)
	require.ErrorContains(t, err, `process "b": a Side is given to two operators`)

	var failure error
	late := operators.Side[string, string]{Key: codec.String, Value: codec.String}
	d, words, _ := run(t, streamtest.Options{Expect: func(err error) { failure = err }}, func(in texts) texts {
		return stream.Encode(operators.Process("p", in, func(p *processor) function {
			return func(*text) error { late.Open(p.Task)(&text{}); return nil }
		}, &late), codec.String)
	})
	_ = d
	words.Send("a", "x", 1)
	require.ErrorContains(t, failure, "Side.Open is called while records are processed")
}

// Process leaves keys as they are: what follows is in the same task, with no topic between.
func TestProcessNeverRepartitions(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	same := process(func(p *processor) function { return func(r *text) error { p.Emit(r.Value); return nil } })
	counts := operators.Aggregate("counts", same(stream.From(topo, words)), operators.Count[string]())
	stream.To(operators.Map(operators.ToStream(counts), func(n int64) string { return fmt.Sprint(n) }), lines)
	plan := topo.Describe()
	require.NotContains(t, plan, "repartition")
	require.NotContains(t, plan, "sub-topology 1")
}

func TestOneShotWallTimers(t *testing.T) {
	t.Parallel()
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // of the driver's clock
	d, in, out := run(t, streamtest.Options{}, process(func(p *processor) function {
		p.OnWallTimer(func(at timer) error {
			p.Emit(at.Name)
			if at.Name == "again" {
				p.SetWallTimer(at.Key, "past", begin)
			}
			return nil
		})
		return func(r *text) error {
			var name string
			var after time.Duration
			_, _ = fmt.Sscanf(r.Value[1:], "%s %d", &name, &after)
			if at := begin.Add(after * time.Second); r.Value[0] == '+' {
				p.SetWallTimer(r.Key, name, at)
			} else {
				p.DeleteWallTimer(r.Key, name, at)
			}
			return nil
		}
	}))
	step := func(by time.Duration, want string) {
		t.Helper()
		d.AdvanceWall(by)
		require.Equal(t, want, show(out.Read()))
	}
	in.Send("b", "+x 30", 7)
	in.Send("a", "+y 30", 5) // by time, then key and name; results have the time of the operator's clock
	in.Send("a", "+x 30", 5)
	in.Send("a", "+x 30", 5) // once
	in.Send("a", "+z 20", 5)
	in.Send("a", "+gone 10", 5)
	in.Send("a", "-gone 10", 5)
	step(19*time.Second, "")
	d.Restart()
	step(time.Second, "a z @7")
	d.Crash(streamtest.BeforeCommit)
	step(10*time.Second, "a x @7, a y @7, b x @7")
	in.Send("c", "+again 60", 5)
	in.Send("c", "+old 1", 8) // in the past: the next step
	require.Equal(t, "c old @8", show(out.Read()))
	step(time.Hour, "c again @8")
	step(0, "c past @8")
	step(time.Hour, "")
}

// All partitions get every record, those of one partition of the input in order.
func TestRandomBroadcast(t *testing.T) {
	const partitions = 3
	equivalent(t, scenario{
		build: piped(func(in texts) texts {
			return process(func(p *processor) function {
				return func(r *text) error { p.Emit(fmt.Sprintf("p%d:%s", p.Partition(), r.Value)); return nil }
			})(operators.Broadcast("all", in, partitions))
		}),
		weather: func(c *climate, i int) event {
			e := c.event()
			e.value = fmt.Sprint(i)
			return e
		},
		global: true,
		oracle: func(history []event) (want []string) {
			for p := range partitions {
				for _, e := range history {
					if e.nullKey {
						e.key = "∅"
					}
					want = append(want, line(e.key, fmt.Sprintf("p%d:%s", p, e.value), e.at))
				}
			}
			return want
		},
		group: func(line string) string {
			key, _, _ := strings.Cut(line, ":")
			if strings.HasPrefix(key, "∅") {
				return line // spread over the partitions of the output
			}
			return key
		},
	})
}

// Rules that are broadcast meet the records of every task.
func TestBroadcastRules(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	rules := operators.Broadcast("rules", stream.From(topo, other), 0)
	in := stream.From(topo, words)
	o := stream.NewOp(topo, "apply", "apply")
	rule := stream.PerTask(o, func(*stream.Task) *string { return new(string) })
	out := stream.Out(o, in, codec.String, codec.String)
	stream.In(o, rules, func(t *stream.Task) stream.Next[string, string] {
		rule := rule(t)
		return func(r *text) { *rule = r.Value }
	})
	stream.In(o, in, func(t *stream.Task) stream.Next[string, string] {
		rule, out := rule(t), out.Open(t)
		return func(r *text) { out(&text{Key: r.Key, Value: *rule + r.Value, Time: r.Time}) }
	})
	stream.To(out.Stream, lines)
	d := streamtest.New(t, topo, streamtest.Options{Partitions: 4})
	streamtest.Input(d, other).Send("", "!", 0)
	for p := range int32(4) {
		streamtest.Input(d, words).SendTo(p, &text{Key: fmt.Sprint("k", p), Value: "x", Time: 1})
	}
	for _, r := range streamtest.Output(d, lines).Read() {
		require.Equal(t, "!x", r.Value)
	}
	require.Contains(t, topo.Describe(), "topic test-rules-repartition")
}
