// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/state/statetest"
)

type machine struct{ db *memory.DB }

func (m *machine) DB() state.DB         { return m.db }
func (m *machine) Crash(testing.TB)     { m.db.Crash() }
func (m *machine) Restart(t testing.TB) { require.NoError(t, m.db.Close()) }

func newMachine(testing.TB) statetest.Machine { return &machine{memory.New()} }

func TestStores(t *testing.T) {
	t.Parallel()
	statetest.Stores(t, 30, 500, newMachine)
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	statetest.Databases(t, 20, 300, newMachine)
}
