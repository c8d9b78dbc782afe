// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"testing"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/state/statetest"
)

type machine struct{ db *memory.DB }

func (m *machine) DB() state.DB       { return m.db }
func (m *machine) Crash(testing.TB)   { m.db.Crash() }
func (m *machine) Restart(testing.TB) {}

func newMachine(testing.TB) statetest.Machine { return &machine{memory.New()} }

func TestStores(t *testing.T) { statetest.Stores(t, 60, 600, newMachine) }
