// SPDX-License-Identifier: Apache-2.0

package task

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/internal/kafka"
	"github.com/irmak-go/irmak/state"
	"github.com/irmak-go/irmak/stream/codec"
)

var totals = state.Map[string, int64]{Name: "totals", Key: codec.String, Value: codec.Int64}

// At a commit operators give what they hold back, those further up first, then each store its changes, once per key.
func TestFlush(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	store := totals.Open(r)
	other := state.Map[string, int64]{Name: "scratch", Key: codec.String, Value: codec.Int64, Unlogged: true}.Open(r)
	var order []int
	r.BeforeCommit(7, func() { order = append(order, 7); store.Put("late", 7) })
	r.BeforeCommit(2, func() { order = append(order, 2) })
	r.BeforeCommit(7, func() { order = append(order, 8) })
	store.Put("x", 1)
	store.Put("y", 2)
	store.Put("x", 3)
	other.Put("x", 1)
	require.NoError(t, r.Flush())
	require.Equal(t, []int{2, 7, 8}, order)
	require.Len(t, r.out.sent, 3)
	for i, key := range []string{"x", "y", "late"} {
		require.Equal(t, "app-totals-changelog", r.out.sent[i].topic)
		require.Equal(t, key, string(r.out.sent[i].key))
		require.EqualValues(t, 1_000_000, r.out.sent[i].at, "rows without a time of their own get the wall's")
	}
	asked := 0
	require.NoError(t, r.Acked(func(p kafka.Partition) []kafka.Run {
		asked++
		require.Equal(t, kafka.Partition{Topic: "app-totals-changelog", Index: 1}, p)
		return []kafka.Run{{First: 10, N: 1}, {First: 15, N: 2}}
	}))
	require.Equal(t, 1, asked)
	r.Committed()
	require.Len(t, r.Stores(), 2)
}

func TestAcknowledgementsThatAreMissing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	store := totals.Open(r)
	store.Put("x", 1)
	store.Put("y", 2)
	require.NoError(t, r.Flush())
	err := r.Acked(func(kafka.Partition) []kafka.Run { return []kafka.Run{{First: 10, N: 1}} })
	require.EqualError(t, err, "task 3_1: changelog app-totals-changelog-1: 1 acknowledgements are missing")
}

// A commit that fails leaves a failed task, whoever failed: a hook, a store, the output.
func TestFlushThatFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *rig, s *state.MapStore[string, int64])
		want   string
	}{
		"hook": {
			func(r *rig, _ *state.MapStore[string, int64]) {
				r.BeforeCommit(1, func() { r.FailRecord(Process, "op", errFake) })
				r.BeforeCommit(2, func() { panic("not reached") })
			},
			"partition 1, between records: op: fake",
		},
		"panic": {
			func(r *rig, _ *state.MapStore[string, int64]) { r.BeforeCommit(1, func() { panic(errFake) }) },
			"partition 1, between records: panic at task/flush_test.go",
		},
		"output": {
			func(r *rig, s *state.MapStore[string, int64]) { s.Put("x", 1); r.out.refuse = errFake },
			`task 3_1: changelog app-totals-changelog-1: store "totals": changelog: fake`,
		},
		"abort": {
			func(r *rig, _ *state.MapStore[string, int64]) { r.BeforeCommit(1, func() { r.Abort(errFake) }) },
			"task 3_1: fake",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "a", nil)
			c.change(r, totals.Open(r))
			err := r.Flush()
			require.ErrorIs(t, err, errFake)
			require.ErrorContains(t, err, c.want)
			n, err := r.Step(1)
			require.Zero(t, n)
			require.NoError(t, err)
			require.NoError(t, r.Flush())
		})
	}
}

// Under Skip one hook that fails does not keep the others from their turn.
func TestFlushPassesOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", func(s *Setup) { s.Policies = policyFor(Process, Policy{Action: Skip}) })
	called := 0
	r.BeforeCommit(1, func() { panic(errFake) })
	r.BeforeCommit(2, func() { called++ })
	require.NoError(t, r.Flush())
	require.Equal(t, 1, called)
}

func TestLife(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", nil)
	require.Equal(t, []kafka.Partition{{Topic: "a", Index: 1}, {Topic: "b", Index: 1}}, r.Partitions())
	made := 0
	for range 3 {
		require.Equal(t, 1, r.Memo("key", func() any { made++; return made }))
	}
	r.feeds[0].add("a", 0, 0, rec{1, "ok"}, rec{2, "ok"})
	r.feeds[1].add("b", 0, 0, rec{9, "ok"})
	_, err := r.Step(1)
	require.NoError(t, err)
	require.Equal(t, 2, r.feeds[0].out+r.feeds[1].out)
	r.Close()
	r.Close()
	require.Zero(t, r.feeds[0].out+r.feeds[1].out, "what was in work is given back")
	n, err := r.Step(1)
	require.Zero(t, n)
	require.NoError(t, err)
}

// The arrows of stage.go, and no others.
func TestStages(t *testing.T) {
	t.Parallel()
	drawn := map[[2]stage]bool{
		{Built, Running}: true, {Built, Closed}: true, {Running, Failed}: true, {Running, Closed}: true,
		{Failed, Closed}: true,
	}
	for from := Built; from <= Closed; from++ {
		for to := Built; to <= Closed; to++ {
			require.Equal(t, drawn[[2]stage{from, to}], from.mayBecome(to), "%s → %s", from, to)
		}
	}
}

// Every drop is counted, the first of each reason is logged with its position.
func TestDrops(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	r := newRig(t, "a", func(s *Setup) {
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.Policies = policyFor(Decode, Policy{Action: Skip})
	})
	r.feeds[0].add("a", 70, 0, rec{1, "drop"}, rec{2, "drop"}, rec{3, "decode"}, rec{4, "decode"})
	step(t, r)
	r.Drop("op", "late")
	require.Equal(t, map[DropReason]uint64{{"a", "dropped"}: 2, {"a", "decode error"}: 2, {"op", "late"}: 1},
		r.Counters.Drops())
	require.Equal(t, 3, strings.Count(log.String(), "\n"))
	for _, line := range []string{
		"operator=a reason=dropped topic=a partition=1 offset=70\n",
		`operator=a reason="decode error" topic=a partition=1 offset=72 action=skip error="record a/1@72: a: fake"`,
		`operator=op reason=late topic="" partition=1 offset=-1`,
	} {
		require.Contains(t, log.String(), line)
	}
}
