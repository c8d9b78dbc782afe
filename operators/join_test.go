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

// joined is a step of a test of joins: a record and what it makes come.
type joined struct {
	key, value string
	at         int64
	want       string
}

func testJoin(t *testing.T, kind string, w window.Within, steps []joined) {
	t.Helper()
	for _, crash := range []bool{false, true} {
		d, in, out := run(t, streamtest.Options{CommitEvery: 1}, func(in texts) texts {
			left, right := sides(in)
			return joinOf(kind, left, right, w)
		})
		for i, s := range steps {
			in.SendRecord(&text{Key: s.key, Value: s.value, Time: s.at, NullKey: s.key == "∅"})
			if crash {
				d.Crash(streamtest.AfterCommit)
			}
			require.Equal(t, s.want, show(out.Read()), "%s join, step %d: %v", kind, i, s)
		}
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	testJoin(t, "inner", within(5, 5, 0), []joined{
		{"k", "Lx", 10, ""},
		{"j", "R0", 10, ""},
		{"k", "Ly", 12, ""},
		{"k", "Ly2", 12, ""}, // duplicates are kept
		{"k", "R1", 14, "k Lx+R1 @14, k Ly+R1 @14, k Ly2+R1 @14"},
		{"k", "R2", 5, "k Lx+R2 @10"}, // closed when it comes, and joined with what is kept
		{"k", "R3", 15, "k Lx+R3 @15, k Ly+R3 @15, k Ly2+R3 @15"},
		{"k", "R4", 16, "k Ly+R4 @16, k Ly2+R4 @16"},
		{"∅", "R5", 27, ""}, // dropped, but it moves the clock
		{"k", "L6", 15, ""}, // what it would match is no longer kept
		{"k", "L7", 17, ""},
		{"k", "R8", 22, "k L7+R8 @22"},
	})
}

// The ends of an interval, and negative ones.
func TestJoinIntervals(t *testing.T) {
	t.Parallel()
	testJoin(t, "inner", within(0, 0, 0), []joined{
		{"k", "L", 10, ""}, {"k", "R", 11, ""}, {"k", "L2", 11, "k L2+R @11"},
	})
	testJoin(t, "inner", within(-2, 4, 0), []joined{ // right 2 to 4 after left
		{"k", "L", 10, ""}, {"k", "Ra", 11, ""}, {"k", "Rb", 12, "k L+Rb @12"}, {"k", "Rc", 14, "k L+Rc @14"},
		{"k", "Rd", 15, ""},
	})
	testJoin(t, "inner", within(4, -2, 0), []joined{ // right 4 to 2 before left
		{"k", "R", 10, ""}, {"k", "La", 11, ""}, {"k", "Lb", 12, "k Lb+R @12"}, {"k", "Lc", 14, "k Lc+R @14"},
		{"k", "Ld", 15, ""},
	})
}

func TestLeftJoin(t *testing.T) {
	t.Parallel()
	testJoin(t, "left", within(0, 5, 2), []joined{
		{"k", "Lx", 10, ""},
		{"k", "Ly", 11, ""},
		{"k", "R1", 16, "k Ly+R1 @16"},
		{"k", "R2", 17, ""},
		{"∅", "L0", 18, "∅ L0+- @18"}, // at once, and Lx comes with the next record that has a key
		{"k", "R3", 3, "k Lx+- @10"},
		{"b", "L4", 19, ""},
		{"a", "L5", 19, ""},
		{"a", "L6", 19, ""},
		{"c", "L7", 13, ""},           // out of order, held until its own close
		{"c", "L8", 10, "c L8+- @10"}, // past it: at once
		{"k", "R9", 12, ""},           // Ly is not kept any more
		{"z", "R", 21, "c L7+- @13"},
		{"z", "R", 100, "a L5+- @19, a L6+- @19, b L4+- @19"},
	})
}

func TestOuterJoin(t *testing.T) {
	t.Parallel()
	testJoin(t, "outer", within(5, 5, 0), []joined{
		{"k", "Lx", 10, ""},
		{"j", "R1", 10, ""},
		{"∅", "L0", 11, "∅ L0+- @11"},
		{"∅", "R0", 11, "∅ -+R0 @11"},
		{"k", "R2", 20, "j -+R1 @10, k Lx+- @10"}, // of one time right before left
		{"k", "R3", 14, "k Lx+R3 @14"},            // sent as unmatched, and joined with what is open all the same
		{"k", "Ly", 30, "k -+R2 @20"},
	})
}

// Duplicates wait, and are matched, together.
func TestDuplicatesWait(t *testing.T) {
	t.Parallel()
	testJoin(t, "left", within(0, 5, 20), []joined{
		{"k", "L1", 30, ""},
		{"k", "L2", 30, ""},
		{"k", "L3", 60, "k L1+- @30, k L2+- @30"},
		{"k", "R1", 60, "k L3+R1 @60"},
		{"k", "R1", 200, ""},
	})
}

// The headers of a result are those of the record that triggered it; what the clock makes come has none.
func TestHeadersOfJoins(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{}, func(in texts) texts {
		left, right := sides(in)
		return joinOf("outer", left, right, within(5, 5, 0))
	})
	for i, v := range []string{"L1", "R1", "L2", "R2"} {
		in.SendRecord(&text{
			Key: "k", Value: v, Time: int64(10 + i/2*20 + i/3*20),
			Headers: []stream.Header{{Key: "from", Value: []byte(v)}},
		})
	}
	var got []string
	for _, r := range out.Read() {
		got = append(got, fmt.Sprint(r.Value, " ", len(r.Headers)))
		if len(r.Headers) > 0 {
			got = append(got, string(r.Headers[0].Value))
		}
	}
	require.Equal(t, "L1+R1 1 R1 L2+- 0", strings.Join(got, " "))
}

func TestSelfJoin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w    window.Within
		want string
	}{
		{within(5, 5, 0), "k a+a @10, k b+a @12, k a+b @12, k b+b @12, k c+b @17, k b+c @17, k c+c @17"},
		{within(0, 5, 0), "k a+a @10, k a+b @12, k b+b @12, k b+c @17, k c+c @17"},
		{within(-1, 5, 0), "k a+b @12, k b+c @17"}, // not with itself, as with two stores
	} {
		for _, twice := range []bool{false, true} {
			d, in, out := run(t, streamtest.Options{}, func(in texts) texts {
				again := in
				if twice {
					again = operators.Peek(in, func(*text) {})
				}
				return joinOf("inner", again, in, c.w)
			})
			in.Send("k", "a", 10)
			in.Send("k", "b", 12)
			in.SendRecord(&text{NullKey: true, Value: "x", Time: 13})
			in.Send("k", "c", 17)
			require.Equal(t, c.want, show(out.Read()), "twice: %v", twice)
			drops := uint64(1)
			if twice {
				drops = 2
			}
			require.Equal(t, drops, d.Drops()[streamtest.DropReason{Operator: `join "join"`, Reason: "null key"}])
		}
	}
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
	o := joinHistory{kind: kind, w: w, clock: -1, keptLeft: w.KeptLeft(), keptRight: w.KeptRight()}
	if self {
		o.keptLeft = max(o.keptLeft, o.keptRight)
		o.keptRight = o.keptLeft
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
	kind                string
	w                   window.Within
	keptLeft, keptRight int64
	clock               int64
	all                 []*joinRecord
	want                []string
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
	o.all = append(o.all, r)
	if r.waits = len(near) == 0 && alone; r.waits && o.closed(r) {
		o.single(r)
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
	later, kept := s.at-r.at, o.keptRight
	if r.right {
		later, kept = -later, o.keptLeft
	}
	return -o.w.Before.Milliseconds() <= later && later <= o.w.After.Milliseconds() && s.at >= o.clock-kept
}

func (o *joinHistory) single(r *joinRecord) {
	r.waits = false
	if r.right {
		o.want = append(o.want, line(r.key, "-+"+r.value, r.at))
	} else {
		o.want = append(o.want, line(r.key, r.value+"+-", r.at))
	}
}
