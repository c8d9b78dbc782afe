// SPDX-License-Identifier: Apache-2.0

// Package runner is what the example programs share: a program is its topology, its topics, a feed that fills the
// inputs, and a judge of what comes out; the common flags, a broker when none is given, and telling about it all are
// here. See Program.
//
// A program can be started several times on the same brokers, killed, and started again:
//
//   - The processing is irmak's: the processes share the partitions and go on where they were.
//   - The feed is written in transactions, together with how far it is, so whoever feeds knows where to go on. The
//     process that started last feeds; when it dies, another one takes over after a few seconds. Generate makes the
//     same records again, and what is there already is skipped.
//   - Each process reads the outputs from their first record on, at read committed, so all of them come to the same
//     results.
//
// # How much work there is
//
// -n counts the records of the feed that are the work. Reference data, such as the rows of tables, does not count: it
// is marked by Reference, whatever its topic and wherever it stands, though mostly in front. A barrier, the zero Event,
// keeps what follows back until what was before can be read.
//
// Processing begins when the reference data in front is there. So a global table has the rows that stand before the
// first barrier, or before the first record that is work, when the first record is processed. Rows that come later are
// read by each process when it likes.
//
// # When the work is done
//
// The work is done when all that was fed is covered by committed offsets, whoever processed it, and nothing is left in
// the topics between operators either. Then the outputs are read to their ends and the judge is asked. What an operator
// still holds back then, until a window closes or wall time passes, never comes: who needs it feeds records that move
// the clocks on.
package runner
