// SPDX-License-Identifier: Apache-2.0

// Package streamtest runs a topology without a broker: the same tasks as in production, over topics in memory, in the
// goroutine of the test. Nothing happens unless the test asks for it, the wall clock stands still, and the same test
// does the same thing every time.
//
//	d := streamtest.New(t, topology)
//	in, out := streamtest.Input(d, payments), streamtest.Output(d, alerts)
//	in.Send("card-1", Payment{Cents: 900}, 12_000)
//	for _, r := range out.Read() { … }
//
// A record that is sent is processed, and its results are committed and visible, before Send returns.
//
// # Records
//
// [Input] and [Output] take the topics of the topology, typed. [In.Send] sends to the partition of the key at an event
// time in milliseconds, [In.Delete] a null value, [In.SendRecord] headers or a null key, [In.SendTo] to a partition of
// your choice, [In.SendBytes] what no codec would write. [Out.Read] gives what has come since the last Read, with key,
// value or delete, time, headers and partition.
//
// # Time
//
// Event time is that of the records. The wall clock is moved by [Driver.AdvanceWall]; wall timers and topics with an
// Idle rule follow it.
//
// # State
//
// [Store], [Table], [WindowStore] and [VersionedStore] look into the stores of all tasks by name, as the tasks see them
// now; Committed gives the same look at what the last commit left. [Global] looks into a global table.
//
// # What results must not depend on
//
// [Options] sets partitions, how many records a commit takes, batch and cache sizes, and a seed for the order of turns.
// [Driver.Restart] stops and starts the program, [Driver.RestartEmpty] does so without its state directory,
// [Driver.Rebalance] moves tasks to other processes and back, [Driver.Crash] kills the program at any [Step] of a
// commit:
//
//	d.Crash(streamtest.Step(rnd.IntN(streamtest.Steps)))
//
// # Scripts
//
// [Script] runs a text file of records, moves and expected results; go test -rewrite writes the results. The form is in
// docs/scripts.md.
//
//	case one payment too many
//	in profiles @11:59 card-1 {"Limit":1000}
//	in payments @12:00:00 card-1 {"Cents":900}
//	crash before-commit
//	in payments @12:00:05.250 card-1 {"Cents":200}
//	out alerts
//	  @12:00:05.250 card-1 {"Spent":1100,"Limit":1000}
//
// # Oracles
//
// A good test of an operator sends random records, does some of this in between, and compares with a plain
// recomputation: package operators has many.
package streamtest
