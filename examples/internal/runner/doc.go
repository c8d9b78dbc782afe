// SPDX-License-Identifier: Apache-2.0

// Package runner is what the example programs share: the common flags, a broker when none is given, a feed that fills
// the input topics, and a loop that waits for the end of the work and tells about it meanwhile.
//
// A program that uses it can be started several times on the same brokers, killed, and started again:
//
//   - The processing is irmak's: the processes share the partitions and go on where they were.
//   - The feed is written in transactions, together with how far it is, so whoever feeds knows where to go on. The
//     process that started last feeds; when it dies, another one takes over after a few seconds.
//   - The work is done when all that was fed is covered by committed offsets, whoever processed it.
package runner
