// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/window"
)

// joinVerbs are the joins of streams with streams and tables: words is left, other right.
var joinVerbs = map[string]func(s *scripted){
	"join":      func(s *scripted) { s.joined("inner") },
	"leftjoin":  func(s *scripted) { s.joined("left") },
	"outerjoin": func(s *scripted) { s.joined("outer") },
	// words with itself; with stores=two as if it were two streams.
	"selfjoin": func(s *scripted) {
		in := s.words()
		again := in
		if s.is("stores", "two", "one") {
			again = operators.Peek(in, func(*text) {})
		}
		s.to(joinOf(s.Setting("kind", "inner"), again, in, s.within()))
	},
	"jointable": func(s *scripted) { s.to(operators.JoinTable(s.words(), s.table(other), withRow)) },
	"leftjointable": func(s *scripted) {
		s.to(operators.LeftJoinTable(s.words(), s.table(other), orNothing))
	},
	"versionedjoin": func(s *scripted) {
		in, table := s.words(), s.table(other)
		s.to(operators.JoinTable(in, table, withRow))
		s.toRest(operators.LeftJoinTable(in, table, orNothing))
	},
	"jointablegrace": func(s *scripted) {
		s.to(operators.JoinTableGrace("join", s.words(), s.table(other), s.millis("grace", "0"), withRow))
	},
	"leftjointablegrace": func(s *scripted) {
		s.to(operators.LeftJoinTableGrace("join", s.words(), s.table(other), s.millis("grace", "0"), orNothing))
	},
	// What stands before a colon is the key that is looked up.
	"joinglobal": func(s *scripted) {
		s.to(operators.JoinGlobal(s.words(), stream.GlobalTableFrom(s.topo, other), selected, withRow))
	},
	"leftjoinglobal": func(s *scripted) {
		s.to(operators.LeftJoinGlobal(s.words(), stream.GlobalTableFrom(s.topo, other), selected, orNothing))
	},
}

func (s *scripted) joined(kind string) {
	in := s.words()
	s.to(joinOf(kind, in, s.other(), s.within()))
}

func (s *scripted) within() window.Within {
	return window.Within{Before: s.millis("before", "0"), After: s.millis("after", "0"), Grace: s.millis("grace", "0")}
}
