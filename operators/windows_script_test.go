// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// TestWindowScripts runs the files of testdata/windows. A case is an aggregation from topic words to panes and late:
//
//	case KIND size=… advance=… grace=… emit=each|commit|close|every:… fold=text|merged|begun disorder=… idle=…
//
// or, by what verdictOf says, one of until and triggered, or one of the joins that joinedPanes knows. Sizes are
// milliseconds, those of count windows records. The fold text writes the values down, merged does so and can merge,
// begun does so from a dot on.
func TestWindowScripts(t *testing.T) {
	t.Parallel()
	late := rest
	late.Name = "late"
	build := func(tb testing.TB, c *streamtest.Case) *stream.Topology {
		topo := stream.New("test")
		source := words
		source.NullValues, source.Disorder, source.Idle = true, millisOf(tb, c, "disorder"), millisOf(tb, c, "idle")
		begun := merged
		begun.Init = func() string { return "." }
		fold, ok := map[string]operators.Fold[string, string]{
			"text": written, "merged": merged, "begun": begun,
		}[c.Setting("fold", "text")]
		if !ok {
			tb.Fatalf("there is no such fold")
		}
		in := stream.From(topo, source)
		if c.Name == "until" || c.Name == "triggered" {
			stream.To(globalOf(c.Name, in, fold), panesOut)
			return topo
		}
		if strings.HasSuffix(c.Name, "panes") {
			joined := joinedPanes(c.Name, panesOf(in), panesOf(stream.From(topo, other)), millisOf(tb, c, "grace"))
			stream.To(stream.Encode(joined, operators.PaneCodec(codec.String)), panesOut)
			return topo
		}
		res := operators.AggregateWindows("windowed", in, kindOf(tb, c), fold)
		stream.To(res.Out, panesOut)
		stream.To(res.Late, late)
		return topo
	}
	streamtest.Cases(t, "testdata/windows/*.txt", build, streamtest.Options{Now: time.UnixMilli(0)},
		streamtest.Texts(words), streamtest.Texts(other), streamtest.Texts(late), streamtest.TextsAs(panesOut, paneText))
}

// kindOf are the windows of a case.
func kindOf(tb testing.TB, c *streamtest.Case) window.Kind {
	tb.Helper()
	get := func(name string) time.Duration { return millisOf(tb, c, name) }
	emit := emitOf(tb, c)
	switch c.Name {
	case "tumbling":
		return window.Tumbling{Size: get("size"), Offset: get("offset"), Grace: get("grace"), Emit: emit}
	case "hopping":
		return window.Hopping{
			Size: get("size"), Advance: get("advance"), Offset: get("offset"), Grace: get("grace"), Emit: emit,
		}
	case "sliding":
		return window.Sliding{Size: get("size"), Grace: get("grace"), Emit: emit}
	case "session":
		return window.Session{Gap: get("gap"), Grace: get("grace"), Emit: emit}
	case "unlimited":
		return window.Unlimited{From: time.UnixMilli(get("from").Milliseconds()), Emit: emit}
	case "count":
		return window.Count{Size: int(get("size").Milliseconds()), Advance: int(get("advance").Milliseconds()), Emit: emit}
	}
	tb.Fatalf("there are no windows called %q", c.Name)
	return nil
}

func emitOf(tb testing.TB, c *streamtest.Case) window.Emit {
	tb.Helper()
	what, interval, _ := strings.Cut(c.Setting("emit", "each"), ":")
	emit, ok := map[string]window.Emit{
		"each": window.EachUpdate, "commit": window.PerCommit, "close": window.OnClose, "every": 0,
	}[what]
	switch {
	case !ok:
		tb.Fatalf("there is no such emit")
	case what == "every":
		return window.Every(milliseconds(tb, interval))
	}
	return emit
}

func millisOf(tb testing.TB, c *streamtest.Case, setting string) time.Duration {
	tb.Helper()
	return milliseconds(tb, c.Setting(setting, "0"))
}

func milliseconds(tb testing.TB, text string) time.Duration {
	tb.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return time.Duration(n) * time.Millisecond
}

// paneText writes a pane as "[0,10) value final".
func paneText(p window.Pane[string]) string {
	span := "[" + strconv.FormatInt(p.Span.Start, 10) + "," + strconv.FormatInt(p.Span.End, 10) + ") " + p.Value
	switch {
	case p.Final:
		return span + " final"
	case p.Retracted:
		return span + " retracted"
	}
	return span
}
