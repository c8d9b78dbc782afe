// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"context"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/irmak-go/irmak/internal/engine"
	"github.com/irmak-go/irmak/internal/task"
)

// Run builds t and runs it until ctx ends, the process is asked to stop (SIGINT, SIGTERM), or something fails. It joins
// the group of the application's other processes and takes its share of the work.
//
// A stop is graceful: what is under way is committed and handed over, and Run returns nil; a second signal ends the
// process at once, which costs the next start no more than a crash does. Otherwise it returns the
// error that ended it; a *RecordError in it names the record. Several Runs may go on in one program, also of one
// topology, with a StateDir each.
func Run(ctx context.Context, t *Topology, c Config) error {
	if err := t.Build(); err != nil {
		return err
	}
	o, err := c.options(t.Name())
	if err != nil {
		return fmt.Errorf("topology %s: %w", t.Name(), err)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the process at once
	return engine.Run(ctx, t.plan, o)
}

// RecordError is the failure of one record, with topic, partition and offset, the phase and the operator. Find it in
// Run's error with errors.As.
type RecordError = task.RecordError

// PanicError is a panic of a function given to an operator; it stands inside a RecordError.
type PanicError = task.PanicError
