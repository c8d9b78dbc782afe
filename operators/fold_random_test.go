// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream/codec"
)

// equivalentFold compares a fold with what say makes of all values of a key, in the order in which they came.
func equivalentFold(t *testing.T, build func(texts) texts, say func(values []string) string) {
	t.Helper()
	equivalent(t, scenario{
		build: piped(build),
		draw:  draw,
		oracle: func(history []event) (want []string) {
			values, at := map[string][]string{}, map[string]int64{}
			for _, e := range history {
				if !e.nullKey {
					values[e.key] = append(values[e.key], e.value)
					at[e.key] = max(at[e.key], e.at)
					want = append(want, line(e.key, say(values[e.key]), at[e.key]))
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

func TestRandomAvg(t *testing.T) {
	show := func(m operators.Mean) string { return fmt.Sprintf("%.6f", m.Value()) }
	equivalentFold(t, folded(operators.Avg(number), show), func(values []string) string {
		sum := 0
		for _, v := range values {
			sum += number(v)
		}
		return fmt.Sprintf("%.6f", float64(sum)/float64(len(values)))
	})
}

func TestRandomBest(t *testing.T) {
	for name, c := range map[string]struct {
		fold operators.Fold[string, operators.Reduced[string]]
		say  func([]string) string
	}{
		"min by": {operators.MinBy(tens, codec.String), func(all []string) string { return slices.MinFunc(all, byTens) }},
		"max by": {operators.MaxBy(tens, codec.String), func(all []string) string { return slices.MaxFunc(all, byTens) }},
		"first":  {operators.First(codec.String), func(all []string) string { return all[0] }},
		"last":   {operators.Last(codec.String), func(all []string) string { return all[len(all)-1] }},
	} {
		t.Run(name, func(t *testing.T) { equivalentFold(t, folded(c.fold, reducedText), c.say) })
	}
}

func TestRandomTopN(t *testing.T) {
	equivalentFold(t, folded(operators.TopN(4, tens, codec.String), commas), func(values []string) string {
		all := slices.Clone(values)
		slices.SortStableFunc(all, func(a, b string) int { return byTens(b, a) })
		return commas(all[:min(4, len(all))])
	})
}

func TestRandomCollect(t *testing.T) {
	equivalentFold(t, folded(operators.Collect(4, codec.String), commas), func(values []string) string {
		return commas(values[max(0, len(values)-4):])
	})
}
