// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

// foldVerbs are the tables that come of folding streams and tables.
var foldVerbs = map[string]func(s *scripted){
	// The sum of the lengths of what came.
	"aggregate": func(s *scripted) {
		in := s.words()
		if s.is("by", "value", "key") {
			in = operators.KeyBy("by-value", in, codec.String, func(v string) string { return v })
		}
		table := operators.Aggregate("totals", in, operators.Sum(func(v string) int64 { return int64(len(v)) }))
		stream.To(operators.ToStream(table), scriptNumbers)
	},
	"percommit": func(s *scripted) { s.to(operators.PerCommit(s.table(words))) },
	// Words, and the lengths of others.
	"cogroup": func(s *scripted) {
		a, b := s.grouped()
		s.to(operators.ToStream(operators.Cogroup("group", text2, a, b)))
	},
	// The same in windows of 10 ms.
	"cogroupwindows": func(s *scripted) {
		a, b := s.grouped()
		res := operators.CogroupWindows("group", window.Tumbling{Size: 10 * ms}, text2, a, b)
		s.to(operators.Map(res.Out, paneText))
		s.toRest(res.Late)
	},
	// What is added and removed, written down. The letter before a row's number is its group.
	"grouptable": func(s *scripted) { s.to(arrows(grouped2(s.table(words)))) },
}

func (s *scripted) grouped() (a, b operators.Grouped[string, string]) {
	return wordsAndLengthsOf(s.words(), s.other())
}
