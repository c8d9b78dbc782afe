// SPDX-License-Identifier: Apache-2.0

package statetest

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/state"
)

// Databases runs random batches, reads and crashes against a database, beside Go maps. Each history has a seed, which
// is the name of its subtest.
func Databases(t *testing.T, histories, steps int, machine func(t testing.TB) Machine) {
	for seed := range histories {
		t.Run(fmt.Sprintf("database/%d", seed), func(t *testing.T) {
			t.Parallel()
			h := &history{
				t: t, rng: rand.New(rand.NewPCG(uint64(seed), 2)), m: machine(t),
				states: []map[string]string{{}},
			}
			for range steps {
				h.step()
			}
		})
	}
}

// history is what a database has been through.
type history struct {
	t       testing.TB
	rng     *rand.Rand
	m       Machine
	states  []map[string]string // after each batch since the last known one
	flushed int                 // the state that at least survives a crash
}

func (h *history) now() map[string]string { return h.states[len(h.states)-1] }

// key is never empty: those of stores are not.
func (h *history) key() string { return "k" + someKey(h.rng) }

func (h *history) step() {
	switch h.rng.IntN(10) {
	case 0, 1, 2, 3:
		h.batch()
	case 4, 5:
		k := h.key()
		v, ok, err := h.m.DB().Get([]byte(k), []byte("scratch"))
		require.NoError(h.t, err)
		want, has := h.now()[k]
		require.Equal(h.t, has, ok)
		require.Equal(h.t, want, string(v))
	case 6, 7:
		h.scan()
	case 8:
		require.NoError(h.t, h.m.DB().Flush())
		h.flushed = len(h.states) - 1
	case 9:
		switch h.rng.IntN(8) {
		case 0:
			h.m.Restart(h.t)
			h.flushed = len(h.states) - 1
			require.Equal(h.t, h.now(), h.all())
		case 1:
			h.crash()
		}
	}
}

func (h *history) batch() {
	next := maps.Clone(h.now())
	b := h.m.DB().NewBatch()
	for i := range h.rng.IntN(8) {
		k := h.key()
		switch h.rng.IntN(5) {
		case 0:
			require.NoError(h.t, b.Delete([]byte(k)))
			delete(next, k)
		case 1:
			to := h.key()
			if to < k {
				k, to = to, k
			}
			require.NoError(h.t, b.DeleteRange([]byte(k), []byte(to)))
			maps.DeleteFunc(next, func(x, _ string) bool { return x >= k && x < to })
		default:
			v := bytes.Repeat([]byte{byte(h.rng.IntN(256))}, h.rng.IntN(20))
			require.NoError(h.t, b.Set([]byte(k), v))
			next[k] = string(v)
			clear(v) // it was copied
		}
		require.Equal(h.t, i+1, b.Len())
	}
	if h.rng.IntN(5) > 0 {
		require.NoError(h.t, b.Commit())
		require.Zero(h.t, b.Len())
		require.Zero(h.t, b.Bytes())
		h.states = append(h.states, next)
	}
	require.NoError(h.t, b.Close())
}

func (h *history) all() map[string]string {
	it, err := h.m.DB().Scan(nil, nil)
	require.NoError(h.t, err)
	all := map[string]string{}
	for it.Next() {
		all[string(it.Key())] = string(it.Value())
	}
	require.NoError(h.t, it.Err())
	require.NoError(h.t, it.Close())
	return all
}

// crash expects the state after some batch, none before the last Flush.
func (h *history) crash() {
	h.m.Crash(h.t)
	got := h.all()
	for i := len(h.states) - 1; i >= h.flushed; i-- {
		if maps.Equal(got, h.states[i]) {
			h.states, h.flushed = []map[string]string{h.states[i]}, 0
			return
		}
	}
	h.t.Fatalf("after the crash there is %v, which is no state since the last flush", got)
}

// scan walks over a range, seeks in it and looks at its end, while a batch changes what is below it.
func (h *history) scan() {
	lower, upper := []byte(h.key()), []byte(h.key())
	if bytes.Compare(lower, upper) > 0 {
		lower, upper = upper, lower
	}
	if h.rng.IntN(4) == 0 {
		upper = nil
	}
	var want []string
	now := h.now()
	for _, k := range slices.Sorted(maps.Keys(now)) {
		if k >= string(lower) && (upper == nil || k < string(upper)) {
			want = append(want, k)
		}
	}
	it, err := h.m.DB().Scan(lower, upper)
	require.NoError(h.t, err)
	h.batch()
	walk(h.t, it, want, now)
	if len(want) == 0 {
		require.False(h.t, it.Last())
	} else {
		require.True(h.t, it.Last())
		require.Equal(h.t, want[len(want)-1], string(it.Key()))
		require.False(h.t, it.Next())
	}
	for range 3 {
		k := h.key()
		i, _ := slices.BinarySearch(want, k)
		if i == len(want) {
			require.False(h.t, it.SeekGE([]byte(k)))
			continue
		}
		require.True(h.t, it.SeekGE([]byte(k)))
		require.Equal(h.t, want[i], string(it.Key()))
		walk(h.t, it, want[i+1:], now)
	}
	require.NoError(h.t, it.Err())
	require.NoError(h.t, it.Close())
}

// walk moves to the end of want.
func walk(t testing.TB, it state.Iterator, want []string, values map[string]string) {
	for _, k := range want {
		require.True(t, it.Next())
		require.Equal(t, k, string(it.Key()))
		require.Equal(t, values[k], string(it.Value()))
	}
	require.False(t, it.Next())
}
