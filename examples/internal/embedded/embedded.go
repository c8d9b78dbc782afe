// SPDX-License-Identifier: Apache-2.0

// Package embedded is a Kafka inside the program, so that an example runs where nothing is installed but Go.
//
// It is franz-go's kfake: one broker, in this process, on a loopback port that other processes can reach too. It is
// made for tests of clients, and good enough for an example; nobody's data should depend on it.
//
// # What it can do
//
// Found by reading kfake's code and by this package's tests, with the version in go.mod:
//
//   - Idempotent and transactional produce with sequence numbers, epochs and fencing: InitProducerId to v5 (aborts the
//     predecessor's transaction), AddPartitionsToTxn to v5, AddOffsetsToTxn, TxnOffsetCommit to v6 (checks member and
//     generation from v3), EndTxn to v5, transaction timeouts.
//   - Fetch with read committed: last stable offset, list of aborted transactions, control batches.
//   - OffsetFetch with RequireStable. A group that never existed is GROUP_ID_NOT_FOUND where a broker says "no offset".
//   - Classic groups with cooperative rebalances, and KIP-848 groups. Static members are known.
//   - CreateTopics with configs (which it keeps; it does not check their values as a broker does), DeleteRecords
//     (frees the batches; after a kill the start offset is 0 again), compaction and retention (once an hour).
//   - All requests are answered by one goroutine. That is what limits it: some hundred thousand records per second.
//
// # What it keeps where
//
// The log is in files and memory holds an index of some hundred bytes per record batch, so millions of records are
// fine. Without Dir the files are temporary and go with Close; a process that is killed leaves them in the system's
// directory for temporary files.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options says how the broker is to be.
type Options struct {
	// Dir is where the broker keeps its data, so that a program goes on with it when it is started again. It belongs
	// to one process at a time. Defaults to a temporary directory.
	Dir string
}

// Broker is a broker in this process. Its methods may be called from any goroutine.
type Broker struct {
	cluster *kfake.Cluster
	unlock  func() error
	remove  string // the temporary directory, empty when the data stays
}

// Start starts a broker. Whoever calls it must Close what it gives.
func Start(opts Options) (*Broker, error) {
	b := &Broker{}
	dir := opts.Dir
	if dir == "" {
		temporary, err := os.MkdirTemp("", "irmak-embedded-")
		if err != nil {
			return nil, fmt.Errorf("embedded broker: no place for its data: %w", err)
		}
		dir, b.remove = temporary, temporary
	}
	if err := b.start(dir); err != nil {
		return nil, errors.Join(err, b.release())
	}
	return b, nil
}

func (b *Broker) start(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("embedded broker: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return fmt.Errorf("embedded broker: %s is in use by another process: give each its own directory, or the "+
			"address of the broker that runs there: %w", dir, err)
	}
	b.unlock = unlock
	b.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	if err != nil {
		return fmt.Errorf("embedded broker: cannot start on the data in %s: %w", dir, err)
	}
	return nil
}

// Addrs are the broker's addresses, for clients.
func (b *Broker) Addrs() []string { return b.cluster.ListenAddrs() }

// Close ends the broker, cleanly when it keeps its data. Clients must be closed before.
func (b *Broker) Close() error {
	b.cluster.Close()
	return b.release()
}

func (b *Broker) release() error {
	var err error
	if b.unlock != nil {
		err = b.unlock()
	}
	if b.remove != "" {
		err = errors.Join(err, os.RemoveAll(b.remove))
	}
	return err
}
