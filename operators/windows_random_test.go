// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

var panesOut = stream.Topic[string, window.Pane[string]]{
	Name: "panes", Key: codec.String, Value: operators.PaneCodec(codec.String),
}

const randomInputs = 1000 // per kind of window

// randomWindows compares an aggregation over windows that draw gives with the oracle, on random input and settings.
func randomWindows(t *testing.T, draw func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind) {
	t.Helper()
	t.Parallel()
	if *seedFlag != 0 {
		newWindowRun(t, *seedFlag, draw).run()
		return
	}
	inputs := randomInputs
	if testing.Short() {
		inputs /= 10
	}
	for range inputs {
		newWindowRun(t, rand.Uint64(), draw).run()
	}
}

func millis(r *rand.Rand, from, to int64) time.Duration {
	return time.Duration(from+r.Int64N(to-from+1)) * time.Millisecond
}

func TestRandomTumbling(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		return window.Tumbling{Size: millis(r, 1, 20), Offset: millis(r, -9, 9), Grace: grace, Emit: emit}
	})
}

func TestRandomHopping(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		size := millis(r, 1, 30)
		advance := millis(r, max(1, size.Milliseconds()/8), size.Milliseconds())
		return window.Hopping{Size: size, Advance: advance, Offset: millis(r, 0, 5), Grace: grace, Emit: emit}
	})
}

func TestRandomSliding(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		return window.Sliding{Size: millis(r, 1, 20), Grace: grace, Emit: emit}
	})
}

func TestRandomSession(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		return window.Session{Gap: millis(r, 1, 12), Grace: grace, Emit: emit}
	})
}

func TestRandomCalendar(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		in := time.FixedZone("east", 86400-1000-r.IntN(2)) // days begin near a time that times gives
		return window.Calendar{Unit: window.Day, In: in, Grace: grace, Emit: emit}
	})
}

// A kind of a program's own, with gaps, one that does not tell its slices.
func TestRandomOwnKind(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		every := 1 + r.Int64N(20)
		return shifts{every: every, long: 1 + r.Int64N(every), grace: grace.Milliseconds(), emit: emit}
	})
}

// shifts begin at each multiple of every and are long shorter or as long.
type shifts struct {
	every, long, grace int64
	emit               window.Emit
}

func (s shifts) Validate() error       { return nil }
func (s shifts) Linger() int64         { return s.grace }
func (s shifts) Emission() window.Emit { return s.emit }
func (s shifts) Longest() time.Duration {
	return time.Duration(s.long) * time.Millisecond
}

func (s shifts) Spans(dst []window.Span, t int64) []window.Span {
	if start := t - t%s.every; t-start < s.long {
		dst = append(dst, window.Span{Start: start, End: start + min(s.long, math.MaxInt64-start)})
	}
	return dst
}

// windowRun is one random input under random settings.
type windowRun struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	oracle  windowOracle
	cogroup bool // of two streams, which are one when they are brought together again
	opts    streamtest.Options
	d       *streamtest.Driver
	in      *streamtest.In[string, string]
	panes   *streamtest.Out[string, window.Pane[string]]
	late    *streamtest.Out[string, string]
	history map[int32][]arrival
	got     map[int32][]string // panes
	gotLate map[int32][]string
	commits map[int32][]int // how many records of a partition each commit has seen in all
	rounds  map[int32][][]string
}

func newWindowRun(t *testing.T, seed uint64,
	draw func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind) *windowRun {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	emits := []window.Emit{window.EachUpdate, window.PerCommit, window.OnClose, window.Every(millis(r, 1, 30))}
	grace := time.Duration(0)
	if r.IntN(3) > 0 {
		grace = millis(r, 0, 20)
	}
	w := &windowRun{
		t: t, seed: seed, rnd: r, history: map[int32][]arrival{}, got: map[int32][]string{},
		gotLate: map[int32][]string{}, commits: map[int32][]int{}, rounds: map[int32][][]string{},
		oracle: windowOracle{w: draw(r, emits[r.IntN(len(emits))], grace), merges: r.IntN(2) == 0},
	}
	if _, ok := w.oracle.w.(window.Session); ok {
		w.oracle.merges = true
	}
	w.cogroup = r.IntN(5) == 0
	if r.IntN(4) == 0 {
		w.oracle.disorder = 1 + r.Int64N(10)
	}
	w.opts = streamtest.Options{
		Partitions: 1 + r.Int32N(3), CommitEvery: math.MaxInt, BatchRecords: 1 + r.IntN(50),
		CacheBytes: 300 << r.IntN(12), CheckpointInterval: time.Millisecond << r.IntN(14),
	}
	return w
}

func (w *windowRun) build() {
	topo := stream.New("test")
	source := words
	source.NullValues = true
	source.Disorder = time.Duration(w.oracle.disorder) * time.Millisecond
	fold := written
	if w.oracle.merges {
		fold = merged
	}
	in := stream.From(topo, source)
	if w.cogroup {
		even, odd := operators.Branch(in, func(v string) bool { return len(v)%2 == 0 })
		bytes := operators.Map(odd, func(v string) []byte { return []byte(v) })
		group := operators.Group[string]{Merge: fold.Merge, Codec: fold.Codec}
		res := operators.CogroupWindows("windowed", w.oracle.w, group, operators.With(even, concat),
			operators.With(bytes, func(acc string, v []byte) string { return acc + string(v) }))
		stream.To(res.Out, panesOut)
		stream.To(res.Late, rest)
	} else {
		res := operators.AggregateWindows("windowed", in, w.oracle.w, fold)
		stream.To(res.Out, panesOut)
		stream.To(res.Late, rest)
	}
	w.d = streamtest.New(w.t, topo, w.opts)
	w.in = streamtest.Input(w.d, source)
	w.panes, w.late = streamtest.Output(w.d, panesOut), streamtest.Output(w.d, rest)
}

func (w *windowRun) run() {
	w.t.Helper()
	w.build()
	next := w.times()
	for i := range 20 + w.rnd.IntN(100) {
		w.send(i, next())
		switch w.rnd.IntN(30) {
		case 0:
			w.d.Restart()
			w.committed()
		case 1, 2:
			step := streamtest.Step(w.rnd.IntN(streamtest.Steps))
			if w.d.Crash(step); step >= streamtest.AfterCommit {
				w.committed()
			}
		case 3:
			w.d.Rebalance()
			w.committed()
		case 4, 5, 6:
			w.d.AdvanceWall(time.Duration(w.rnd.IntN(2000)) * time.Millisecond)
			w.committed()
		}
	}
	w.d.Commit()
	w.committed()
	w.compare()
}

// times gives record times that wander: disorder, ties, leaps over many windows; near 0, in the middle, near the end.
func (w *windowRun) times() func() int64 {
	r := w.rnd
	low := []int64{0, 0, 1_000_003, math.MaxInt64 - 3000}[r.IntN(4)]
	now := low + r.Int64N(40)
	step, back := 1+r.Int64N(8), 1+r.Int64N(40)
	return func() int64 {
		switch r.IntN(12) {
		case 0, 1:
		case 2, 3:
			return max(now-r.Int64N(back), low)
		case 4:
			if r.IntN(6) == 0 {
				now += r.Int64N(500)
			}
		default:
			now += r.Int64N(step)
		}
		now = min(now, math.MaxInt64-1)
		return now
	}
}

func (w *windowRun) send(i int, at int64) {
	w.t.Helper()
	keys := []string{"a", "b", "ab", "a\x00", ""}
	e := arrival{key: keys[w.rnd.IntN(len(keys))], value: fmt.Sprint(i, "."), at: at}
	switch w.rnd.IntN(25) {
	case 0:
		e.nullKey = true
		e.at += w.rnd.Int64N(100) // must not move the clock
	case 1:
		e.null = true
		e.at += w.rnd.Int64N(100)
	}
	if e.at = min(e.at, math.MaxInt64-1); e.at < 0 {
		e.at = math.MaxInt64 - 1
	}
	if e.nullKey {
		e.key = ""
	}
	rec := &stream.Record[string, string]{
		Key: e.key, Value: e.value, Time: e.at, NullKey: e.nullKey, NullValue: e.null,
		Headers: []stream.Header{{Key: "i", Value: strconv.AppendInt(nil, int64(i), 10)}},
	}
	var p int32
	if !e.nullKey {
		p = kafka.PartitionFor([]byte(e.key), w.opts.Partitions)
	}
	w.history[p] = append(w.history[p], e)
	w.in.SendRecord(rec)
}

// committed takes what a commit has made visible.
func (w *windowRun) committed() {
	w.t.Helper()
	round := map[int32][]string{}
	for _, r := range w.panes.Committed() {
		u := update{key: r.Key, pane: r.Value, at: r.Time}
		text := u.String()
		for _, h := range r.Headers {
			text += " #" + string(h.Value)
		}
		round[r.Partition] = append(round[r.Partition], text)
	}
	for p := range w.opts.Partitions {
		w.got[p] = append(w.got[p], round[p]...)
		w.rounds[p] = append(w.rounds[p], round[p])
		w.commits[p] = append(w.commits[p], len(w.history[p]))
	}
	for _, r := range w.late.Committed() {
		w.gotLate[r.Partition] = append(w.gotLate[r.Partition], r.Value)
	}
}

func (w *windowRun) compare() {
	w.t.Helper()
	for p := range w.opts.Partitions {
		history := w.history[p]
		if count, ok := w.oracle.w.(window.Count); ok {
			w.compareCounts(p, count, fmt.Sprintf("%+v, partition %d of %d, history %+v; repeat with -seed %d", w.oracle, p,
				w.opts.Partitions, history, w.seed))
			continue
		}
		clocks := append([]int64{math.MinInt64}, w.oracle.clocks(history)...)
		updates, late := w.oracle.updates(history)
		closed := w.oracle.onClose(updates, math.MinInt64, clocks[len(clocks)-1])
		if session, ok := w.oracle.w.(window.Session); ok {
			updates, late, closed = w.oracle.sessions(session, history)
			closed = w.oracle.closedSessions(closed, clocks[len(clocks)-1])
		}
		var wantLate []string
		for _, i := range late {
			wantLate = append(wantLate, history[i].value)
		}
		say := fmt.Sprintf("%T%+v, partition %d of %d, history %+v; repeat with -seed %d",
			w.oracle.w, w.oracle, p, w.opts.Partitions, history, w.seed)
		require.Equal(w.t, wantLate, w.gotLate[p], "late records; %s", say)
		var want []update
		session, isSession := w.oracle.w.(window.Session)
		switch e := w.oracle.w.Emission(); {
		case isSession && e == window.PerCommit:
			w.compareSessionsPerCommit(p, updates, say)
			continue
		case isSession && e.Interval() > 0:
			want = w.oracle.everySession(session, history, updates)
		case e == window.PerCommit:
			w.comparePerCommit(p, updates, say)
			continue
		case e == window.OnClose:
			want = closed
		case e.Interval() > 0:
			want = w.oracle.every(history, updates, e.Interval())
		default:
			w.compareUpdates(p, updates, say)
			continue
		}
		require.Equal(w.t, updateTexts(want), w.got[p], say)
	}
}

func updateTexts(updates []update) (out []string) {
	for _, u := range updates {
		out = append(out, u.String())
	}
	return out
}

// compareUpdates: every update, with the headers of its record.
func (w *windowRun) compareUpdates(p int32, updates []update, say string) {
	w.t.Helper()
	var want []string
	for _, u := range updates {
		i := strings.TrimSuffix(w.history[p][u.i].value, ".")
		want = append(want, u.String()+" #"+i)
	}
	require.Equal(w.t, want, w.got[p], say)
}

// comparePerCommit: at each commit, the newest of what its records changed.
func (w *windowRun) comparePerCommit(p int32, updates []update, say string) {
	w.t.Helper()
	seen := 0
	for c, upTo := range w.commits[p] {
		var now []update
		for ; seen < len(updates) && updates[seen].i < upTo; seen++ {
			now = append(now, updates[seen])
		}
		want, got := updateTexts(newestOf(now)), slices.Clone(w.rounds[p][c])
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(w.t, want, got, "commit %d, at %d records; %s", c, upTo, say)
	}
}
