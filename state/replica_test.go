// SPDX-License-Identifier: Apache-2.0

package state_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/state/memory"
	"github.com/irmak-go/irmak/stream/codec"
)

func openReplica(t testing.TB, db state.DB) *state.Replica {
	t.Helper()
	c, err := state.OpenCatalogue(db)
	require.NoError(t, err)
	r, err := state.OpenReplica(db, c, "global table t", 2)
	require.NoError(t, err)
	return r
}

func viewOf(t testing.TB, r *state.Replica) *state.View[string, string] {
	return state.NewView(r, codec.String, codec.String, func(err error) { t.Error(err) })
}

// A view sees each commit, whatever it has read before and however small its cache is.
func TestRandomView(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	r := openReplica(t, memory.New())
	small, large := viewOf(t, r), viewOf(t, r)
	small.SetLimit(1 << 10)
	now, next := map[string]string{}, map[string]string{}
	for i := range 5000 {
		k := fmt.Sprint(rng.IntN(60))
		switch rng.IntN(10) {
		case 0:
			next[k] = fmt.Sprint(i)
			require.NoError(t, r.Set([]byte(k), []byte(next[k]), int64(i)))
		case 1:
			next[k] = ""
			require.NoError(t, r.Delete([]byte(k)))
		case 2:
			require.NoError(t, r.Commit())
			for k, v := range next {
				if now[k] = v; v == "" {
					delete(now, k)
				}
			}
			clear(next)
		default:
			want, has := now[k]
			for _, v := range []*state.View[string, string]{small, large} {
				got, at, ok := v.Get(k)
				require.Equal(t, has, ok)
				require.Equal(t, want, got)
				if ok {
					require.Equal(t, want, fmt.Sprint(at))
				}
			}
		}
	}
}

// Readers in other goroutines see a row that was committed before they ask, or a newer one.
func TestViewsOfOtherGoroutines(t *testing.T) {
	t.Parallel()
	r := openReplica(t, memory.New())
	asked, answered := make(chan int64), make(chan int64)
	go func() {
		defer close(answered)
		v := viewOf(t, r)
		for range asked {
			_, at, _ := v.Get("k")
			answered <- at
		}
	}()
	for i := range int64(2000) {
		require.NoError(t, r.Set([]byte("k"), nil, i))
		require.NoError(t, r.Commit())
		asked <- i
		require.NoError(t, r.Set([]byte("k"), nil, i+1)) // while it is read
		require.NoError(t, r.Commit())
		at := <-answered
		require.True(t, at == i || at == i+1, "%d, not %d or the next", at, i)
	}
	close(asked)
	<-answered
}

// A copy goes on where it was, with its rows; a cleared one has neither.
func TestReplicaIsFoundAgain(t *testing.T) {
	t.Parallel()
	db := memory.New()
	r := openReplica(t, db)
	at := state.UpTo([16]byte{7}, 40, time.Unix(1_700_000_000, 0))
	require.NoError(t, r.Set([]byte("a"), []byte("x"), 3))
	require.NoError(t, r.SetPosition(1, at))
	require.NoError(t, r.Commit())
	require.NoError(t, r.Set([]byte("a"), []byte("lost"), 4))
	require.NoError(t, r.Close())

	r = openReplica(t, db)
	got, ok, err := r.Position(1)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, at, got)
	_, ok, err = r.Position(0)
	require.NoError(t, err)
	require.False(t, ok)
	v := viewOf(t, r)
	row, _, _ := v.Get("a")
	require.Equal(t, "x", row)
	require.NoError(t, r.Clear())
	_, _, ok = v.Get("a")
	require.False(t, ok)
	_, ok, err = r.Position(1)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestHitsOfAViewAllocateNothing(t *testing.T) {
	r := openReplica(t, memory.New())
	for i := range 1000 {
		require.NoError(t, r.Set([]byte(fmt.Sprint(i)), make([]byte, 100), 1))
	}
	require.NoError(t, r.Commit())
	v := viewOf(t, r)
	v.Get("7")
	require.Zero(t, testing.AllocsPerRun(100, func() { v.Get("7") }))
}
