// SPDX-License-Identifier: Apache-2.0

// Package state holds the typed stores of operators. A store is declared as a struct literal, opened once per task, and
// from then on a plain Go value:
//
//	var seen = state.Map[string, time.Time]{Name: "seen", Key: codec.String, Value: codec.Time}
//
//	store := seen.Open(place)               // once per task
//	if _, ok := store.Get(id); !ok { … }    // per record
//
// The kinds:
//
//	Map        K → V                          Get, Upsert, Put, Delete, Scan…
//	Window     (K, start) → V                 the same, ScanKey and ScanSpan in time order, Expire
//	Session    (K, first, last) → V           Find those that overlap a span, ScanEnds in the order of ends, Expire
//	List       K → V, V, …                    Append, Scan from the front, Trim
//	Versioned  K → V as of a time             Get, GetAsOf, Put and Delete at a time
//	Timers     (time, K, name)                Set, Delete, Due
//
// # How a change travels
//
// A store is a bounded, typed write-back cache over one key-value database ([DB]), with a Kafka partition, the
// changelog, as its log:
//
//	Upsert, Put, Delete   changes the cache                                the row is dirty
//	Flush                 encodes each dirty row once into the changelog   the row is queued
//	WriteBehind           after the commit, puts the oldest queued rows    the row is clean
//	                      and the position into one batch of the database
//
// The database is written far less often than the changelog: a row that changes at each commit reaches it once per
// checkpoint interval, a row that lives shorter than that never does. The position in the database is the offset of
// the change that has waited longest, so that a replay of the changelog from there always leads to the committed state.
//
// # Who calls what
//
// Operators see the handles (*MapStore …), the engine sees the same stores as [Instance]. Both are used from the one
// goroutine that owns the task. Nothing here locks, except the databases, which tasks share.
//
// A store of one's own is an Instance that [Place.OpenStore] opens, on the part of the database that its [Backing]
// gives it: stream/ownstore_test.go has one of a hundred lines. What can be said in Maps and Windows is better made of
// those, as Session, List, Versioned and Timers are.
//
// Reads and writes of a handle return no errors: a failure (I/O, a codec) is handed to [Backing.Fail], once made the
// task's own failure, and the store answers with zero values until the task has been recovered.
package state
