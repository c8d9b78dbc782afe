// SPDX-License-Identifier: Apache-2.0

// Package engine runs a topology in one process: it is a member of the consumer group, turns the partitions that it is
// given into tasks, spreads the tasks over workers, and moves everything in transactions.
//
//	process   one Run: client, database, fetchers, workers, member      process.go
//	setup     topics that must exist, topics that are created           setup.go
//	home      the state directory: lock, instance id                    home.go
//	handover  partitions that come and go become tasks that do          handover.go
//	prepare   a task is built, restored and given its feeds             prepare.go
//	worker    poll → dispatch → process, for the tasks of one goroutine worker.go
//	commit    flush → commit, and the one recovery path                 commit.go recover.go
//	globals   copies of global tables                                    globals.go
//	upkeep    checkpoints, purging behind the readers                   upkeep.go
package engine

import (
	"log/slog"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/graph"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
	"github.com/irmak-go/irmak/state"
)

// Plan is a topology in the form in which it is run.
type Plan struct {
	App   string
	Graph *graph.Graph
	Subs  []SubPlan
	// Globals are the tables of which each process has a copy.
	Globals []task.Global
}

// SubPlan is one sub-topology: what each of its tasks opens.
type SubPlan struct {
	Sub     *graph.Sub
	Sources []task.Source
	Stores  []state.Spec
	Views   int // of global tables, in each task
}

// Topics are the topics that the sub-topology reads, which must be partitioned alike.
func (s *SubPlan) Topics() []string {
	topics := make([]string, len(s.Sources))
	for i, src := range s.Sources {
		topics[i] = src.Topic
	}
	return topics
}

// Options are the settings of a Run with nothing left to default: package stream fills them from its Config.
type Options struct {
	Kafka              kafka.Options
	StateDir           string // empty: the first free directory below the machine's temporary one
	Workers            int
	ExactlyOnce        bool
	CommitInterval     time.Duration
	CheckpointInterval time.Duration
	PurgeInterval      time.Duration
	TransactionTimeout time.Duration
	SessionTimeout     time.Duration
	RebalanceTimeout   time.Duration
	StopTimeout        time.Duration
	MaxTaskIdle        time.Duration
	Memory             int64
	Compression        string
	ReplicationFactor  int16             // of topics that are created; -1: the broker's default
	FromLatest         bool              // where an input without a committed offset begins
	OffsetReset        kafka.OffsetReset // of inputs
	InstanceID         string            // static membership
	Policies           task.Policies
	Clock              clock.Clock
	Log                *slog.Logger
	OnRecords          func(total uint64) // told now and then how many input records were processed
}

// Shares of Options.Memory. Caches get most: they decide how often state is read from disk. The rest of the process
// (code, stacks, garbage between collections) is not in the budget.
const (
	cachePercent    = 45
	databasePercent = 25
	fetchPercent    = 20
	producePercent  = 10
)

func (o *Options) share(percent int64) int64 { return o.Memory * percent / 100 }
