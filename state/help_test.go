// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
)

// place opens stores on a database of their own, or on one that is given.
type place struct {
	t     testing.TB
	db    state.DB
	limit int
	in    state.Instance // the last one opened
}

func (p *place) OpenStore(spec state.Spec, open func(state.Backing) state.Instance) state.Instance {
	if p.db == nil {
		p.db = memory.New()
	}
	c, err := state.OpenCatalogue(p.db)
	require.NoError(p.t, err)
	prefix, err := c.Prefix(spec.Name, 0)
	require.NoError(p.t, err)
	p.in = open(state.Backing{DB: p.db, Prefix: prefix, Limit: p.limit, Fail: func(err error) { p.t.Error(err) }})
	return p.in
}

// kept is a changelog in memory.
type kept struct{ records []entry }

type entry struct {
	key, value string
	deleted    bool
	time       int64
}

func (k *kept) Append(key, value []byte, timeMs int64) error {
	k.records = append(k.records, entry{string(key), string(value), value == nil, timeMs})
	return nil
}

// dropped is a changelog that nobody reads.
type dropped struct{ n int }

func (d *dropped) Append([]byte, []byte, int64) error { d.n++; return nil }

// committer commits a store every 100 ms of a clock that nobody has to wait for.
type committer struct {
	t      testing.TB
	in     state.Instance
	db     state.DB
	log    state.Log
	now    time.Time
	offset int64
}

const testInterval = 10 * time.Second

func newCommitter(t testing.TB, p *place, log state.Log) *committer {
	return &committer{t: t, in: p.in, db: p.db, log: log, now: time.Unix(1_700_000_000, 0)}
}

// commit returns how many records went to the changelog.
func (c *committer) commit() int {
	c.now = c.now.Add(100 * time.Millisecond)
	n, err := c.in.Flush(c.log)
	require.NoError(c.t, err)
	if n > 0 {
		c.in.Acked(c.offset, n)
	}
	c.offset += int64(n) + 1
	c.behind(testInterval)
	return n
}

func (c *committer) behind(interval time.Duration) {
	b := c.db.NewBatch()
	for more := true; more; {
		var err error
		more, err = c.in.WriteBehind(b, c.now, interval)
		require.NoError(c.t, err)
		require.NoError(c.t, b.Commit())
	}
	require.NoError(c.t, b.Close())
}
