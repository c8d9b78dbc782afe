// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/irmak-go/irmak/internal/clock"
)

const (
	// stuckAfter is how long background errors may go on, without one good flush, before the database gives up. Pebble
	// itself tries for ever, at once each time, and lets writers wait meanwhile: on a full disk nothing would ever end.
	stuckAfter = 30 * time.Second
	// errorPause is the least time between two messages about them. Errors that are further apart than stuckAfter are
	// separate troubles.
	errorPause = 5 * time.Second
)

// watch looks at Pebble's background work. mu guards err, which may be read once stuck is closed, and the times.
//
//  1. stuck is closed at most once, after err is set, and then the database takes no writes any more.
type watch struct {
	clock clock.Clock
	log   *slog.Logger
	stuck chan struct{}
	err   error // once stuck is closed

	since, last, told time.Time // of the errors since the last good flush; since is zero when there are none
	mu                sync.Mutex
}

func newWatch(c clock.Clock, log *slog.Logger) *watch {
	return &watch{clock: c, log: log, stuck: make(chan struct{})}
}

func (w *watch) listener() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: w.failed,
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				w.flushed()
			}
		},
	}
}

func (w *watch) flushed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Time{}
}

func (w *watch) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	if w.since.IsZero() || now.Sub(w.last) >= stuckAfter {
		w.since = now
	}
	w.last = now
	if now.Sub(w.told) >= errorPause {
		w.told = now
		w.log.Error("the state database cannot write: make room on its disk, or repair it; the program ends when this "+
			"goes on", "error", err, "for", now.Sub(w.since), "at most", stuckAfter)
	}
	if w.err == nil && now.Sub(w.since) >= stuckAfter {
		w.err = fmt.Errorf("the state database could not write for %v: make room on its disk, or repair it, and start "+
			"again: %w", stuckAfter, err)
		close(w.stuck)
	}
}

// gaveUp is the error with which the database has given up, nil while it works.
func (w *watch) gaveUp() error {
	select {
	case <-w.stuck:
		return w.err
	default:
		return nil
	}
}

// try does what may wait for background work, but not for longer than the database takes to give up. left says that
// work still goes on then.
func (w *watch) try(work func() error) (left bool, err error) {
	if err := w.gaveUp(); err != nil {
		return false, err
	}
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return false, err
	case <-w.stuck:
		return true, w.err
	}
}
