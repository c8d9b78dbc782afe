// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
	"github.com/irmak-go/irmak/window"
)

// touched is a database that counts what is done to it.
type touched struct {
	state.DB
	rows    int // that an iterator stood on, or that were got
	sets    int
	deletes int // of one key
	ranges  int // deletes of a range
}

func (t *touched) Get(key, dst []byte) ([]byte, bool, error) {
	t.rows++
	return t.DB.Get(key, dst)
}

func (t *touched) Scan(lower, upper []byte) (state.Iterator, error) {
	it, err := t.DB.Scan(lower, upper)
	return &touchedIterator{it, t}, err
}

func (t *touched) NewBatch() state.Batch { return &touchedBatch{t.DB.NewBatch(), t} }

type touchedIterator struct {
	state.Iterator
	t *touched
}

func (i *touchedIterator) Next() bool             { i.t.rows++; return i.Iterator.Next() }
func (i *touchedIterator) SeekGE(key []byte) bool { i.t.rows++; return i.Iterator.SeekGE(key) }

type touchedBatch struct {
	state.Batch
	t *touched
}

func (b *touchedBatch) Set(key, value []byte) error { b.t.sets++; return b.Batch.Set(key, value) }
func (b *touchedBatch) Delete(key []byte) error     { b.t.deletes++; return b.Batch.Delete(key) }
func (b *touchedBatch) DeleteRange(lower, upper []byte) error {
	b.t.ranges++
	return b.Batch.DeleteRange(lower, upper)
}

// touching runs build's topology on a counting database, with a cache that keeps next to nothing, and everything
// written to the database with each commit.
func touching(t *testing.T, build func(topo *stream.Topology)) (*streamtest.Driver, *touched) {
	t.Helper()
	db := &touched{DB: memory.New()}
	topo := stream.New("touched")
	build(topo)
	return streamtest.New(t, topo, streamtest.Options{
		DB: db, CacheBytes: 1, CheckpointInterval: time.Nanosecond, CommitEvery: 20,
	}), db
}

// crowd sends records of one key, and of many others, a second apart from each other, up to a time.
func crowd(in *streamtest.In[string, string], others int, upTo int64) {
	for at := int64(1000); at <= upTo; at += 1000 {
		in.Send("me", "v", at)
		in.Send(fmt.Sprintf("other-%d", at/1000%int64(others)), "v", at)
	}
}

// mostTouched is how many rows of the database one record may look at: a few that can match, one for each segment of
// the store that lies in between, and as many more as a store reads on for the sake of the next record.
const mostTouched = 60

func TestSessionsReadOnlyWhatCanMatch(t *testing.T) {
	t.Parallel()
	d, db := touching(t, func(topo *stream.Topology) {
		w := window.Session{Gap: 100 * time.Millisecond, Grace: time.Hour}
		operators.AggregateWindows("sessions", stream.From(topo, words), w, operators.Count[string]())
	})
	in := streamtest.Input(d, words)
	crowd(in, 50, 3_000_000)
	d.Restart() // nothing is cached
	require.Greater(t, db.sets, 6000)
	for _, at := range []int64{3_000_050, 1_500_050, 2_000_500} { // joins the newest, an old one, none
		before := db.rows
		in.Send("me", "v", at)
		d.Process()
		require.LessOrEqual(t, db.rows-before, mostTouched, "record at %d", at)
	}
}

func TestJoinsReadOnlyWhatCanMatch(t *testing.T) {
	t.Parallel()
	d, db := touching(t, func(topo *stream.Topology) {
		within := window.Within{Before: 100 * time.Millisecond, After: 100 * time.Millisecond, Grace: time.Hour}
		joined := operators.Join("pairs", stream.From(topo, words), stream.From(topo, other), within,
			func(a, b string) string { return a + b })
		stream.To(joined, lines)
	})
	crowd(streamtest.Input(d, words), 50, 3_000_000)
	d.Restart()
	require.Greater(t, db.sets, 6000)
	in := streamtest.Input(d, other)
	for _, at := range []int64{3_000_050, 1_500_050, 2_000_500} {
		before := db.rows
		in.Send("me", "w", at)
		d.Process()
		require.LessOrEqual(t, db.rows-before, mostTouched, "record at %d", at)
	}
	require.Len(t, streamtest.Output(d, lines).Read(), 2)
}

// What has expired leaves the database by its segments, never row by row.
func TestExpiryIsByRange(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(topo *stream.Topology){
		"windows": func(topo *stream.Topology) {
			w := window.Tumbling{Size: 10 * time.Second, Emit: window.OnClose}
			operators.AggregateWindows("windows", stream.From(topo, words), w, operators.Count[string]())
		},
		"slices": func(topo *stream.Topology) {
			w := window.Hopping{Size: 10 * time.Second, Advance: time.Second, Emit: window.OnClose}
			operators.AggregateWindows("slices", stream.From(topo, words), w, operators.Count[string]())
		},
		"sessions": func(topo *stream.Topology) {
			w := window.Session{Gap: 100 * time.Millisecond, Emit: window.OnClose}
			operators.AggregateWindows("sessions", stream.From(topo, words), w, operators.Count[string]())
		},
		"join": func(topo *stream.Topology) {
			within := window.Within{Before: 10 * time.Second, After: 10 * time.Second}
			operators.Join("pairs", stream.From(topo, words), stream.From(topo, other), within,
				func(a, b string) string { return a + b })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, db := touching(t, build)
			crowd(streamtest.Input(d, words), 50, 3_000_000)
			d.Restart()
			require.Greater(t, db.sets, 2*6000/20, "rows were in the database before they expired")
			require.LessOrEqual(t, db.deletes, 4, "the position and the mark of each store, when it begins empty")
			require.NotZero(t, db.ranges)
			require.LessOrEqual(t, db.ranges, 6000/20+4, "at most one for each commit")
		})
	}
}
