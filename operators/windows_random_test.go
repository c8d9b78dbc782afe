// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math"
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

var panesOut = stream.Topic[string, window.Pane[string]]{
	Name: "panes", Key: codec.String, Value: operators.PaneCodec(codec.String),
}

// randomWindows compares an aggregation over windows that draw gives with the oracle, on random input and settings: see
// equivalent. Besides the traits of a climate there are keys that are the beginning of others.
func randomWindows(t *testing.T, draw drawKind) {
	t.Helper()
	t.Parallel()
	seeds(func(seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := drawWindows(r, draw)
		c.run(t, r, seed)
	})
}

type drawKind = func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind

func millis(r *rand.Rand, from, to int64) time.Duration {
	return time.Duration(from+r.Int64N(to-from+1)) * time.Millisecond
}

func TestRandomTumbling(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		return window.Tumbling{Size: millis(r, 1, 20), Offset: millis(r, -9, 9), Grace: grace, Emit: emit}
	})
}

func TestRandomHopping(t *testing.T) { randomWindows(t, drawHopping) }
func TestRandomSliding(t *testing.T) { randomWindows(t, drawSliding) }
func TestRandomSession(t *testing.T) { randomWindows(t, drawSession) }

func drawHopping(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
	size := millis(r, 1, 30)
	advance := millis(r, max(1, size.Milliseconds()/8), size.Milliseconds())
	return window.Hopping{Size: size, Advance: advance, Offset: millis(r, 0, 5), Grace: grace, Emit: emit}
}

func drawSliding(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
	return window.Sliding{Size: millis(r, 1, 20), Grace: grace, Emit: emit}
}

func drawSession(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
	return window.Session{Gap: millis(r, 1, 12), Grace: grace, Emit: emit}
}

func TestRandomCalendar(t *testing.T) {
	randomWindows(t, func(r *rand.Rand, emit window.Emit, grace time.Duration) window.Kind {
		in := time.FixedZone("east", 6400-r.IntN(2)) // days begin where some climates do, or a second later
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

// windowCase is an aggregation over windows.
type windowCase struct {
	oracle  windowOracle
	cogroup bool        // of two streams, which are one when they are brought together again
	fold    *foldCase   // instead of concat, if any
	name    string      // of fold
	held    window.Kind // the windows with EachUpdate, of which SuppressUntilClose shall make what OnClose gives
}

// windowRun is one random input under random settings.
type windowRun struct {
	windowCase
	t       *testing.T
	d       *streamtest.Driver
	panes   *streamtest.Out[string, window.Pane[string]]
	late    *streamtest.Out[string, string]
	history map[int32][]event
	got     map[int32][]string // panes
	gotLate map[int32][]string
	commits map[int32][]int // how many records of a partition each commit has seen in all
	rounds  map[int32][][]string
}

func (c windowCase) run(t *testing.T, r *rand.Rand, seed uint64) {
	t.Helper()
	opts := drawOptions(r)
	opts.CommitEvery = math.MaxInt // a commit only where one is looked at
	steps := drawSteps(r, windowEvent)
	minimal(t, seed, opts, steps, func(t *testing.T, steps []step) {
		t.Helper()
		c.play(t, opts, steps)
	})
}

func drawWindows(r *rand.Rand, draw drawKind) (c windowCase) {
	emits := []window.Emit{window.EachUpdate, window.PerCommit, window.OnClose, window.Every(millis(r, 1, 30))}
	grace := time.Duration(0)
	if r.IntN(3) > 0 {
		grace = millis(r, 0, 20)
	}
	again := r.Uint64()
	kind := func(e window.Emit) window.Kind { return draw(rand.New(rand.NewPCG(again, 0)), e, grace) }
	c.oracle = windowOracle{w: kind(emits[r.IntN(len(emits))]), merges: r.IntN(2) == 0}
	if _, ok := c.oracle.w.(window.Session); ok {
		c.oracle.merges = true
	}
	c.cogroup = r.IntN(5) == 0
	switch c.oracle.w.(type) {
	case window.Count, shifts: // full windows come at once; records in no window have no pane that moves the clock
	default:
		if c.oracle.w.Emission() == window.OnClose && r.IntN(3) == 0 {
			c.held = kind(window.EachUpdate)
		}
	}
	if r.IntN(4) == 0 {
		c.oracle.disorder = 1 + r.Int64N(10)
	}
	return c
}

func (c windowCase) build(topo *stream.Topology) {
	source := words
	source.NullValues = true
	source.Disorder = time.Duration(c.oracle.disorder) * time.Millisecond
	fold := written
	if c.oracle.merges {
		fold = merged
	}
	in, kind := stream.From(topo, source), c.oracle.w
	if c.held != nil {
		kind = c.held
	}
	var panes stream.Stream[string, window.Pane[string]]
	switch {
	case c.fold != nil:
		var late texts
		panes, late = c.fold.windows(in, kind, c.oracle.merges)
		stream.To(late, rest)
	case c.cogroup:
		even, odd := operators.Branch(in, func(v string) bool { return len(v)%2 == 0 })
		bytes := operators.Map(odd, func(v string) []byte { return []byte(v) })
		group := operators.Group[string]{Merge: fold.Merge, Codec: fold.Codec}
		res := operators.CogroupWindows("windowed", kind, group, operators.With(even, concat),
			operators.With(bytes, func(acc string, v []byte) string { return acc + string(v) }))
		stream.To(res.Late, rest)
		panes = res.Out
	default:
		res := operators.AggregateWindows("windowed", in, kind, fold)
		stream.To(res.Late, rest)
		panes = res.Out
	}
	if c.held != nil {
		grace := time.Duration(c.held.Linger()) * time.Millisecond
		panes = operators.SuppressUntilClose("held", panes, grace, operators.Limits{})
	}
	stream.To(panes, panesOut)
}

// windowEvent is the weather of windows. What is dropped for a null lies before the others sometimes: it must not move
// the clock.
func windowEvent(c *climate, i int) event {
	e := c.nullable(c.event())
	e.key = []string{"a", "b", "ab", "a\x00", ""}[c.IntN(min(c.keys, 5))]
	if e.value = fmt.Sprint(i, "."); e.null || e.nullKey {
		e.at = min(e.at, latest-100) + c.Int64N(100)
	}
	return e
}

func (c windowCase) play(t *testing.T, opts streamtest.Options, steps []step) {
	t.Helper()
	topo := stream.New("test")
	c.build(topo)
	d := streamtest.New(t, topo, opts)
	w := &windowRun{
		windowCase: c, t: t, d: d, panes: streamtest.Output(d, panesOut), late: streamtest.Output(d, rest),
		history: map[int32][]event{}, got: map[int32][]string{}, gotLate: map[int32][]string{},
		commits: map[int32][]int{}, rounds: map[int32][][]string{},
	}
	for _, s := range steps {
		s.event.header = strings.TrimSuffix(s.event.value, ".")
		p := s.event.send(d, opts.Partitions)
		w.history[p] = append(w.history[p], s.event)
		if s.move.do == nil {
			continue
		}
		if s.move.do(d); s.move.commits {
			w.committed(opts.Partitions)
		}
	}
	d.Commit()
	w.committed(opts.Partitions)
	for p := range opts.Partitions {
		w.compare(p)
	}
}

// committed takes what a commit has made visible.
func (w *windowRun) committed(partitions int32) {
	w.t.Helper()
	round := map[int32][]string{}
	for _, r := range w.panes.Committed() {
		u := update{key: r.Key, pane: r.Value, at: r.Time}
		text := u.String()
		for _, h := range r.Headers {
			if w.held != nil {
				break // they are the last update's, and OnClose gives none
			}
			text += " #" + string(h.Value)
		}
		round[r.Partition] = append(round[r.Partition], text)
	}
	for p := range partitions {
		w.got[p] = append(w.got[p], round[p]...)
		w.rounds[p] = append(w.rounds[p], round[p])
		w.commits[p] = append(w.commits[p], len(w.history[p]))
	}
	for _, r := range w.late.Committed() {
		w.gotLate[r.Partition] = append(w.gotLate[r.Partition], r.Value)
	}
}

func (w *windowRun) compare(p int32) {
	w.t.Helper()
	history := w.history[p]
	say := fmt.Sprintf("%T%+v, fold %q, cogroup %v, held %v, partition %d", w.oracle.w, w.oracle, w.name, w.cogroup,
		w.held != nil, p)
	if count, ok := w.oracle.w.(window.Count); ok {
		w.compareCounts(p, count, say)
		return
	}
	clocks := append([]int64{math.MinInt64}, w.oracle.clocks(history)...)
	updates, late := w.oracle.updates(history)
	closed := w.oracle.onClose(updates, math.MinInt64, clocks[len(clocks)-1])
	session, isSession := w.oracle.w.(window.Session)
	if isSession {
		updates, late, closed = w.oracle.sessions(session, history)
		closed = w.oracle.closedSessions(closed, clocks[len(clocks)-1])
	}
	w.say(updates)
	w.say(closed)
	var wantLate []string
	for _, i := range late {
		wantLate = append(wantLate, history[i].value)
	}
	require.Equal(w.t, wantLate, w.gotLate[p], "late records; %s", say)
	var want []update
	switch e := w.oracle.w.Emission(); {
	case isSession && e == window.PerCommit:
		w.compareSessionsPerCommit(p, updates, say)
		return
	case isSession && e.Interval() > 0:
		want = w.oracle.everySession(session, history, updates)
	case e == window.PerCommit:
		w.comparePerCommit(p, updates, say)
		return
	case e == window.OnClose:
		want = closed
	case e.Interval() > 0:
		want = w.oracle.every(history, updates, e.Interval())
	default:
		w.compareUpdates(p, updates, say)
		return
	}
	require.Equal(w.t, updateTexts(want), w.got[p], say)
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
		want = append(want, u.String()+" #"+w.history[p][u.i].header)
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
