// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// The tests of this file are the places where Kafka Streams, which is the reference, is wrong or surprises, and irmak
// does otherwise on purpose. docs/semantics.md calls them better.

// kindsOf are all kinds of windows, of 10 ms.
func kindsOf(emit window.Emit) map[string]window.Kind {
	return map[string]window.Kind{
		"tumbling": window.Tumbling{Size: 10 * ms, Emit: emit},
		"hopping":  window.Hopping{Size: 10 * ms, Advance: 5 * ms, Emit: emit},
		"sliding":  window.Sliding{Size: 10 * ms, Emit: emit},
		"session":  window.Session{Gap: 10 * ms, Emit: emit},
		"calendar": window.Calendar{Unit: window.Day, Emit: emit},
	}
}

// rigOf is a topology of windows over words that pass null values on; their panes go to lines.
func rigOf(t *testing.T, w window.Kind) *rig {
	t.Helper()
	topo := stream.New("test")
	flagged := words
	flagged.NullValues = true
	res := operators.AggregateWindows("windowed", stream.From(topo, flagged), w, merged)
	stream.To(operators.Map(res.Out, paneText), lines)
	return rigged(t, topo)
}

// In the reference some aggregations drop null values, and others, such as session windows, fold them.
func TestBetterAllAggregationsDropNullValues(t *testing.T) {
	t.Parallel()
	builds := map[string]func(in texts) texts{
		"aggregate": func(in texts) texts { return operators.ToStream(operators.Aggregate("n", in, merged)) },
		"cogroup": func(in texts) texts {
			return operators.ToStream(operators.Cogroup("n", text2, operators.With(in, concat)))
		},
	}
	for name, kind := range kindsOf(window.EachUpdate) {
		builds[name] = func(in texts) texts {
			return operators.Map(operators.AggregateWindows("n", in, kind, merged).Out, paneText)
		}
		builds["cogroup "+name] = func(in texts) texts {
			return operators.Map(operators.CogroupWindows("n", kind, text2, operators.With(in, concat)).Out, paneText)
		}
	}
	for name, build := range builds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topo := stream.New("test")
			flagged := words
			flagged.NullValues = true
			stream.To(stream.Encode(build(stream.From(topo, flagged)), codec.String), lines)
			d := rigged(t, topo)
			require.Empty(t, d.play(words, "a ∅ @20", "a ∅ @5000000000"))
			require.NotEmpty(t, d.play(words, "a x @20"), "they do not move the clock either")
			var reasons []string
			for why, n := range d.Drops() {
				reasons = append(reasons, fmt.Sprint(why.Reason, " ", n))
			}
			require.Equal(t, []string{"null value 2"}, reasons)
		})
	}
}

// The reference's left join with a global table drops records whose selected key is absent, against its documentation.
func TestBetterLeftJoinGlobalKeepsRecordsWithoutASelectedKey(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	looked(topo)
	d := streamtest.New(t, topo)
	streamtest.Input(d, words).Send("a", "no key", 1)
	require.Equal(t, "a left:no key= false @1", show(streamtest.Output(d, lines).Read()))
	require.Equal(t, map[streamtest.DropReason]uint64{{Operator: "join global", Reason: "no key selected"}: 1}, d.Drops())
}

// The reference looks for neighbours that end at clock - gap - grace + 1 or later, but closes them a millisecond later:
// at that instant it makes a second session beside one that still takes records.
func TestBetterSessionAtTheVeryEdgeIsMerged(t *testing.T) {
	t.Parallel()
	for closed, want := range map[string]string{
		"b 2 @35": "a [20,21) 1 retracted @20, a [20,31) 14 @30", // open until the clock is past 20 + 10 + 5
		"b 2 @36": "a [30,31) 4 @30",
	} {
		d := rigOf(t, window.Session{Gap: 10 * ms, Grace: 5 * ms})
		d.play(words, "a 1 @20", closed)
		require.Equal(t, want, d.play(words, "a 4 @30"), closed)
	}
}

// A record may be late for the pane that ends at it, and in time for those of other records. The reference then misses
// it in panes that come to be later, as what it copies them from was closed for it.
func TestBetterSlidingPanesHoldAllThatWasInTime(t *testing.T) {
	t.Parallel()
	d := rigOf(t, window.Sliding{Size: 5 * ms, Grace: 1 * ms})
	d.play(words, "a 1 @113")
	require.Equal(t, "a [108,114) 21 @113, a [110,116) 1 @113", d.play(words, "a 2 @109"))
	require.Equal(t, "a [107,113) 24 @112, a [108,114) 241 @113, a [110,116) 41 @113, a [113,119) 1 @113",
		d.play(words, "a 4 @112"))
}

// The reference looks for closed windows in a stretch of time behind the clock. When one record moves the clock by more
// than that, what was open before it is never emitted.
func TestBetterALeapOfTheClockLosesNoWindow(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"tumbling": "a [20,30) 1 final @20, b [20,30) 2 final @25, a [30,40) 3 final @38",
		"hopping": "a [15,25) 1 final @20, a [20,30) 1 final @20, b [20,30) 2 final @25, b [25,35) 2 final @25, " +
			"a [30,40) 3 final @38, a [35,45) 3 final @38",
		"sliding":  "a [10,21) 1 final @20, b [15,26) 2 final @25, a [28,39) 3 final @38",
		"session":  "a [20,21) 1 final @20, b [25,26) 2 final @25, a [38,39) 3 final @38",
		"calendar": "a [0,86400000) 13 final @38, b [0,86400000) 2 final @25",
	} {
		d := rigOf(t, kindsOf(window.OnClose)[name])
		got := d.play(words, "a 1 @20", "b 2 @25", "a 3 @38")
		d.Crash(streamtest.BeforeCommit)
		require.Equal(t, want, strings.TrimPrefix(got+", "+d.play(words, "z 9 @9000000000000"), ", "), name)
	}
}

// The reference keeps a tombstone for a row that came and went while it was held back, and may send it.
func TestBetterRowsThatCameAndWentLeaveNothing(t *testing.T) {
	t.Parallel()
	d := suppressed(t, operators.Limits{Records: 2})
	require.Empty(t, d.play(words, "a 1 @1", "a ∅ @2", "b 1 @3", "b ∅ @4", "c 1 @5", "d 1 @6"), "they do not count either")
	require.Equal(t, "c ∅→1 @5, d ∅→1 @6, e ∅→1 @0", d.play(words, "z 1 @100", "e 1 @0"))
}

// The reference has a clock for each input of a cogroup: the last record would not be late there.
func TestBetterCogroupHasOneClock(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	a, b := wordsAndLengths(topo)
	res := operators.CogroupWindows("group", window.Tumbling{Size: 10 * ms}, text2, a, b)
	stream.To(operators.Map(res.Out, paneText), lines)
	stream.To(res.Late, rest)
	d := rigged(t, topo)
	require.Equal(t, "k [0,10) +1 @1", d.play(other, "k 1 @1"))
	require.Equal(t, "k [0,10) +1x @2, k [10,20) y @12", d.play(words, "k x @2", "k y @12"))
	require.Empty(t, d.play(other, "k 12345 @3"))
	require.Equal(t, "k +5 @3", show(streamtest.Output(d.Driver, rest).Read()))
}

// The reference sends a record without a match at once when it comes out of order, although its match may still come.
func TestBetterOutOfOrderRecordsWaitUntilTheirOwnClose(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"left", "outer"} {
		topo := stream.New("test")
		in := stream.From(topo, words)
		stream.To(stream.Encode(joinOf(kind, in, stream.From(topo, other), within(0, 5, 10)), codec.String), lines)
		d := rigged(t, topo)
		require.Empty(t, d.play(words, "a x @30", "b y @20", "c z @20"))
		require.Equal(t, "b y+1 @22", d.play(other, "b 1 @22"), "its match")
		require.Empty(t, d.play(words, "q w @35"))
		require.Equal(t, "c z+- @20", d.play(words, "q w @36"), "its close: after 20 + 5 + 10")
	}
}

// The reference sends a tombstone for each delete of a row, also where the join had none, and so for one delete several
// times over.
func TestBetterTableJoinsSendNoRedundantDeletes(t *testing.T) {
	t.Parallel()
	for name, j := range joins {
		topo := stream.New("test")
		stream.To(operators.ToStream(stream.EncodeTable(j.join(stream.TableFrom(topo, words), stream.TableFrom(topo, other)),
			codec.String)), lines)
		d := rigged(t, topo)
		require.Empty(t, d.play(words, "k ∅ @1", "k ∅ @2")+d.play(other, "k ∅ @3"), name)
		require.NotEmpty(t, d.play(words, "k 1 @4")+d.play(other, "k x @5"), name)
		require.Contains(t, d.play(words, "k ∅ @6")+d.play(other, "k ∅ @7"), "∅", name)
		require.Empty(t, d.play(words, "k ∅ @8", "k ∅ @9")+d.play(other, "k ∅ @10"), name)
	}
	topo := stream.New("test")
	stream.To(operators.ToStream(stream.EncodeTable(foreign(stream.TableFrom(topo, words), stream.TableFrom(topo, other)),
		codec.String)), lines)
	d := rigged(t, topo)
	require.Empty(t, d.play(words, "x a1 @1", "x ∅ @2", "x ∅ @3")+d.play(other, "a A @4", "a ∅ @5"), "foreign")
}

// In the reference a join over one table, on two ways, gives one result of the new row and the old one, which never
// was, and then the right one.
func TestBetterJoinChainsGiveOneResultForEachUpdate(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	x := stream.TableFrom(topo, words)
	chain := operators.JoinTables(operators.JoinTables(upper(x), x, plus), operators.JoinTables(x, upper(x), plus), plus)
	stream.To(arrows(chain), lines)
	d := rigged(t, topo)
	require.Equal(t, "k ∅→<1>11<1> @1, k <1>11<1>→<2>22<2> @2", d.play(words, "k 1 @1", "k 2 @2"))
	d.Crash(streamtest.AfterCommit)
	require.Equal(t, "k <2>22<2>→∅ @3", d.play(words, "k ∅ @3"))
}

// The reference passes a delete on for a row that the table does not have.
func TestBetterTablesDoNotDeleteWhatIsNotThere(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	stream.To(operators.ToStream(stream.TableFrom(topo, words)), lines)
	d := rigged(t, topo)
	require.Empty(t, d.play(words, "a ∅ @1"))
	require.Equal(t, "a x @2, a ∅ @3", d.play(words, "a x @2", "a ∅ @3", "a ∅ @4"))
}
