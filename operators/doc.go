// SPDX-License-Identifier: Apache-2.0

// Package operators holds the verbs of a topology: functions from streams and tables to streams and tables.
//
//	one record      Map MapRecord Filter FlatMap Peek Try            map.go filter.go flatmap.go peek.go try.go
//	one stream      KeyBy Repartition Branch Merge                   keyby.go branch.go merge.go
//	one key         Aggregate Reduce Count, folds                    aggregate.go fold.go
//	one window      AggregateWindows                                 windows*.go
//	two inputs      JoinTable LeftJoinTable                          jointable.go
//	anything else   Process                                          process.go
//	tables          ToStream ToTable PerCommit                       table.go
//	                FilterTable MapTable Materialize                 tables.go
//	                JoinTables LeftJoinTables OuterJoinTables        jointables.go
//	                JoinForeign LeftJoinForeign                      joinforeign*.go
//	                GroupTable                                       grouptable.go
//
// There is one function per operator, and what becomes durable (a store, a topic between operators) has a name as its
// first argument. Functions given to operators are called by the goroutine of the task, never by two at once for one
// partition; they must not block. A panic in one is an error of the record in work, with its stack, and the process
// policy of stream.Config decides what follows.
//
// Records without a key pass the operators of one record and KeyBy; operators that keep state by key drop and count
// them. The operators here use nothing but what package stream exports: yours can be as good.
package operators
