// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

func TestWindowMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w    window.Kind
		fold operators.Fold[string, string]
		want string
	}{
		"no windows": {nil, written, "it has no windows"},
		"no size":    {window.Tumbling{}, written, "window.Tumbling.Size is 0s: must be at least 1ms"},
		"gaps": {
			window.Hopping{Size: time.Second, Advance: time.Minute}, written, "longer than the Size",
		},
		"negative grace": {
			window.Sliding{Size: time.Second, Grace: -1}, written, "Grace is -1ns: must not be negative",
		},
		"never":              {window.Unlimited{Emit: window.OnClose}, written, "the window never closes"},
		"more than the size": {window.Count{Size: 2, Advance: 5}, written, "Advance is 5, more than the Size of 2"},
		"no add": {
			window.Tumbling{Size: time.Second}, operators.Fold[string, string]{Codec: codec.String}, "no Add",
		},
		"no codec": {
			window.Tumbling{Size: time.Second}, operators.Fold[string, string]{Add: concat}, "no Codec",
		},
		"sessions that cannot merge": {window.Session{Gap: time.Second}, written, "the fold needs a Merge function"},
		"strange kind":               {strangeKind{}, written, "it cannot aggregate over a operators_test.strangeKind"},
		"a pointer":                  {&window.Sliding{Size: time.Second}, written, "the value, not a pointer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			operators.AggregateWindows("windowed", stream.From(topo, words), c.w, c.fold)
			err := topo.Build()
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "windows_test.go:")
			require.ErrorContains(t, err, `aggregate windows "windowed"`)
		})
	}
	t.Run("no name, or one twice", func(t *testing.T) {
		t.Parallel()
		topo := stream.New("test")
		in := stream.From(topo, words)
		operators.AggregateWindows("", in, window.Tumbling{Size: time.Second}, written)
		require.ErrorContains(t, topo.Build(), "it needs a name")
		topo = stream.New("test")
		in = stream.From(topo, words)
		operators.AggregateWindows("same", in, window.Tumbling{Size: time.Second}, written)
		operators.AggregateWindows("same", in, window.Tumbling{Size: time.Minute}, written)
		require.ErrorContains(t, topo.Build(), `"same"`)
	})
}

type strangeKind struct{}

func (strangeKind) Validate() error       { return nil }
func (strangeKind) Linger() int64         { return 0 }
func (strangeKind) Emission() window.Emit { return window.EachUpdate }

// A window that closes has failures of its own: other windows are sent, and the record that moved the clock counts.
func TestPaneThatFailsFailsAlone(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]window.Kind{
		"tumbling": window.Tumbling{Size: 10 * time.Millisecond, Emit: window.OnClose},
		"hopping":  window.Hopping{Size: 10 * time.Millisecond, Advance: 5 * time.Millisecond, Emit: window.OnClose},
		"sliding":  window.Sliding{Size: 10 * time.Millisecond, Emit: window.OnClose},
		"session":  window.Session{Gap: 10 * time.Millisecond, Emit: window.OnClose},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			res := operators.AggregateWindows("windowed", stream.From(topo, words), w, merged)
			good := operators.Map(res.Out, func(p window.Pane[string]) string {
				if strings.Contains(p.Value, "bad") {
					panic("bad pane")
				}
				return p.Value
			})
			stream.To(good, lines)
			opts := streamtest.Options{Errors: stream.Policies{Process: stream.Policy{Action: stream.Skip}}}
			d := streamtest.New(t, topo, opts)
			in, out := streamtest.Input(d, words), streamtest.Output(d, lines)
			in.Send("a", "1", 20)
			in.Send("b", "bad", 20)
			in.Send("c", "3", 20)
			require.Empty(t, out.Read())
			in.Send("a", "4", 100)
			got := out.Read()
			require.NotEmpty(t, got)
			keys := map[string]bool{}
			for _, r := range got {
				keys[r.Key] = true
			}
			require.Equal(t, map[string]bool{"a": true, "c": true}, keys)
			in.Send("a", "5", 1000)
			require.Contains(t, show(out.Read()), "a 4 @100")
		})
	}
}

// A fold that fails leaves nothing behind that a record could be added to.
func TestFoldThatFailsInWindows(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]window.Kind{
		"tumbling": window.Tumbling{Size: 100 * time.Millisecond},
		"hopping":  window.Hopping{Size: 100 * time.Millisecond, Advance: 50 * time.Millisecond},
		"sliding":  window.Sliding{Size: 100 * time.Millisecond},
		"session":  window.Session{Gap: 100 * time.Millisecond},
	} {
		for _, merges := range []bool{true, false} {
			if name == "session" && !merges {
				continue
			}
			t.Run(fmt.Sprint(name, merges), func(t *testing.T) {
				t.Parallel()
				fold := operators.Fold[string, string]{Init: func() string { return "0" }, Codec: codec.String}
				fold.Add = func(acc, v string) string {
					if v == "bad" {
						panic("bad value")
					}
					return acc + v
				}
				if merges {
					fold.Merge = func(a, b string) string { return a + b[1:] }
				}
				topo := stream.New("test")
				res := operators.AggregateWindows("windowed", stream.From(topo, words), w, fold)
				stream.To(res.Out, panesOut)
				d := streamtest.New(t, topo, streamtest.Options{
					Errors: stream.Policies{Process: stream.Policy{Action: stream.Skip}},
				})
				in, out := streamtest.Input(d, words), streamtest.Output(d, panesOut)
				in.Send("a", "bad", 10)
				in.Send("a", "1", 10)
				in.Send("a", "bad", 10)
				in.Send("a", "2", 10)
				require.Equal(t, []string{"01", "012"}, paneValues(out.Read()))
			})
		}
	}
}

func paneValues(panes []streamtest.Record[string, window.Pane[string]]) (values []string) {
	for _, p := range panes {
		values = append(values, p.Value.Value)
	}
	return values
}

// list is an accumulator whose functions change it in place, and hand on whichever argument is less work.
type list struct{ values []string }

// counts leaves values out, so that there are empty accumulators.
func counts(v string) bool { return v != "0" && v != "3" && v != "6" }

var inPlace = operators.Fold[string, *list]{
	Init: func() *list { return &list{} },
	Add: func(l *list, v string) *list {
		if counts(v) {
			l.values = append(l.values, v)
		}
		return l
	},
	Merge: func(a, b *list) *list {
		if len(a.values) == 0 {
			return b
		}
		a.values = append(a.values, b.values...)
		return a
	},
	Codec: codec.Func(
		func(dst []byte, l *list) ([]byte, error) { return append(dst, strings.Join(l.values, ",")...), nil },
		func(src []byte) (*list, error) {
			if len(src) == 0 {
				return &list{}, nil
			}
			return &list{strings.Split(string(src), ",")}, nil
		}),
}

// Accumulators that are changed in place give the same as those that are values.
func TestAccumulatorsInPlace(t *testing.T) {
	t.Parallel()
	join := func(acc, v string) string { return strings.Trim(acc+","+v, ",") }
	textual := operators.Fold[string, string]{Codec: codec.String, Add: func(acc, v string) string {
		if counts(v) {
			return join(acc, v)
		}
		return acc
	}}
	textualMerge := textual
	textualMerge.Merge = join
	own := inPlace
	own.Merge = nil
	for _, emit := range []window.Emit{
		window.EachUpdate, window.PerCommit, window.OnClose, window.Every(3 * time.Millisecond),
	} {
		for _, w := range []window.Kind{
			window.Tumbling{Size: 10 * time.Millisecond, Grace: 20 * time.Millisecond, Emit: emit},
			window.Hopping{Size: 10 * time.Millisecond, Advance: 3 * time.Millisecond, Grace: 20 * time.Millisecond, Emit: emit},
			window.Sliding{Size: 10 * time.Millisecond, Grace: 20 * time.Millisecond, Emit: emit},
		} {
			t.Run(fmt.Sprintf("%T %v", w, emit), func(t *testing.T) {
				t.Parallel()
				require.Equal(t, collectPanes(t, w, textual, itselfText), collectPanes(t, w, own, (*list).String), "without merge")
				require.Equal(t, collectPanes(t, w, textualMerge, itselfText), collectPanes(t, w, inPlace, (*list).String), "merge")
			})
		}
	}
	for _, emit := range []window.Emit{
		window.EachUpdate, window.PerCommit, window.OnClose, window.Every(3 * time.Millisecond),
	} {
		w := window.Session{Gap: 5 * time.Millisecond, Grace: 20 * time.Millisecond, Emit: emit}
		require.Equal(t, collectPanes(t, w, textualMerge, itselfText), collectPanes(t, w, inPlace, (*list).String), emit)
	}
}

func itselfText(v string) string { return v }

// String is what the codec writes.
func (l *list) String() string { return strings.Join(l.values, ",") }

func collectPanes[A any](
	t *testing.T, w window.Kind, fold operators.Fold[string, A], say func(A) string,
) (got []string) {
	t.Helper()
	topo := stream.New("test")
	res := operators.AggregateWindows("windowed", stream.From(topo, words), w, fold)
	operators.Peek(res.Out, func(r *stream.Record[string, window.Pane[A]]) {
		got = append(got, fmt.Sprint(r.Key, r.Value.Span, say(r.Value.Value), r.Value.Final, r.Value.Retracted))
	})
	d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 4})
	for i, at := range []int64{3, 7, 5, 12, 11, 25, 19, 26, 7, 40, 38, 41, 500} {
		streamtest.Input(d, words).Send([]string{"a", "b"}[i%5/3], fmt.Sprint(i), at)
	}
	return got
}

// Panes can be keyed anew without further ado.
func TestPanesPassThroughATopic(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{}, func(in stream.Stream[string, string]) stream.Stream[string, string] {
		res := operators.AggregateWindows("windowed", in, window.Tumbling{Size: 10 * time.Millisecond}, written)
		byStart := operators.KeyBy("by-start", res.Out, codec.Int64, func(p window.Pane[string]) int64 {
			return p.Span.Start
		})
		all := operators.AggregateWindows("again", byStart, window.Unlimited{}, operators.Count[window.Pane[string]]())
		back := operators.KeyBy("back", all.Out, codec.String, func(p window.Pane[int64]) string { return "all" })
		return operators.Map(back, func(p window.Pane[int64]) string { return fmt.Sprint(p.Value) })
	})
	for i, key := range []string{"a", "b", "a"} {
		in.Send(key, "x", int64(6*i))
	}
	require.Equal(t, "all 1 @0, all 2 @6, all 1 @12", show(out.Read()))
}

func TestPaneCodec(t *testing.T) {
	t.Parallel()
	c := operators.PaneCodec(codec.String)
	for _, p := range []window.Pane[string]{
		{Span: window.Span{Start: 0, End: 1}},
		{Span: window.Span{Start: 5, End: math.MaxInt64}, Value: "x", Final: true},
		{Span: window.Span{Start: 5, End: 9}, Value: "é", Retracted: true},
	} {
		enc, err := c.Append([]byte("before"), p)
		require.NoError(t, err)
		got, err := c.Decode(enc[len("before"):])
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
	good, err := c.Append(nil, window.Pane[string]{Span: window.Span{Start: 3, End: 4}})
	require.NoError(t, err)
	for _, bad := range [][]byte{nil, good[:16], slices.Replace(slices.Clone(good), 16, 17, 4),
		slices.Replace(slices.Clone(good), 0, 1, 0x80), slices.Replace(slices.Clone(good), 15, 16, 3)} {
		_, err := c.Decode(bad)
		require.Error(t, err, "% x", bad)
	}
}

// What has closed takes no room: neither in the cache nor in the database.
func TestWindowsForget(t *testing.T) {
	t.Parallel()
	for _, emit := range []window.Emit{window.EachUpdate, window.PerCommit, window.OnClose, window.Every(7 * ms)} {
		for _, w := range []window.Kind{
			window.Tumbling{Size: 10 * ms, Grace: 5 * ms, Emit: emit},
			window.Hopping{Size: 20 * ms, Advance: 3 * ms, Grace: 5 * ms, Emit: emit},
			window.Sliding{Size: 10 * ms, Grace: 5 * ms, Emit: emit},
			window.Session{Gap: 2 * ms, Grace: 5 * ms, Emit: emit},
		} {
			for _, fold := range []operators.Fold[string, string]{written, merged} {
				_, session := w.(window.Session)
				if session && fold.Merge == nil {
					continue
				}
				t.Run(fmt.Sprintf("%T %v %v", w, emit, fold.Merge != nil), func(t *testing.T) {
					t.Parallel()
					topo := stream.New("test")
					operators.AggregateWindows("windowed", stream.From(topo, words), w, fold)
					db := memory.New()
					d := streamtest.New(t, topo, streamtest.Options{CommitEvery: 10, CheckpointInterval: ms, DB: db})
					in := streamtest.Input(d, words)
					most := 0
					for i := range 3000 {
						in.Send(fmt.Sprint(i%3), "x", int64(i)) // a session of its own each
						if i%100 == 0 {
							d.AdvanceWall(time.Second)
							most = max(most, rowsIn(t, db))
						}
					}
					require.Less(t, most, 200)
				})
			}
		}
	}
}

// rowsIn counts what a database holds.
func rowsIn(t *testing.T, db state.DB) (n int) {
	t.Helper()
	it, err := db.Scan(nil, nil)
	require.NoError(t, err)
	for it.Next() {
		n++
	}
	require.NoError(t, it.Err())
	require.NoError(t, it.Close())
	return n
}
