// SPDX-License-Identifier: Apache-2.0

// Package stream is the frame of a program on streams: topics, streams and tables, the topology that connects them,
// and the Run that works it off. The verbs are in package operators.
//
// # A tour
//
// A [Topic] is a typed value: name, codecs, and where the event time is. [From] reads one as a [Stream], [TableFrom] as
// a [Table]; [To] writes a stream to one. In between stand operators, which are functions from streams to streams:
//
//	payments := stream.Topic[string, Payment]{Name: "payments", Key: codec.String, Value: codec.JSON[Payment]()}
//	large := stream.Topic[string, Payment]{Name: "large", Key: codec.String, Value: codec.JSON[Payment]()}
//
//	t := stream.New("large-payments")
//	stream.To(operators.Filter(stream.From(t, payments), Payment.IsLarge), large)
//	err := stream.Run(ctx, t, stream.Config{Brokers: []string{"localhost:9092"}})
//
// Writing a topology never fails and never panics: mistakes collect, with file and line, and [Topology.Build] or Run
// return them all. [Topology.Describe] shows the plan and the topics that will be created.
//
// # Keys, partitions, tasks
//
// A stream is always partitioned by its key, and only operators.KeyBy changes the key: the records pass through a
// topic in between. What lies between two such topics is a sub-topology, and one partition of it is a task: one
// goroutine at a time runs it, with stores of its own. Processes of one application share the tasks.
//
// # Time
//
// Event time is in milliseconds since the epoch: [Record.Time]. Each operator that depends on time has a clock, the
// highest time that it has seen less [Topic.Disorder].
//
// # Guarantees
//
// With [ExactlyOnce], the default, results, state and input offsets are committed together in Kafka transactions. After
// a crash a process rolls its local state forward from what it has on disk; it is never wiped.
//
// # Operators of your own
//
// [NewOp], [In], [Out], [PerTask] and [Attach] are what package operators is made of.
package stream
