// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/irmak-go/irmak/internal/clock"
	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/internal/task"
)

// Guarantee is what a crash may do to results.
type Guarantee uint8

const (
	// ExactlyOnce moves results, state and input offsets in one Kafka transaction per worker and commit: readers at
	// read-committed see the effect of each input record once, whatever crashes.
	ExactlyOnce Guarantee = iota
	// AtLeastOnce commits an input offset after everything that the record caused is acknowledged. After a crash records
	// of the last commit interval are processed again, and their effects are seen twice.
	AtLeastOnce
)

// OffsetReset says where to go on when an input's committed offset is not in its topic any more.
type OffsetReset = kafka.OffsetReset

// What to do about a committed offset that the topic does not hold.
const (
	ResetFail     = kafka.ResetFail     // end the Run with an error that says what is there
	ResetEarliest = kafka.ResetEarliest // go on at the oldest record that is left
	ResetLatest   = kafka.ResetLatest   // go on at the next record that comes
)

// SASL is how the brokers know the program. Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, with User and Password,
// or OAUTHBEARER, with Token, which is asked for a token at each connection.
type SASL = kafka.SASL

// Policies, Policy and Action say what follows the error of a record; see their fields.
type (
	// Policies are what to do about errors of each phase, and where dead letters go.
	Policies = task.Policies
	// Policy is what to do about an error of one phase.
	Policy = task.Policy
	// Action is what follows an error once it is not tried again.
	Action = task.Action
)

// The actions of a policy.
const (
	Fail       = task.Fail       // end the Run with the error; the other tasks commit. Nothing is lost
	Skip       = task.Skip       // drop the record, count it, go on
	DeadLetter = task.DeadLetter // as Skip, and send the record to the dead letter topic
	Park       = task.Park       // stop this task only, and return the error when the Run ends
)

// Config holds the settings of a Run. The zero value with Brokers set is a good start.
type Config struct {
	// Brokers are addresses, host:port, of some of the brokers. Required.
	Brokers []string
	// TLS encrypts the connections to the brokers. Defaults to plain text.
	TLS *tls.Config
	// SASL authenticates the program. Defaults to none.
	SASL *SASL
	// ClientID names the program in the brokers' logs and quotas. Defaults to "irmak".
	ClientID string

	// StateDir is the directory of the local state and of the identity of this process. Each process needs its own, and
	// one that finds its directory again after a restart goes on at once. Defaults to the first directory below the
	// machine's temporary one that no process of this application uses.
	StateDir string
	// Workers is the number of goroutines that process records. Defaults to GOMAXPROCS.
	Workers int
	// Memory is what caches, database and buffers of the process take together, in bytes. Defaults to 128 MiB; at least
	// 16 MiB. Go's own overhead and what the program keeps itself come on top.
	Memory int64

	// Guarantee is ExactlyOnce or AtLeastOnce. Defaults to ExactlyOnce.
	Guarantee Guarantee
	// CommitInterval is how long results may wait before readers at read-committed see them, and how much work a crash
	// repeats. Shorter costs more transactions per second. Defaults to 100 ms; at least 10 ms.
	CommitInterval time.Duration
	// CheckpointInterval is how long a change may be in the changelog only, and so bounds how much a restart replays.
	// Longer writes less to disk. Defaults to 10 s.
	CheckpointInterval time.Duration
	// PurgeInterval is how often what was read and committed is deleted from the topics between operators, which otherwise
	// would keep it for ever. Defaults to 30 s.
	PurgeInterval time.Duration
	// TransactionTimeout is after what time brokers abort the transaction of a process that has disappeared; until then
	// whoever takes over, and read-committed readers, wait. It must be longer than CommitInterval by far.
	// Defaults to 10 s.
	TransactionTimeout time.Duration
	// SessionTimeout is after what silence the group gives the tasks of a process to others. Defaults to 45 s.
	SessionTimeout time.Duration
	// RebalanceTimeout is how long a rebalance waits for a process to commit and hand over. Defaults to 60 s.
	RebalanceTimeout time.Duration
	// StopTimeout is how long a stop may take to commit and hand over. After it, when brokers do not answer, Run ends with
	// an error, and the next start repeats what was not committed. Defaults to 20 s.
	StopTimeout time.Duration
	// InstanceID makes the group membership static: a restart within SessionTimeout moves no tasks. Each process needs its
	// own. Defaults to none.
	InstanceID string
	// MaxTaskIdle is how long a task with several inputs holds back a record for inputs that are empty, so that records
	// which are on their way are taken in the order of their times. It counts from when the record came to be known, for
	// each record: whatever goes through a task with a quiet input takes so much longer, and no less goes through. Records
	// known to be in a topic are always waited for, and those of transactions under way with them; what comes back from
	// the task's own results, through topics between operators, is not. Defaults to 0.
	MaxTaskIdle time.Duration

	// FromLatest begins inputs that were never committed at their end. Defaults to false: at their beginning.
	FromLatest bool
	// OffsetReset is what to do when a committed offset is not in its topic any more. Defaults to ResetFail.
	OffsetReset OffsetReset
	// Errors are the policies for records that cannot be decoded, processed or produced. Defaults to Fail, at once.
	Errors Policies

	// Compression of what is produced: none, gzip, snappy, lz4 or zstd. Defaults to none.
	Compression string
	// ReplicationFactor of the topics that are created. Defaults to what the brokers choose.
	ReplicationFactor int16

	// Log receives what an operator of the program should know. Defaults to slog.Default.
	Log *slog.Logger
	// OnRecords is told now and then how many input records this process has processed. It is called from one goroutine
	// at a time. Defaults to none.
	OnRecords func(total uint64)
}

// Defaults and bounds of Config.
const (
	defaultMemory             = 128 << 20
	minMemory                 = 16 << 20
	defaultCommitInterval     = 100 * time.Millisecond
	minCommitInterval         = 10 * time.Millisecond
	defaultCheckpointInterval = 10 * time.Second
	defaultTransactionTimeout = 10 * time.Second
	defaultPurgeInterval      = 30 * time.Second
	defaultSessionTimeout     = 45 * time.Second
	defaultRebalanceTimeout   = 60 * time.Second
	defaultStopTimeout        = 20 * time.Second
	defaultRetryBackoff       = time.Second
	brokersReplication        = -1
)

func orDefault[T int | int16 | int64 | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// options checks c and fills in its defaults.
func (c Config) options(app string) (engine.Options, error) {
	log := c.Log
	if log == nil {
		log = slog.Default()
	}
	o := engine.Options{
		Kafka: kafka.Options{
			Brokers: c.Brokers, ClientID: c.ClientID, TLS: c.TLS, SASL: c.SASL, Log: log, Clock: clock.System,
		},
		StateDir:           c.StateDir,
		Workers:            orDefault(c.Workers, runtime.GOMAXPROCS(0)),
		ExactlyOnce:        c.Guarantee == ExactlyOnce,
		CommitInterval:     orDefault(c.CommitInterval, defaultCommitInterval),
		CheckpointInterval: orDefault(c.CheckpointInterval, defaultCheckpointInterval),
		PurgeInterval:      orDefault(c.PurgeInterval, defaultPurgeInterval),
		TransactionTimeout: orDefault(c.TransactionTimeout, defaultTransactionTimeout),
		SessionTimeout:     orDefault(c.SessionTimeout, defaultSessionTimeout),
		RebalanceTimeout:   orDefault(c.RebalanceTimeout, defaultRebalanceTimeout),
		StopTimeout:        orDefault(c.StopTimeout, defaultStopTimeout),
		MaxTaskIdle:        c.MaxTaskIdle,
		Memory:             orDefault(c.Memory, defaultMemory),
		Compression:        c.Compression,
		ReplicationFactor:  orDefault(c.ReplicationFactor, brokersReplication),
		FromLatest:         c.FromLatest,
		OffsetReset:        c.OffsetReset,
		InstanceID:         c.InstanceID,
		Policies:           c.Errors,
		Clock:              clock.System,
		Log:                log,
		OnRecords:          c.OnRecords,
	}
	if o.Policies.DeadLetters == "" {
		o.Policies.DeadLetters = app + "-dead-letters"
	}
	for _, p := range []*Policy{&o.Policies.Decode, &o.Policies.Process, &o.Policies.Produce} {
		p.Backoff = orDefault(p.Backoff, defaultRetryBackoff)
	}
	return o, errors.Join(c.mistakes(&o)...)
}

// mistakes names every field that cannot be right.
func (c Config) mistakes(o *engine.Options) (errs []error) {
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("config: "+format, args...))
		}
	}
	say(len(c.Brokers) == 0, "Brokers is empty: give at least one host:port")
	say(o.Workers < 1, "Workers is %d; at least 1", o.Workers)
	say(o.Memory < minMemory, "Memory is %d bytes; at least %d", o.Memory, minMemory)
	say(o.CommitInterval < minCommitInterval, "CommitInterval is %v; at least %v", o.CommitInterval, minCommitInterval)
	say(o.CheckpointInterval < o.CommitInterval, "CheckpointInterval %v is shorter than CommitInterval %v",
		o.CheckpointInterval, o.CommitInterval)
	say(o.ExactlyOnce && o.TransactionTimeout < 2*o.CommitInterval,
		"TransactionTimeout %v must be at least twice CommitInterval %v, or every transaction is aborted",
		o.TransactionTimeout, o.CommitInterval)
	say(c.Guarantee > AtLeastOnce, "Guarantee is %d; ExactlyOnce or AtLeastOnce", c.Guarantee)
	say(c.OffsetReset > ResetLatest, "OffsetReset is %d; ResetFail, ResetEarliest or ResetLatest", c.OffsetReset)
	say(o.ReplicationFactor < brokersReplication, "ReplicationFactor is %d; at least 1", o.ReplicationFactor)
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"PurgeInterval", o.PurgeInterval}, {"TransactionTimeout", o.TransactionTimeout},
		{"SessionTimeout", o.SessionTimeout}, {"RebalanceTimeout", o.RebalanceTimeout}, {"StopTimeout", o.StopTimeout},
		{"MaxTaskIdle", o.MaxTaskIdle},
	} {
		say(d.value < 0, "%s is %v; it must not be negative", d.field, d.value)
	}
	if err := kafka.CheckCompression(o.Compression); err != nil {
		say(true, "Compression: %w", err)
	}
	if err := o.Kafka.Check(); err != nil {
		say(true, "%w", err)
	}
	for _, p := range []struct {
		phase  string
		policy Policy
	}{{"Decode", o.Policies.Decode}, {"Process", o.Policies.Process}, {"Produce", o.Policies.Produce}} {
		say(p.policy.Action > Park, "Errors.%s.Action is %d; Fail, Skip, DeadLetter or Park", p.phase, p.policy.Action)
		say(p.policy.Retries < 0, "Errors.%s.Retries is %d; it must not be negative", p.phase, p.policy.Retries)
		say(p.policy.Backoff < 0, "Errors.%s.Backoff is %v; it must not be negative", p.phase, p.policy.Backoff)
	}
	return errs
}
