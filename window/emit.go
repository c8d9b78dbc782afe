// SPDX-License-Identifier: Apache-2.0

package window

import (
	"fmt"
	"time"
)

// Emit says when a windowed aggregation sends panes. It never depends on the size of a cache.
//
// Emits are compared with ==. Above zero, the number is the interval of [Every].
type Emit time.Duration

const (
	// EachUpdate sends a pane for each update, with what the window holds after it. The default.
	EachUpdate Emit = 0

	// PerCommit sends the last pane of each key and window at each commit.
	PerCommit Emit = -1

	// OnClose sends one pane per key and window, Final, once the window is closed.
	OnClose Emit = -2

	invalidEmit Emit = -3
)

// Every sends at most one pane per key, window and d of clock time, and the final one when the window closes. d is at
// least a millisecond, and whole milliseconds.
func Every(d time.Duration) Emit {
	if d <= 0 {
		return invalidEmit // and not by chance one of the others
	}
	return Emit(d)
}

// Interval is the d of Every(d) in milliseconds, and 0 for the others.
func (e Emit) Interval() int64 {
	if e <= 0 {
		return 0
	}
	return ms(time.Duration(e))
}

// FinalPane tells whether a closing window sends a pane of its own: OnClose and Every.
func (e Emit) FinalPane() bool { return e == OnClose || e > 0 }

// String names e as Go code does, without the package.
func (e Emit) String() string {
	switch {
	case e > 0:
		return fmt.Sprintf("Every(%v)", time.Duration(e))
	case e == EachUpdate:
		return "EachUpdate"
	case e == PerCommit:
		return "PerCommit"
	case e == OnClose:
		return "OnClose"
	}
	return fmt.Sprintf("Emit(%d)", int64(e))
}

func (e Emit) validate() error {
	switch {
	case e == EachUpdate || e == PerCommit || e == OnClose:
		return nil
	case e <= invalidEmit:
		return fmt.Errorf("Emit is not valid: Every wants at least 1ms")
	case e%Emit(time.Millisecond) != 0:
		return fmt.Errorf("Emit is %v: the interval must be whole milliseconds", e)
	}
	return nil
}
