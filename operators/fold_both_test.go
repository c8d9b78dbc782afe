// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

func TestBothKeepsItsPromises(t *testing.T) {
	t.Parallel()
	same := func(v int64) int64 { return v }
	best := operators.Both(operators.TopN(3, same, codec.Int64), operators.Sum(same))
	require.Nil(t, best.Remove, "TopN has none")
	lawful(t, over(best), func(p codec.Two[[]int64, int64]) string { return fmt.Sprint(p) })
	counts := operators.Both(operators.Distinct(same, codec.Int64), operators.Count[int64]())
	require.NotNil(t, counts.Remove)
	lawful(t, over(counts), func(p codec.Two[operators.Tally[int64], int64]) string {
		return fmt.Sprint(p.First.Top(100), p.Second)
	})
	whole := operators.Count[int64]()
	whole.Merge = nil
	require.Nil(t, operators.Both(operators.Count[int64](), whole).Merge)
	// Without an Init there is nothing that sessions must be merged into.
	require.Nil(t, operators.Both(operators.Count[int64](), operators.Count[int64]()).Init)
}

func TestRandomBoth(t *testing.T) { equivalentFold(t, bothCase()) }

func bothCase() foldCase {
	both := operators.Both(operators.Count[string](), operators.Collect(3, codec.String))
	show := func(p codec.Two[int64, []string]) string { return fmt.Sprint(p.First, " ", commas(p.Second)) }
	return foldOf(both, show, func(values []string) string {
		return fmt.Sprint(len(values), " ", commas(values[max(0, len(values)-3):]))
	})
}

func TestBothMistakes(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	in := stream.From(topo, words)
	operators.Aggregate("a", in, operators.Both(operators.Count[string](), operators.Avg[string, int](nil)))
	operators.Aggregate("b", in, operators.Both(operators.Fold[string, int64]{}, operators.Count[string]()))
	err := topo.Build()
	require.ErrorContains(t, err, `aggregate "a": the fold was made without its function`)
	require.ErrorContains(t, err, `aggregate "b": the fold has no Add function`)
}
