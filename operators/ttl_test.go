// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"maps"
	"slices"
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

// mortal counts the values of a key in rows that die, and says what it sees: of a value that ends in 0 all rows, in 1
// its own, which in 2 it deletes.
func mortal(ttl state.TTL) func(p *processor) function {
	rows := state.Map[string, int64]{Name: "rows", Key: codec.String, Value: codec.Int64, TTL: ttl}
	return func(p *processor) function {
		rows := rows.Open(p)
		return func(r *text) error {
			switch r.Value[len(r.Value)-1] {
			case '0':
				seen := "all"
				rows.Scan(func(k string, n *int64) bool {
					seen += fmt.Sprint(" ", k, "=", *n)
					return true
				})
				p.Emit(seen)
			case '1':
				n, ok := rows.Get(r.Key)
				p.Emit(fmt.Sprint(n, ok, rows.Has(r.Key)))
			case '2':
				p.Emit(fmt.Sprint("deleted ", rows.Delete(r.Key)))
			default:
				n, _ := rows.Upsert(r.Key)
				*n++
				p.Emit(fmt.Sprint(*n))
			}
			return nil
		}
	}
}

// A row lives for the time to live after its last write, on the clock of the operator or on the wall, through restarts
// and crashes, and is not seen after that, however it is looked for.
func TestRandomTTL(t *testing.T) {
	for name, ttl := range map[string]state.TTL{
		"clock": {After: 100 * time.Millisecond},
		"wall":  {After: time.Second, Wall: true},
	} {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build: piped(process(mortal(ttl))),
				moves: true,
				weather: func(c *climate, _ int) event {
					e := c.event()
					e.nullKey = false
					return e
				},
				oracle: func(history []event) []string { return mortalOracle(history, ttl) },
			})
		})
	}
}

func mortalOracle(history []event, ttl state.TTL) (want []string) {
	n, written, clock := map[string]int64{}, map[string]int64{}, int64(0)
	for _, e := range history {
		if ttl.Wall {
			clock += e.wall
		} else {
			clock = max(clock, e.at)
		}
		dead := clock - ttl.After.Milliseconds()
		maps.DeleteFunc(n, func(k string, _ int64) bool { return dead >= written[k] })
		own, ok := n[e.key]
		say := fmt.Sprint(own, ok, ok)
		switch digit := e.value[max(0, len(e.value)-1):]; digit {
		case "":
			continue // a move
		case "0":
			say = "all"
			for _, k := range slices.Sorted(maps.Keys(n)) {
				say += fmt.Sprint(" ", k, "=", n[k])
			}
		case "1":
		case "2":
			say = fmt.Sprint("deleted ", ok)
			delete(n, e.key)
		default:
			n[e.key], written[e.key], say = own+1, clock, fmt.Sprint(own+1)
		}
		want = append(want, line(e.key, say, e.at))
	}
	return want
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
