// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"slices"

	"github.com/irmak-go/irmak/internal/invariants"
)

// memberState is where a Member stands.
//
//	            ┌──────────────── partitions let go, a rebalance noticed ────────┐
//	            ▼                                                                │
//	idle ─▶ joining ── generation ─▶ syncing ── assignment ─▶ settling ── done ─▶ steady
//	          ▲  ▲                      │                        │                 │
//	          │  └── another rebalance ─┘                        │                 │
//	          │  ▲                                                                 │
//	          │  └── Rejoin, REBALANCE_IN_PROGRESS, new partitions ────────────────┘
//	          │
//	       losing ◀── unknown member, illegal generation ── from joining, syncing, settling, steady
//	          │
//	          └─▶ left ◀── leaving ◀── ctx ended ── from joining, syncing, settling, steady
type memberState uint8

const (
	idle     memberState = iota
	joining              // JoinGroup: waits for all members of the generation
	syncing              // SyncGroup: waits for the leader's plan
	settling             // the Handler gives up and takes over
	steady               // heartbeats
	losing               // the Handler drops everything
	leaving              // the Handler gives up everything, LeaveGroup
	left
)

var memberStateNames = [...]string{
	"idle", "joining", "syncing", "settling", "steady", "losing", "leaving", "left",
}

func (s memberState) String() string { return memberStateNames[s] }

// memberArrows are those of the drawing.
var memberArrows = [...][]memberState{
	idle:     {joining},
	joining:  {syncing, losing, leaving},
	syncing:  {settling, joining, losing, leaving},
	settling: {steady, joining, losing, leaving},
	steady:   {joining, losing, leaving},
	losing:   {joining, left},
	leaving:  {left},
	left:     {},
}

func (m *Member) transition(to memberState) {
	if invariants.Enabled {
		invariants.Check(slices.Contains(memberArrows[m.state], to), "member of group %s: from %v to %v",
			m.opts.Group, m.state, to)
	}
	m.state = to
}
