// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"maps"
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

// panesOf are panes that are written as START,END,VALUE and maybe ,f or ,r.
func panesOf(in texts) stream.Stream[string, window.Pane[string]] {
	return stream.Encode(operators.Map(in, paneOf), operators.PaneCodec(codec.String))
}

func paneOf(v string) (p window.Pane[string]) {
	f := strings.Split(v+",", ",")
	p.Span, p.Value = window.Span{Start: int64(number(f[0])), End: int64(number(f[1]))}, f[2]
	p.Final, p.Retracted = f[3] == "f", f[3] == "r"
	return p
}

// bothSides is what a result is made of: "-" for a side without a pane.
func bothSides(a string, hasA bool, b string, hasB bool) string {
	if !hasA {
		a = "-"
	}
	if !hasB {
		b = "-"
	}
	return a + b
}

func leftSide(a, b string, hasB bool) string { return bothSides(a, true, b, hasB) }

// joinedPanes is a join by its name: panes, left-panes or outer-panes.
func joinedPanes(name string, a, b stream.Stream[string, window.Pane[string]], grace time.Duration,
) stream.Stream[string, window.Pane[string]] {
	switch name {
	case "panes":
		return operators.JoinPanes("joined", a, b, grace, concat)
	case "left-panes":
		return operators.LeftJoinPanes("joined", a, b, grace, leftSide)
	}
	return operators.OuterJoinPanes("joined", a, b, grace, bothSides)
}

// pane is a pane of a window of 100 ms that lies around the newest time, one time in five far back.
func (c *climate) pane(_ int) event {
	e := c.inOrder()
	start := max(0, e.at/100-c.Int64N(3)) * 100
	if c.IntN(5) == 0 {
		start = max(0, start-1000)
	}
	e.other = c.IntN(2) == 0
	e.value = fmt.Sprintf("%d,%d,%d,%s", start, start+min(100, window.Forever-start), c.IntN(100),
		[]string{"", "", "f", "r"}[c.IntN(4)])
	return e
}

func TestRandomJoinPanes(t *testing.T) {
	for _, name := range []string{"panes", "left-panes", "outer-panes"} {
		t.Run(name, func(t *testing.T) {
			equivalent(t, scenario{
				build: func(topo *stream.Topology) {
					a, b := panesOf(stream.From(topo, words)), panesOf(stream.From(topo, other))
					stream.To(paneTexts(stream.Encode(joinedPanes(name, a, b, 50*time.Millisecond),
						operators.PaneCodec(codec.String))), lines)
				},
				weather: (*climate).pane,
				oracle:  func(history []event) []string { return paneJoinOracle(name, history, 50) },
			})
		})
	}
}

// paneHistory is what a join of panes keeps of each window: the last events of both sides, none for one that is
// retracted.
type paneHistory struct {
	name  string
	grace int64
	rows  map[string][2]*event // by key and start
	clock int64
}

func paneJoinOracle(name string, history []event, grace int64) (want []string) {
	o := paneHistory{name: name, grace: grace, rows: map[string][2]*event{}, clock: -1}
	for i := range history {
		if e := &history[i]; !e.nullKey {
			want = append(want, o.update(e)...)
			o.clock = max(o.clock, e.at)
			want = append(want, o.close()...)
		}
	}
	return want
}

// result is what a row gives, if it has the sides that are needed.
func (o *paneHistory) result(row [2]*event, final bool) (p window.Pane[string], at int64, ok bool) {
	var texts [2]string
	for i, e := range row {
		if e != nil {
			texts[i], p.Span, at = paneOf(e.value).Value, paneOf(e.value).Span, max(at, e.at)
		}
	}
	p.Value, p.Final = bothSides(texts[0], row[0] != nil, texts[1], row[1] != nil), final
	switch o.name {
	case "panes":
		return p, at, row[0] != nil && row[1] != nil
	case "left-panes":
		return p, at, row[0] != nil
	}
	return p, at, row[0] != nil || row[1] != nil
}

// update gives the new result of e's window, or takes the old one back.
func (o *paneHistory) update(e *event) (want []string) {
	p := paneOf(e.value)
	if p.Span.Closed(o.clock, o.grace) {
		return nil
	}
	k, side := fmt.Sprintf("%s %019d", e.key, p.Span.Start), 0
	if e.other {
		side = 1
	}
	old := o.rows[k]
	row := old
	if row[side] = e; p.Retracted {
		row[side] = nil
	}
	o.rows[k] = row
	if res, at, ok := o.result(row, finalPane(row[0]) && finalPane(row[1])); ok {
		return []string{line(e.key, paneText(res), max(at, e.at))}
	}
	if res, at, ok := o.result(old, false); ok {
		res.Retracted = true
		return []string{line(e.key, paneText(res), at)}
	}
	return nil
}

// close gives the final panes that have stayed alone.
func (o *paneHistory) close() (want []string) {
	for _, k := range slices.Sorted(maps.Keys(o.rows)) {
		row := o.rows[k]
		res, at, ok := o.result(row, true)
		if !res.Span.Closed(o.clock, o.grace) {
			continue
		}
		if alone := (row[0] == nil) != (row[1] == nil); ok && alone && (finalPane(row[0]) || finalPane(row[1])) {
			key, _, _ := strings.Cut(k, " ")
			want = append(want, line(key, paneText(res), at))
		}
		delete(o.rows, k)
	}
	return want
}

func finalPane(e *event) bool { return e != nil && paneOf(e.value).Final }

// Two aggregations of one stream: each record gives one result, and what closes together on both sides meets, however
// far the clock leaps. What is sent at commits comes one side after the other.
func TestPanesOfOneStreamMeet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		emit  window.Emit
		grace time.Duration
		want  string
	}{
		{window.EachUpdate, 0, "k [0,10) 11 @1, k [0,10) 22 @2, k [10,20) 11 @12, k [100,110) 11 @100"},
		{window.OnClose, 0, "k [0,10) 22 final @2, k [10,20) 11 final @12"},
		{window.PerCommit, time.Second, "k [0,10) 1- @1, k [0,10) 11 @1, k [0,10) 21 @2, k [0,10) 22 @2, " +
			"k [10,20) 1- @12, k [10,20) 11 @12, k [100,110) 1- @100, k [100,110) 11 @100"},
	} {
		_, in, out := run(t, streamtest.Options{}, func(in texts) texts {
			count := operators.Fold[string, string]{Add: func(acc, _ string) string { return fmt.Sprint(number(acc) + 1) },
				Codec: codec.String}
			w := window.Tumbling{Size: 10 * ms, Grace: 5 * ms, Emit: c.emit}
			a := operators.AggregateWindows("a", in, w, count).Out
			b := operators.AggregateWindows("b", in, w, count).Out
			return paneTexts(operators.LeftJoinPanes("joined", a, b, c.grace, leftSide))
		})
		for _, at := range []int64{1, 2, 12, 100} {
			in.Send("k", "x", at)
		}
		require.Equal(t, c.want, show(out.Read()), "%v", c.emit)
	}
}

// A stream joined with itself has each pane on both sides.
func TestPanesOfItself(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{}, func(in texts) texts {
		panes := panesOf(in)
		return paneTexts(operators.OuterJoinPanes("joined", panes, panes, 0, bothSides))
	})
	in.Send("k", "0,10,a", 1)
	in.Send("k", "0,10,b,f", 2)
	in.Send("k", "0,10,b,r", 3)
	require.Equal(t, "k [0,10) aa @1, k [0,10) bb final @2, k [0,10) bb retracted @2", show(out.Read()))
}

func TestMistakesInJoinPanes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := panesOf(stream.From(topo, words)), panesOf(stream.From(topo, other))
	operators.JoinPanes("", a, b, 0, concat)
	operators.JoinPanes("grace", a, b, -ms, concat)
	operators.JoinPanes[string, string, string, string]("no function", a, b, 0, nil)
	operators.JoinPanes("no codec", operators.Map(stream.From(topo, words), paneOf), b, 0, concat)
	err := topo.Build()
	for _, want := range []string{
		"it needs a name: the panes are kept", "the grace is -1ms", "there is no function that makes the results",
		"name it with stream.Encode before", "joinpanes_test.go:",
	} {
		require.ErrorContains(t, err, want)
	}
}

// tabulateJoin prints what a join with a grace of 5 ms gives, pane by pane: those of a are written as a KEY PANE @TIME.
func tabulateJoin(name string, panes ...string) {
	topo := stream.New("example")
	a, b := panesOf(stream.From(topo, words)), panesOf(stream.From(topo, other))
	stream.To(stream.Encode(joinedPanes(name, a, b, 5*ms), operators.PaneCodec(codec.String)), panesOut)
	d := streamtest.New(inExample{}, topo)
	left, right, out := streamtest.Input(d, words), streamtest.Input(d, other), streamtest.Output(d, panesOut)
	for _, text := range panes {
		f := strings.Fields(text)
		side := map[string]*streamtest.In[string, string]{"a": left, "b": right}[f[0]]
		side.Send(f[1], f[2], int64(number(f[3][1:])))
		var results []string
		for _, r := range out.Read() {
			results = append(results, line(r.Key, paneText(r.Value), r.Time))
		}
		fmt.Println(strings.TrimSpace(text + " → " + strings.Join(results, ", ")))
	}
}

func ExampleJoinPanes() {
	tabulateJoin("panes", "a k 0,10,1 @3", "b k 0,10,x @5", "a k 0,10,2 @7", "b k 0,10,x,r @5")
	// Output:
	// a k 0,10,1 @3 →
	// b k 0,10,x @5 → k [0,10) 1x @5
	// a k 0,10,2 @7 → k [0,10) 2x @7
	// b k 0,10,x,r @5 → k [0,10) 2x retracted @7
}

func ExampleLeftJoinPanes() {
	tabulateJoin("left-panes", "a k 0,10,1 @3", "b k 0,10,x @5", "a j 0,10,2,f @7", "a k 20,30,4 @25")
	// Output:
	// a k 0,10,1 @3 → k [0,10) 1- @3
	// b k 0,10,x @5 → k [0,10) 1x @5
	// a j 0,10,2,f @7 → j [0,10) 2- @7
	// a k 20,30,4 @25 → k [20,30) 4- @25, j [0,10) 2- final @7
}
