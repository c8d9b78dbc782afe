// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"strings"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
)

// readyFoldVerbs are the folds that are ready-made, over words; those that rank or count do so by the number in a word,
// which stands before its letters: 30b.
var readyFoldVerbs = map[string]func(s *scripted){
	"avg": func(s *scripted) {
		s.to(folded(operators.Avg(amount), func(m operators.Mean) string { return fmt.Sprint(m.Value()) })(s.words()))
	},
	"minby":   func(s *scripted) { s.to(folded(operators.MinBy(amount, codec.String), reducedText)(s.words())) },
	"maxby":   func(s *scripted) { s.to(folded(operators.MaxBy(amount, codec.String), reducedText)(s.words())) },
	"first":   func(s *scripted) { s.to(folded(operators.First(codec.String), reducedText)(s.words())) },
	"last":    func(s *scripted) { s.to(folded(operators.Last(codec.String), reducedText)(s.words())) },
	"topn":    func(s *scripted) { s.to(folded(operators.TopN(2, amount, codec.String), commas)(s.words())) },
	"collect": func(s *scripted) { s.to(folded(operators.Collect(2, codec.String), commas)(s.words())) },
	// The two most frequent words.
	"distinct": func(s *scripted) { s.to(folded(items, mostFrequent)(s.words())) },
	// The same of the rows of a table, by the letter that they begin with.
	"distinctrows": func(s *scripted) {
		counts := operators.GroupTable("counts", s.table(words), codec.String, byLetter, items)
		s.to(stream.Encode(operators.Map(operators.ToStream(counts), mostFrequent), codec.String))
	},
	"distinctapprox": func(s *scripted) {
		fold := operators.DistinctApprox(func(v string) string { return v }, codec.String)
		s.to(folded(fold, func(c operators.Cardinality) string { return fmt.Sprint(c.Estimate()) })(s.words()))
	},
	// The smallest, the median and the largest.
	"quantiles": func(s *scripted) {
		s.to(folded(operators.Quantiles(0.01, amount), func(d operators.Distribution) string {
			return fmt.Sprintf("%.1f,%.1f,%.1f", d.Quantile(0), d.Quantile(0.5), d.Quantile(1))
		})(s.words()))
	},
}

var items = operators.Distinct(func(v string) string { return v }, codec.String)

func amount(v string) int { return number(strings.TrimRight(v, "abcdefghijklmnopqrstuvwxyz")) }

func mostFrequent(t operators.Tally[string]) string {
	text := fmt.Sprintf("%d:", t.Len())
	for _, top := range t.Top(2) {
		text += fmt.Sprintf("%s*%d,", top.Item, top.Count)
	}
	return strings.TrimRight(text, ",")
}
