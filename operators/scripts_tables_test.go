// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/codec"
	"github.com/irmak-go/irmak/window"
)

func above4(_ string, v string) bool { return number(v) > 4 }

// tableVerbs are tables, and views of them. What comes out are the changes, as old→new.
var tableVerbs = map[string]func(s *scripted){
	"tablefrom": func(s *scripted) { s.changes(s.table(words)) },
	"totable":   func(s *scripted) { s.changes(operators.ToTable("rows", s.words(), codec.String)) },
	"toversionedtable": func(s *scripted) {
		versions := operators.ToVersionedTable("rows", s.words(), codec.String, s.millis("history", "10"))
		s.to(operators.ToStream(versions))
	},
	"tostream":    func(s *scripted) { s.to(operators.ToStream(s.table(words))) },
	"filtertable": func(s *scripted) { s.changes(operators.FilterTable(s.table(words), above4)) },
	"maptable": func(s *scripted) {
		s.changes(operators.MapTable(s.table(words), func(k, v string) string { return k + "=" + v }))
	},
	"materialize": func(s *scripted) {
		s.changes(operators.Materialize("kept", operators.FilterTable(s.table(words), above4), codec.String))
	},
	// Held back for 10 ms; with limit, stop the program stops, else the oldest goes early. Who reads the table gets to
	// rest what it sees.
	"suppress": func(s *scripted) {
		limits := operators.Limits{Records: int64(number(s.Setting("limit", "0")))}
		held := operators.Suppress("held", s.table(words), 10*ms, limits)
		s.changes(held)
		s.toRest(operators.LeftJoinTable(s.other(), held, orNothing))
	},
	// Of tumbling windows of 10 ms, or of sessions.
	"suppressuntilclose": func(s *scripted) {
		grace := s.millis("grace", "0")
		var kind window.Kind = window.Tumbling{Size: 10 * ms, Grace: grace}
		if gap := s.millis("gap", "0"); gap > 0 {
			kind = window.Session{Gap: gap, Grace: grace}
			grace += gap
		}
		panes := operators.AggregateWindows("panes", s.words(), kind, merged)
		held := operators.SuppressUntilClose("held", panes.Out, grace, operators.Limits{})
		s.to(operators.Map(held, paneText))
	},
}

// tableJoinVerbs are the joins of tables: words is left, other right.
var tableJoinVerbs = map[string]func(s *scripted){
	"jointables":      func(s *scripted) { s.changes(joins["inner"].join(s.tables())) },
	"leftjointables":  func(s *scripted) { s.changes(joins["left"].join(s.tables())) },
	"outerjointables": func(s *scripted) { s.changes(joins["outer"].join(s.tables())) },
	// The letter before a left row's number is its foreign key; ! stands for none.
	"joinforeign":     func(s *scripted) { s.changes(foreign(s.tables())) },
	"leftjoinforeign": func(s *scripted) { s.changes(leftForeign(s.tables())) },
	// A join of joins over one table.
	"joinchain": func(s *scripted) {
		x := s.table(words)
		s.changes(operators.JoinTables(operators.JoinTables(upper(x), x, plus), x, plus))
	},
}

// changes sends the changes of a table to lines.
func (s *scripted) changes(t table) { stream.To(arrows(t), lines) }
