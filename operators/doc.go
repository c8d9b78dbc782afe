// SPDX-License-Identifier: Apache-2.0

// Package operators holds the verbs of a topology: functions from streams and tables to streams and tables.
//
//	one record      Map MapRecord Filter FilterMap FlatMap           map.go filter.go filtermap.go flatmap.go
//	                Peek Try                                         peek.go try.go
//	one stream      KeyBy Repartition Branch Merge                   keyby.go branch.go merge.go
//	                Broadcast                                        keyby.go
//	one key         Dedupe                                           dedupe.go
//	                Aggregate, folds: Count Sum Reduce Min Max       aggregate.go fold.go
//	                Avg MinBy MaxBy First Last                       fold_mean.go fold_best.go
//	                TopN Collect Distinct                            fold_topn.go fold_collect.go fold_distinct.go
//	                DistinctApprox Quantiles                         fold_approx.go fold_quantiles.go
//	                AggregateUntil AggregateTriggered                aggregateuntil.go
//	one window      AggregateWindows SuppressUntilClose              windows*.go suppressclose.go
//	several inputs  Cogroup CogroupWindows                           cogroup.go
//	                Join LeftJoin OuterJoin                          join*.go
//	                JoinPanes LeftJoinPanes OuterJoinPanes           joinpanes*.go
//	                JoinTable LeftJoinTable                          jointable.go
//	                JoinTableGrace LeftJoinTableGrace                jointablegrace.go
//	                JoinGlobal LeftJoinGlobal                        joinglobal.go
//	anything else   Process, with sides and timers                   process.go side.go timers.go
//	tables          ToStream ToTable ToVersionedTable PerCommit      table.go
//	                FilterTable MapTable Materialize                 tables.go
//	                JoinTables LeftJoinTables OuterJoinTables        jointables.go
//	                JoinForeign LeftJoinForeign                      joinforeign*.go
//	                GroupTable                                       grouptable.go
//	                Suppress                                         suppress.go
//
// There is one function per operator, and what becomes durable (a store, a topic between operators) has a name as its
// first argument. Functions given to operators are called by the goroutine of the task, never by two at once for one
// partition; they must not block. A panic in one is an error of the record in work, with its stack, and the process
// policy of stream.Config decides what follows.
//
// Records without a key pass the operators of one record and KeyBy; operators that keep state by key drop and count
// them. The operators here use nothing but what package stream exports: yours can be as good.
package operators
