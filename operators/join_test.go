// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// within is a Within of milliseconds.
func within(before, after, grace int) window.Within {
	return window.Within{
		Before: time.Duration(before) * time.Millisecond, After: time.Duration(after) * time.Millisecond,
		Grace: time.Duration(grace) * time.Millisecond,
	}
}

// joinOf is a join of the given kind, whose results are the two values, - for one that is missing.
func joinOf(kind string, a, b texts, w window.Within) texts {
	side := func(v string, has bool) string {
		if !has {
			return "-"
		}
		return v
	}
	switch kind {
	case "inner":
		return operators.Join("join", a, b, w, func(a, b string) string { return a + "+" + b })
	case "left":
		return operators.LeftJoin("join", a, b, w, func(a, b string, ok bool) string { return a + "+" + side(b, ok) })
	}
	return operators.OuterJoin("join", a, b, w, func(a string, hasA bool, b string, hasB bool) string {
		return side(a, hasA) + "+" + side(b, hasB)
	})
}

// sides are the two sides of a join in words: what begins with L goes left, all else right.
func sides(in texts) (left, right texts) {
	return operators.Branch(in, func(v string) bool { return v[0] == 'L' })
}

// A clock that leaps closes thousands of records, more than are taken together; each comes once, in order.
func TestJoinManyCloseTogether(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{CommitEvery: 500, CacheBytes: 10_000}, func(in texts) texts {
		left, right := sides(in)
		return joinOf("outer", left, right, within(50, 10, 0))
	})
	var want []string
	for i := range 1500 {
		key := fmt.Sprintf("k%04d", i)
		v := []string{"L", "R"}[i%2]
		in.Send(key, v, int64(100+i/600))
		want = append(want, fmt.Sprintf("%d %s %s", 100+i/600, map[string]string{"L": "b", "R": "a"}[v], key))
	}
	slices.Sort(want)
	in.Send("last", "R", 1000)
	var got []string
	for _, r := range out.Read() {
		side := "a"
		if r.Value == "L+-" {
			side = "b"
		}
		got = append(got, fmt.Sprintf("%d %s %s", r.Time, side, r.Key))
	}
	require.Equal(t, want, got)
}

// TestRandomJoin compares joins of each kind with a list of all records.
func TestRandomJoin(t *testing.T) {
	t.Parallel()
	windows := []window.Within{
		within(30, 30, 0), within(0, 60, 20), within(80, 5, 40), within(-10, 50, 10), within(50, -10, 30), within(0, 0, 5),
	}
	for _, kind := range []string{"inner", "left", "outer"} {
		for _, self := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/self=%v", kind, self), func(t *testing.T) {
				equivalentFor(t, func(r *rand.Rand) scenario {
					return randomJoin(kind, windows[r.IntN(len(windows))], self)
				})
			})
		}
	}
}

func randomJoin(kind string, w window.Within, self bool) scenario {
	flagged := words
	flagged.NullValues = true
	return scenario{
		build: func(topo *stream.Topology) {
			left, right := sides(stream.From(topo, flagged))
			if self {
				right = left
			}
			stream.To(stream.Encode(joinOf(kind, left, right, w), codec.String), lines)
		},
		weather: func(c *climate, i int) event {
			e := c.event()
			e.value = fmt.Sprintf("%c%d", "LR"[c.IntN(2)], i)
			return c.nullable(e)
		},
		oracle: func(history []event) []string { return streamJoinOracle(kind, w, self, history) },
		group: func(line string) string {
			if strings.HasPrefix(line, "∅") {
				return line
			}
			return ""
		},
	}
}

// streamJoinOracle is the answer of a join: of each side it keeps everything, and whether it waits for a match.
func streamJoinOracle(kind string, w window.Within, self bool, history []event) []string {
	o := joinHistory{kind: kind, w: w, self: self, clock: -1, kept: [2]int64{w.KeptLeft(), w.KeptRight()}}
	if self {
		o.kept[0] = max(o.kept[0], o.kept[1])
		o.kept[1] = o.kept[0]
	}
	for _, e := range history {
		left := strings.HasPrefix(e.value, "L")
		if left {
			o.enter(&joinRecord{event: e})
		}
		if left == self {
			o.enter(&joinRecord{event: e, right: true})
		}
	}
	return o.want
}

type joinHistory struct {
	kind         string
	w            window.Within
	self         bool
	kept, latest [2]int64 // of the left side and the right one
	clock        int64
	all          []*joinRecord
	want         []string
}

type joinRecord struct {
	event
	right, waits bool
}

func (o *joinHistory) enter(r *joinRecord) {
	o.clock = max(o.clock, r.at)
	alone := o.kind == "outer" || o.kind == "left" && !r.right
	if r.null || r.nullKey {
		if r.key = "∅"; !r.null && alone {
			o.single(r)
		}
		return
	}
	due := o.those(func(s *joinRecord) bool { return s.waits && o.closed(s) })
	slices.SortStableFunc(due, func(a, b *joinRecord) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.key, b.key))
	})
	for _, s := range due {
		o.single(s)
	}
	near := o.those(func(s *joinRecord) bool { return s.right != r.right && s.key == r.key && o.near(r, s) })
	slices.SortStableFunc(near, func(a, b *joinRecord) int { return cmp.Compare(a.at, b.at) })
	for _, s := range near {
		s.waits = false
		left, right := r, s
		if r.right {
			left, right = s, r
		}
		o.want = append(o.want, line(r.key, left.value+"+"+right.value, max(r.at, s.at)))
	}
	o.keep(r)
	if r.waits = len(near) == 0 && alone; r.waits && o.closed(r) {
		o.single(r)
	}
}

func (o *joinHistory) keep(r *joinRecord) {
	o.all = append(o.all, r)
	for side := range o.latest {
		if o.self || side == 1 == r.right {
			o.latest[side] = max(o.latest[side], r.at)
		}
	}
}

func rank(r *joinRecord) int {
	if r.right {
		return 0
	}
	return 1
}

func (o *joinHistory) those(are func(*joinRecord) bool) []*joinRecord {
	return slices.DeleteFunc(slices.Clone(o.all), func(r *joinRecord) bool { return !are(r) })
}

func (o *joinHistory) closed(r *joinRecord) bool {
	if r.right {
		return o.clock-r.at > (o.w.Before + o.w.Grace).Milliseconds()
	}
	return o.clock-r.at > (o.w.After + o.w.Grace).Milliseconds()
}

// near says whether s is in the reach of r, and kept.
func (o *joinHistory) near(r, s *joinRecord) bool {
	later, side := s.at-r.at, 1
	if r.right {
		later, side = -later, 0
	}
	return -o.w.Before.Milliseconds() <= later && later <= o.w.After.Milliseconds() && s.at >= o.latest[side]-o.kept[side]
}

func (o *joinHistory) single(r *joinRecord) {
	r.waits = false
	if r.right {
		o.want = append(o.want, line(r.key, "-+"+r.value, r.at))
	} else {
		o.want = append(o.want, line(r.key, r.value+"+-", r.at))
	}
}
