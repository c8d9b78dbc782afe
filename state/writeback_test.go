// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream/codec"
)

func TestHotRowReachesTheDatabaseOncePerInterval(t *testing.T) {
	t.Parallel()
	p, log := &place{t: t}, &kept{}
	m := counts.Open(p)
	c := newCommitter(t, p, log)
	for range 600 { // a minute
		v, _ := m.Upsert("hot")
		*v++
		require.Equal(t, 1, c.commit())
	}
	require.Len(t, log.records, 600)
	require.InDelta(t, 6, p.in.Stats().Written, 1)
	require.LessOrEqual(t, p.in.Stats().QueueAge, testInterval)
}

func TestNewKeysOfAStoreThatBeganEmptyCostNoRead(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	m := counts.Open(p)
	c := newCommitter(t, p, &dropped{})
	visit := func(from, to int) (misses int64) {
		before := p.in.Stats().Misses
		for i := range to - from {
			v, existed := m.Upsert(fmt.Sprint("key-", from+i))
			require.False(t, existed)
			*v = int64(from + i)
		}
		return p.in.Stats().Misses - before
	}
	require.Zero(t, visit(0, 100))
	c.commit()
	c.behind(0) // the database has them, but so has the cache
	require.Zero(t, visit(100, 200))
	c.commit()
	c.behind(0)
	p.in.SetLimit(p.in.Stats().Bytes / 2) // now some are in the database only
	require.EqualValues(t, 100, visit(200, 300))
	for i := range 300 {
		v, ok := m.Get(fmt.Sprint("key-", i))
		require.True(t, ok)
		require.EqualValues(t, i, v)
	}
	require.NoError(t, p.in.Forget()) // as after an abort: the cache is empty, the database is not
	v, ok := m.Get("key-7")
	require.True(t, ok)
	require.EqualValues(t, 7, v)
}

func TestShortWindowsNeverReachTheDatabase(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	w := panes.Open(p)
	c := newCommitter(t, p, &kept{})
	for i := range int64(600) { // a minute of event time, windows of two seconds
		v, existed := w.Upsert("k", i*100/2000*2000)
		require.Equal(t, i%20 != 0, existed)
		*v++
		w.Expire(i*100 - 2000)
		c.commit()
	}
	st := p.in.Stats()
	require.Zero(t, st.Written)
	require.Zero(t, st.Misses)
	require.LessOrEqual(t, st.Rows, 60)
}

func TestRowsOfOneCommitKeepTheirOrder(t *testing.T) {
	t.Parallel()
	p, log := &place{t: t}, &kept{}
	m := counts.Open(p)
	c := newCommitter(t, p, log)
	for _, k := range []string{"b", "a", "c", "a", "b"} {
		v, _ := m.Upsert(k)
		*v++
	}
	m.Delete("c")                        // came and went: nobody hears of it
	m.Put("d", 4)                        // what was there before is not known
	require.True(t, m.Delete("d"))       // so its deletion is logged
	require.False(t, m.Delete("nobody")) //
	require.Equal(t, 3, c.commit())      //
	require.Equal(t, "b", log.records[0].key)
	require.Equal(t, "a", log.records[1].key)
	require.Equal(t, entry{key: "d", deleted: true, time: state.NoTime}, log.records[2])
	require.Equal(t, 0, c.commit(), "nothing has changed")
}

func TestCacheKeepsItsLimit(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	p := &place{t: t, limit: limit}
	m := counts.Open(p)
	c := newCommitter(t, p, &dropped{})
	for i := range 20_000 {
		m.Put(fmt.Sprint("key-", i), int64(i))
		if p.in.Pressure() {
			c.commit()
			require.False(t, p.in.Pressure())
		}
		require.LessOrEqual(t, p.in.Stats().Bytes, limit+200)
	}
	c.commit()
	for i := range 20_000 {
		v, ok := m.Get(fmt.Sprint("key-", i))
		require.True(t, ok)
		require.EqualValues(t, i, v)
	}
	require.Positive(t, p.in.Stats().Evictions)
}

func TestOtherSegmentMeansRestore(t *testing.T) {
	t.Parallel()
	p := &place{t: t, db: memory.New()}
	w := panes.Open(p)
	w.Put("k", 60_000, 1)
	c := newCommitter(t, p, &kept{})
	c.commit()
	c.behind(0)
	_, ok, err := p.in.Position()
	require.NoError(t, err)
	require.True(t, ok)

	other := panes
	other.Segment = 1000
	w = other.Open(p)
	_, ok, err = p.in.Position()
	require.NoError(t, err)
	require.False(t, ok, "the changelog must be replayed from its beginning")
	_, ok = w.Get("k", 60_000)
	require.False(t, ok)
}

func TestClear(t *testing.T) {
	t.Parallel()
	p := &place{t: t}
	w := panes.Open(p)
	c := newCommitter(t, p, &kept{})
	w.Put("k", 60_000, 1)
	w.Expire(50_000)
	c.commit()
	c.behind(0)
	b := p.db.NewBatch()
	require.NoError(t, p.in.Clear(b))
	require.NoError(t, b.Commit())
	_, ok, err := p.in.Position()
	require.NoError(t, err)
	require.False(t, ok)
	require.Zero(t, w.Expired())
	_, ok = w.Get("k", 60_000)
	require.False(t, ok)
}

func TestEmptyValueIsNotADelete(t *testing.T) {
	t.Parallel()
	p, log := &place{t: t}, &kept{}
	m := state.Map[string, string]{Name: "m", Key: codec.String, Value: codec.String}.Open(p)
	m.Put("", "")
	newCommitter(t, p, log).commit()
	require.Equal(t, []entry{{time: state.NoTime}}, log.records)
	require.NoError(t, p.in.Forget())
	b := p.db.NewBatch()
	require.NoError(t, p.in.Restore(b, []byte{}, []byte{}, 0, 0))
	require.NoError(t, b.Commit())
	require.True(t, m.Has(""))
}

func TestFullBatchesGoOnInTheSameCommit(t *testing.T) {
	t.Parallel()
	p := &place{t: t, limit: 1 << 30}
	m := state.Map[int64, []byte]{Name: "m", Key: codec.Int64, Value: codec.Bytes}.Open(p)
	c := newCommitter(t, p, &dropped{})
	for i := range int64(20_000) {
		m.Put(i, make([]byte, 1000))
	}
	c.commit()
	require.Zero(t, p.in.Stats().Written)
	c.now = c.now.Add(testInterval / 2)
	batches := 0
	b := p.db.NewBatch()
	for more := true; more; batches++ {
		var err error
		more, err = p.in.WriteBehind(b, c.now, testInterval)
		require.NoError(t, err)
		require.LessOrEqual(t, b.Bytes(), state.MaxBatchBytes+2000)
		require.NoError(t, b.Commit())
	}
	require.EqualValues(t, 20_000, p.in.Stats().Written, "the next call is another five seconds away")
	require.Equal(t, 5, batches)
}
