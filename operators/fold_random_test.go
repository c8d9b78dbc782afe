// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// foldCase is a fold, and what say makes of all values of a key, in the order in which they came.
type foldCase struct {
	build   func(texts) texts
	windows func(in texts, kind window.Kind, merges bool) (panes stream.Stream[string, window.Pane[string]], late texts)
	say     func(values []string) string
}

func foldOf[A any](fold operators.Fold[string, A], show func(A) string, say func(values []string) string) foldCase {
	return foldCase{folded(fold, show), foldedInWindows(fold, show), say}
}

// equivalentFold compares a fold update by update.
func equivalentFold(t *testing.T, c foldCase) {
	t.Helper()
	equivalent(t, scenario{
		build:   piped(c.build),
		weather: anyEvent,
		oracle: func(history []event) (want []string) {
			values, at := map[string][]string{}, map[string]int64{}
			for _, e := range history {
				if !e.nullKey {
					values[e.key] = append(values[e.key], e.value)
					at[e.key] = max(at[e.key], e.at)
					want = append(want, line(e.key, c.say(values[e.key]), at[e.key]))
				}
			}
			return want
		},
	})
}

// commas is a list as one text.
func commas(values []string) string { return strings.Join(values, ",") }

func reducedText(r operators.Reduced[string]) string { return r.Value }

// tens ranks numbers with many ties.
func tens(v string) int { return number(v) / 10 }

func byTens(a, b string) int { return cmp.Compare(tens(a), tens(b)) }

func TestRandomAvg(t *testing.T)            { equivalentFold(t, avgCase()) }
func TestRandomTopN(t *testing.T)           { equivalentFold(t, topCase()) }
func TestRandomDistinct(t *testing.T)       { equivalentFold(t, distinctCase()) }
func TestRandomDistinctApprox(t *testing.T) { equivalentFold(t, approxCase()) }
func TestRandomQuantiles(t *testing.T)      { equivalentFold(t, quantilesCase()) }
func TestRandomCollect(t *testing.T)        { equivalentFold(t, collectCase()) }

func TestRandomBest(t *testing.T) {
	for name, c := range bestCases {
		t.Run(name, func(t *testing.T) { equivalentFold(t, c) })
	}
}

func avgCase() foldCase {
	show := func(m operators.Mean) string { return fmt.Sprintf("%.6f", m.Value()) }
	return foldOf(operators.Avg(number), show, func(values []string) string {
		sum := 0
		for _, v := range values {
			sum += number(v)
		}
		return fmt.Sprintf("%.6f", float64(sum)/float64(len(values)))
	})
}

var bestCases = map[string]foldCase{
	"min by": foldOf(operators.MinBy(tens, codec.String), reducedText, func(all []string) string {
		return slices.MinFunc(all, byTens)
	}),
	"max by": foldOf(operators.MaxBy(tens, codec.String), reducedText, func(all []string) string {
		return slices.MaxFunc(all, byTens)
	}),
	"first": foldOf(operators.First(codec.String), reducedText, func(all []string) string { return all[0] }),
	"last":  foldOf(operators.Last(codec.String), reducedText, func(all []string) string { return all[len(all)-1] }),
}

func topCase() foldCase {
	return foldOf(operators.TopN(4, tens, codec.String), commas, func(values []string) string {
		all := slices.Clone(values)
		slices.SortStableFunc(all, func(a, b string) int { return byTens(b, a) })
		return commas(all[:min(4, len(all))])
	})
}

func distinctCase() foldCase {
	fold := operators.Distinct(tens, codec.Func(
		func(dst []byte, v int) ([]byte, error) { return codec.Int64.Append(dst, int64(v)) },
		func(src []byte) (int, error) { v, err := codec.Int64.Decode(src); return int(v), err }))
	show := func(c operators.Tally[int]) string { return fmt.Sprint(c.Len(), c.Count(3), c.Top(3)) }
	return foldOf(fold, show, func(values []string) string {
		counts := map[int]int64{}
		for _, v := range values {
			counts[tens(v)]++
		}
		var top []operators.Tallied[int]
		for item, n := range counts {
			top = append(top, operators.Tallied[int]{Item: item, Count: n})
		}
		slices.SortFunc(top, func(a, b operators.Tallied[int]) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Item, b.Item))
		})
		return fmt.Sprint(len(top), counts[3], top[:min(3, len(top))])
	})
}

func approxCase() foldCase {
	item := func(v string) string { return v }
	show := func(c operators.Cardinality) string { return fmt.Sprint(c.Estimate()) }
	return foldOf(operators.DistinctApprox(item, codec.String), show, func(values []string) string {
		sorted := slices.Sorted(slices.Values(values))
		return fmt.Sprint(len(slices.Compact(sorted)))
	})
}

// With an accuracy of 0.2 %, whole numbers below 100 are told apart.
func quantilesCase() foldCase {
	show := func(d operators.Distribution) string {
		return fmt.Sprintf("%d %.0f %.0f %.0f", d.Count(), d.Quantile(0), d.Quantile(0.7), d.Quantile(1))
	}
	return foldOf(operators.Quantiles(0.002, number), show, func(values []string) string {
		var all []int
		for _, v := range values {
			all = append(all, number(v))
		}
		slices.Sort(all)
		last := len(all) - 1
		return fmt.Sprint(len(all), all[0], all[int(0.7*float64(last))], all[last])
	})
}

func collectCase() foldCase {
	return foldOf(operators.Collect(4, codec.String), commas, func(values []string) string {
		return commas(values[max(0, len(values)-4):])
	})
}

// Rows that come, go and change their group, counted by what they hold.
func TestRandomGroupTableDistinct(t *testing.T) {
	show := func(c operators.Tally[string]) string { return fmt.Sprint(c.Len(), c.Top(100)) }
	equivalent(t, scenario{
		build: func(topo *stream.Topology) {
			counts := operators.GroupTable("counts", tableOfWords(topo), codec.String, byLetter,
				operators.Distinct(func(v string) string { return v[1:] }, codec.String))
			shown := operators.MapRecord(operators.ToStream(counts),
				func(r *stream.Record[string, operators.Tally[string]], out *text) {
					out.Value, out.Time = show(r.Value), 0
				})
			stream.To(stream.Encode(shown, codec.String), lines)
		},
		weather: func(c *climate, _ int) event {
			e := c.nullable(c.event())
			if !e.null {
				e.value = "abc!"[c.IntN(4):][:1] + fmt.Sprint(c.IntN(5))
			}
			return e
		},
		global: true,
		oracle: func(history []event) (want []string) {
			rows, groups := map[string]string{}, map[string]bool{}
			for _, e := range history {
				if !e.nullKey {
					rows[e.key] = e.value
					groups[e.value[:min(1, len(e.value))]] = true
				}
			}
			for _, g := range []string{"a", "b", "c"} {
				fold := operators.Distinct(func(v string) string { return v[1:] }, codec.String)
				counts := fold.Init()
				for _, v := range rows {
					if strings.HasPrefix(v, g) {
						counts = fold.Add(counts, v)
					}
				}
				if groups[g] {
					want = append(want, line(g, show(counts), 0))
				}
			}
			return want
		},
		equal: func(t *testing.T, want, got []string, msg string) {
			t.Helper()
			require.NotEmpty(t, got, msg)
			require.Equal(t, want[0], got[len(got)-1], msg) // what a group has in the end
		},
	})
}
