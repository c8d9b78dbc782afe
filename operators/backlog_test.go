// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// What a leap of the clock makes come is given out in parts, with commits and crashes between them. The whole output,
// across keys, is the same as in one part: where operators that do so feed each other, where one record becomes
// several, and where an operator hears of a record by two ways.
func TestRandomBacklogs(t *testing.T) {
	t.Parallel()
	twice := func(in texts) texts {
		return operators.FlatMap(in, func(v string) iter.Seq[string] { return slices.Values([]string{v, v + "'"}) })
	}
	const ms = time.Millisecond
	tumbling := window.Tumbling{Size: 10 * ms, Grace: 3 * ms, Emit: window.OnClose}
	hopping := window.Hopping{Size: 20 * ms, Advance: 4 * ms, Emit: window.OnClose}
	sessions := window.Session{Gap: 3 * ms, Grace: 5 * ms, Emit: window.OnClose}
	sliding := window.Sliding{Size: 10 * ms, Emit: window.OnClose}
	for name, build := range map[string]func(in texts) texts{
		"left":            func(in texts) texts { return pairs("left", in) },
		"outer":           func(in texts) texts { return pairs("outer", in) },
		"outer, twice":    func(in texts) texts { return pairs("outer", twice(in)) },
		"self":            func(in texts) texts { return joinOf("outer", in, in, within(-1, 10, 3)) },
		"chain":           func(in texts) texts { return heldBack("held", pairs("outer", in)) },
		"chain of three":  func(in texts) texts { return ringing(heldBack("held", twice(pairs("left", in)))) },
		"timers":          ringing,
		"timers, chained": func(in texts) texts { return heldBack("held", ringing(twice(in))) },
		"grace": func(in texts) texts {
			return heldBack("held", withGrace(in, false, 9*time.Millisecond, time.Hour))
		},
		"diamond":     func(in texts) texts { return heldBack("held", operators.Merge(ringing(in), in)) },
		"tumbling":    func(in texts) texts { return countedIn(in, tumbling) },
		"hopping":     func(in texts) texts { return countedIn(in, hopping) },
		"sessions":    func(in texts) texts { return countedIn(in, sessions) },
		"sliding":     func(in texts) texts { return heldBack("held", countedIn(in, sliding)) },
		"two of them": func(in texts) texts { return countedIn(countedIn(twice(in), tumbling), hopping) },
		"panes": func(in texts) texts {
			panes := operators.AggregateWindows("panes", in, window.Tumbling{Size: 10 * time.Millisecond},
				operators.Count[string]()).Out
			held := operators.SuppressUntilClose("until", panes, 5*time.Millisecond, operators.Limits{})
			return heldBack("held", operators.Map(held, func(p window.Pane[int64]) string { return fmt.Sprint(p) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seeds(func(seed uint64) {
				r := rand.New(rand.NewPCG(seed, 0))
				opts := drawOptions(r)
				opts.Partitions = 1
				steps := drawSteps(r, leaping)
				disturb(r, steps)
				require.Equal(t, linesOf(t, streamtest.Options{}, calmly(steps), build), linesOf(t, opts, steps, build),
					"seed %d", seed)
			})
		})
	}
}

// pairs joins the two sides in a stream.
func pairs(kind string, in texts) texts {
	left, right := sides(in)
	return joinOf(kind, stream.Encode(left, codec.String), stream.Encode(right, codec.String), within(5, 10, 3))
}

// heldBack holds back what is newest of each key.
func heldBack(name string, in texts) texts {
	table := operators.ToTable(name+"-rows", in, codec.String)
	held := operators.Suppress(name, table, 20*time.Millisecond, operators.Limits{Records: 30})
	return operators.Map(operators.ToStream(held), func(v string) string { return v })
}

// countedIn counts the records in windows.
func countedIn(in texts, w window.Kind) texts {
	panes := operators.AggregateWindows(fmt.Sprintf("%T", w), in, w, operators.Count[string]()).Out
	return operators.Map(panes, func(p window.Pane[int64]) string { return fmt.Sprint(p) })
}

// ringing sets a timer for each record, which sets another one for its own time, and that one for later.
func ringing(in texts) texts {
	return operators.Process("ring", in, func(p *processor) function {
		last := state.Map[string, string]{Name: "last", Key: codec.String, Value: codec.String}.Open(p)
		p.OnTimer(func(at timer) error {
			v, _ := last.Get(at.Key)
			p.Emit(at.Name + ":" + v)
			if len(at.Name) < 3 {
				p.SetTimer(at.Key, at.Name+"+", at.At+int64(len(at.Name)-1)*7)
			}
			return nil
		})
		return func(r *text) error {
			last.Put(r.Key, r.Value)
			if !r.NullKey {
				p.SetTimer(r.Key, "t", r.Time+int64(len(r.Value))*3)
			}
			return nil
		}
	})
}

// leaping makes the i-th event of a history whose clock stands for a while and then leaps.
func leaping(c *climate, i int) event {
	if i == 0 {
		c.now = 1000
	} else if c.IntN(25) == 0 {
		c.now += 200
	}
	e := event{key: string(rune('a' + c.IntN(12))), value: []string{"L", "R"}[c.IntN(2)] + fmt.Sprint(i), at: c.now}
	if e.at += c.Int64N(20) - 10*int64(c.IntN(2)); e.at < 0 {
		e.at = 0
	}
	if e.nullKey = c.IntN(40) == 0; c.IntN(3) == 0 {
		e.header = fmt.Sprint("h", i)
	}
	return e
}

// disturb has something happen after most leaps, when much is due.
func disturb(r *rand.Rand, steps []step) {
	c := newClimate(r, len(steps))
	for i := range steps {
		for n := 0; i > 0 && steps[i].event.at > steps[i-1].event.at+100 && steps[i].move.do == nil && n < 10; n++ {
			steps[i].move = c.move()
		}
	}
}

func calmly(steps []step) (calm []step) {
	for _, s := range steps {
		s, _ = s.calm()
		calm = append(calm, s)
	}
	return calm
}

// linesOf runs a history, without what moves the wall, and gives all results in order.
func linesOf(t *testing.T, opts streamtest.Options, steps []step, build func(texts) texts) string {
	t.Helper()
	d, _, out := run(t, opts, build)
	for _, s := range steps {
		s.event.send(d, 1)
		if s.move.do != nil && s.move.wall == 0 {
			s.move.do(d)
		}
	}
	var b strings.Builder
	for _, rec := range out.Read() {
		fmt.Fprintln(&b, show([]streamtest.Record[string, string]{rec}), headers(rec.Headers))
	}
	return b.String()
}
