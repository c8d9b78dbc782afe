// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// The folds of the library in windows that share slices or become one: against their values in the order of the slices,
// or of the sessions, then of arrival. Without Merge each window has all in the order of arrival.
func TestRandomFoldsInWindows(t *testing.T) {
	folds := map[string]foldCase{
		"avg": avgCase(), "top": topCase(), "distinct": distinctCase(), "approx": approxCase(),
		"quantiles": quantilesCase(), "collect": collectCase(), "both": bothCase(),
	}
	maps.Copy(folds, bestCases)
	t.Parallel()
	seeds(func(seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := drawWindows(r, [...]drawKind{drawHopping, drawSliding, drawSession}[r.IntN(3)])
		c.name = slices.Sorted(maps.Keys(folds))[r.IntN(len(folds))]
		fold := folds[c.name]
		c.fold, c.cogroup = &fold, false
		c.run(t, r, seed)
	})
}

// foldedInWindows gives the panes of a fold over hundredths, see inHundred, as text.
func foldedInWindows[A any](fold operators.Fold[string, A], show func(A) string) func(
	in texts, kind window.Kind, merges bool) (stream.Stream[string, window.Pane[string]], texts) {
	return func(in texts, kind window.Kind, merges bool) (stream.Stream[string, window.Pane[string]], texts) {
		fold := operators.Over(inHundred, fold)
		if !merges {
			fold.Merge = nil
		}
		res := operators.AggregateWindows("windowed", in, kind, fold)
		shown := operators.Map(res.Out, func(p window.Pane[A]) window.Pane[string] {
			return window.Pane[string]{Span: p.Span, Value: show(p.Value), Final: p.Final, Retracted: p.Retracted}
		})
		return stream.Encode(shown, operators.PaneCodec(codec.String)), res.Late
	}
}

// inHundred is the value of a windowEvent, "17.", as a number below 100.
func inHundred(v string) string { return fmt.Sprint(number(strings.TrimSuffix(v, ".")) % 100) }

// say makes of the values in panes what the fold makes of them.
func (c *windowCase) say(updates []update) {
	for i := range updates {
		if c.fold == nil {
			return
		}
		var values []string
		for v := range strings.SplitSeq(strings.TrimSuffix(updates[i].pane.Value, "."), ".") {
			values = append(values, inHundred(v))
		}
		updates[i].pane.Value = c.fold.say(values)
	}
}
