// SPDX-License-Identifier: Apache-2.0

package task

// stage is where a task stands.
//
//	Built ── Start (all feeds) ──▶ Running ── Close ──▶ Closed
//	  │                               │                  ▲
//	  │                               └─ failure ─▶ Failed ┤
//	  └───────────── Close ────────────────────────────────┘
//
// A task in Built has opened its stores and may be restored; only Running processes records.
type stage uint8

// The stages of a task.
const (
	Built stage = iota
	Running
	Failed
	Closed
)

func (s stage) String() string { return [...]string{"built", "running", "failed", "closed"}[s] }

func (s stage) mayBecome(next stage) bool {
	switch s {
	case Built:
		return next == Running || next == Closed
	case Running:
		return next == Failed || next == Closed
	case Failed:
		return next == Closed
	case Closed:
	}
	return false
}
