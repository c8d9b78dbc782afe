// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
)

// counting counts the values of a key since it was last without any for 100 ms.
func counting(ttl state.TTL) func(p *processor) function {
	return func(p *processor) function {
		counts := state.Map[string, int64]{Name: "counts", Key: codec.String, Value: codec.Int64, TTL: ttl}.Open(p)
		return func(r *text) error {
			n, _ := counts.Upsert(r.Key)
			*n++
			p.Emit(fmt.Sprint(*n))
			return nil
		}
	}
}

// A row lives for the time to live after its last write, on the clock of the operator, through restarts and crashes.
func TestRandomTTL(t *testing.T) {
	equivalent(t, scenario{
		build:   piped(process(counting(state.TTL{After: 100 * time.Millisecond}))),
		weather: anyEvent,
		oracle: func(history []event) (want []string) {
			n, written, clock := map[string]int{}, map[string]int64{}, int64(0)
			for _, e := range history {
				key := e.key
				if e.nullKey {
					key = ""
				}
				if clock = max(clock, e.at); clock-100 >= written[key] {
					n[key] = 0
				}
				n[key]++
				written[key] = clock
				count := n[key]
				if e.nullKey {
					key = "∅"
				}
				want = append(want, line(key, count, e.at))
			}
			return want
		},
	})
}

// By the wall rows die without input too, and are deleted.
func TestTTLByTheWall(t *testing.T) {
	t.Parallel()
	db := memory.New()
	d, in, out := run(t, streamtest.Options{DB: db}, process(counting(state.TTL{After: time.Minute, Wall: true})))
	in.Send("a", "x", 1)
	d.AdvanceWall(30 * time.Second)
	in.Send("b", "x", 1)
	in.Send("a", "x", 1)
	d.Restart()
	d.AdvanceWall(time.Minute - time.Millisecond)
	in.Send("a", "x", 1)
	d.AdvanceWall(time.Millisecond)
	in.Send("b", "x", 1)
	require.Equal(t, "a 1 @1, b 1 @1, a 2 @1, a 3 @1, b 1 @1", show(out.Read()))

	d.AdvanceWall(time.Hour)
	d.Restart() // everything is written
	it, err := db.Scan([]byte{0, 0, 0, 1}, nil)
	require.NoError(t, err)
	require.False(t, it.Next(), "no row is left: %x", it.Key())
	require.NoError(t, it.Close())
}

func TestTTLMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	process(counting(state.TTL{After: -1}))(in)
	o := stream.NewOp(topo, "mine", "own")
	build := func(t *stream.Task, out stream.Next[string, string]) stream.Next[string, string] {
		state.Map[string, string]{
			Name: "rows", Key: codec.String, Value: codec.String, TTL: state.TTL{After: time.Hour},
		}.Open(t)
		return out
	}
	stream.To(stream.Attach(o, in, codec.String, build), lines)
	err := topo.Build()
	require.ErrorContains(t, err, `process "p": store "counts": its TTL is -1ns; at least a millisecond`)
	require.ErrorContains(t, err, `mine "own": store "rows" has a TTL by the operator's clock, but the operator has none`)
}
