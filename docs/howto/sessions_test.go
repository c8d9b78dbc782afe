// SPDX-License-Identifier: Apache-2.0

package howto

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// Sitting is how long somebody read, and how much.
type Sitting struct {
	Lasted time.Duration
	Pages  int
}

var (
	pageviews = stream.Topic[string, string]{ // by reader
		Name: "pageviews", Key: codec.String, Value: codec.String, Disorder: time.Minute,
	}
	sittings   = stream.Topic[string, Sitting]{Name: "sittings", Key: codec.String, Value: codec.JSON[Sitting]()}
	afterwards = stream.Topic[string, string]{Name: "afterwards", Key: codec.String, Value: codec.String}
)

func reading(t *stream.Topology) {
	w := window.Session{Gap: 30 * time.Minute, Emit: window.OnClose}
	read := operators.AggregateWindows("sittings", stream.From(t, pageviews), w, operators.Distinct(page, codec.String))
	stream.To(operators.Map(read.Out, sitting), sittings)
	stream.To(read.Late, afterwards)
}

func page(view string) string { return view }

func sitting(pane window.Pane[operators.Tally[string]]) Sitting {
	return Sitting{Lasted: time.Duration(pane.Span.Len()-1) * time.Millisecond, Pages: pane.Value.Len()}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	topology := stream.New("reading")
	reading(topology)
	d := streamtest.New(t, topology, streamtest.Options{})
	in, out, late := streamtest.Input(d, pageviews), streamtest.Output(d, sittings), streamtest.Output(d, afterwards)
	view := func(reader, page string, minute int) {
		in.Send(reader, page, noon.Add(time.Duration(minute)*time.Minute).UnixMilli())
	}
	view("ann", "/a", 0)
	view("ann", "/b", 30) // just in time
	view("ann", "/a", 35)
	view("bob", "/a", 66) // 35 and the gap, but not the disorder
	require.Empty(t, out.Read())
	view("ann", "/c", 67)
	got := out.Read()
	require.Len(t, got, 1)
	require.Equal(t, Sitting{Lasted: 35 * time.Minute, Pages: 2}, got[0].Value)
	view("ann", "/d", 3)
	require.Equal(t, "/d", late.Read()[0].Value)
}

func readingUntilLogout(t *stream.Topology) {
	logout := func(_ operators.Tally[string], r *stream.Record[string, string]) bool { return r.Value == "/logout" }
	read := operators.AggregateUntil("sittings", stream.From(t, pageviews), operators.Distinct(page, codec.String), logout)
	stream.To(operators.Map(read, sitting), sittings)
}

func TestSessionsUntilLogout(t *testing.T) {
	t.Parallel()
	topology := stream.New("reading")
	readingUntilLogout(topology)
	d := streamtest.New(t, topology, streamtest.Options{})
	in, out := streamtest.Input(d, pageviews), streamtest.Output(d, sittings)
	in.Send("ann", "/a", noon.UnixMilli())
	in.Send("ann", "/logout", noon.Add(3*time.Hour).UnixMilli())
	in.Send("ann", "/a", noon.Add(4*time.Hour).UnixMilli())
	got := out.Read()
	require.Len(t, got, 1)
	require.Equal(t, Sitting{Lasted: 3 * time.Hour, Pages: 2}, got[0].Value)
}
