// SPDX-License-Identifier: Apache-2.0

package task

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClockNeverGoesBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	c := r.ClockOf("op", 0, nil)
	require.False(t, c.Known())
	require.Zero(t, c.Now())
	for _, s := range []struct {
		at    int64
		moved bool
		now   int64
	}{{-5, true, -5}, {-5, false, -5}, {3, true, 3}, {2, false, 3}, {4, true, 4}} {
		require.Equal(t, s.moved, c.Advance(s.at))
		require.Equal(t, s.now, c.Now())
	}
	require.True(t, c.Known())
	require.True(t, r.HasClock("op"))
	require.False(t, r.HasClock("other"))
}

// What a task commits is what the next task of its partition begins with.
func TestClocksRoundTrip(t *testing.T) {
	t.Parallel()
	for range 200 {
		before := newRig(t, "a", nil)
		want := map[string]int64{}
		for i := range rand.IntN(20) {
			name := fmt.Sprintf("%s%d", strings.Repeat("n", rand.IntN(100)), i)
			c := before.ClockOf(name, 0, nil)
			switch rand.IntN(4) {
			case 0: // no record yet
			case 1:
				want[name] = []int64{0, -1, math.MaxInt64, math.MinInt64}[rand.IntN(4)]
				c.Advance(want[name])
			default:
				want[name] = rand.Int64N(4e12) - 1e6
				c.Advance(want[name])
			}
		}
		metadata := before.ClocksMetadata()
		require.LessOrEqual(t, len(metadata), before.MetadataBytes())
		got := map[string]int64{}
		require.NoError(t, ParseClocks(metadata, got))
		require.Equal(t, want, got)
		after := newRig(t, "a", func(s *Setup) { s.Clocks = got })
		for name, at := range want {
			c := after.ClockOf(name, 0, nil)
			require.True(t, c.Known())
			require.Equal(t, at, c.Now())
		}
		require.False(t, after.ClockOf("new", 0, nil).Known())
	}
	require.Empty(t, newRig(t, "a", nil).ClocksMetadata())
}

// Inputs that were committed at different times carry different clocks: the later ones hold.
func TestClocksOfSeveralInputs(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	x, y := r.ClockOf("x", 0, nil), r.ClockOf("y", 0, nil)
	x.Advance(10)
	old := r.ClocksMetadata()
	y.Advance(5)
	x.Advance(20)
	for _, order := range [][]string{{old, r.ClocksMetadata()}, {r.ClocksMetadata(), old, ""}} {
		got := map[string]int64{}
		for _, metadata := range order {
			require.NoError(t, ParseClocks(metadata, got))
		}
		require.Equal(t, map[string]int64{"x": 20, "y": 5}, got)
	}
}

// Metadata of other software, or damaged, is an error, and nothing of it is used.
func TestClocksThatAreGarbage(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	r.ClockOf("first", 0, nil).Advance(1000)
	r.ClockOf("second", 0, nil).Advance(2000)
	good, err := base64.RawStdEncoding.DecodeString(r.ClocksMetadata())
	require.NoError(t, err)
	encode := base64.RawStdEncoding.EncodeToString
	endless := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} // no varint ends so late
	for _, bad := range []string{
		"hello, world", "AgICAw==", encode([]byte{clocksVersion + 1, 1, 'x', 2}), "\x00", encode([]byte{0}),
		encode([]byte{clocksVersion, 200, 1, 'x'}), encode(append([]byte{clocksVersion}, endless...)),
		encode(append([]byte{clocksVersion, 1, 'x'}, endless...)), encode([]byte{clocksVersion, 1, 'x', 2, 9, 'y'}),
	} {
		got := map[string]int64{"kept": 7}
		require.Error(t, ParseClocks(bad, got), "%q", bad)
		require.Equal(t, map[string]int64{"kept": 7}, got)
	}
	for cut := 2; cut < len(good); cut++ {
		got := map[string]int64{}
		if err := ParseClocks(encode(good[:cut]), got); err != nil {
			require.Empty(t, got)
			require.ErrorContains(t, err, "cut short")
		} else {
			require.Equal(t, map[string]int64{"first": 1000}, got, "the end of the first clock")
		}
	}
}

func FuzzParseClocks(f *testing.F) {
	f.Add("AQF4Ag")
	f.Fuzz(func(t *testing.T, metadata string) {
		got := map[string]int64{}
		if ParseClocks(metadata, got) != nil && len(got) > 0 {
			t.Fatal("half of it was used")
		}
	})
}

// With an idle rule the clock follows the wall when no record has come for that long, at that distance, and only once a
// first record has told where it stands.
func TestIdleClock(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a", nil)
	var moved []int64
	c := r.ClockOf("op", time.Minute, nil)
	r.follows = nil
	c = r.ClockOf("op", time.Minute, func() { moved = append(moved, c.Now()) })
	wall := func(by time.Duration) {
		t.Helper()
		r.clock.Advance(by)
		step(t, r)
	}
	wall(time.Hour)
	require.Empty(t, moved, "no record yet")
	now := r.clock.Now().UnixMilli()
	c.Advance(now - 100)
	wall(0)
	wall(59 * time.Second)
	require.Empty(t, moved)
	c.Advance(now - 50) // a record
	wall(time.Second)
	wall(59 * time.Second)
	require.Empty(t, moved)
	wall(time.Second)
	require.Equal(t, []int64{r.clock.Now().Add(-time.Minute).UnixMilli()}, moved)
	wall(time.Millisecond)
	require.Len(t, moved, 2, "it follows from then on")
	require.Equal(t, r.clock.Now().Add(-time.Minute).UnixMilli(), c.Now())
	c.Advance(now + 7_200_000) // ahead of the wall
	wall(time.Hour)
	require.Len(t, moved, 2)
	wall(30 * time.Minute)
	require.Len(t, moved, 2, "a clock that is ahead is not moved back")
	wall(time.Hour)
	require.Len(t, moved, 3)
}

// What the wall has done to a clock is committed with the inputs' offsets, although no input has moved.
func TestIdleClockIsCommitted(t *testing.T) {
	t.Parallel()
	r := newRig(t, "ab", nil)
	c := r.ClockOf("op", time.Minute, func() {})
	r.feeds[0].add("a", 5, 0, rec{1, "ok"})
	step(t, r)
	c.Advance(1)
	step(t, r)
	r.Committed()
	require.Empty(t, r.offsets())
	r.clock.Advance(time.Minute)
	step(t, r)
	require.Equal(t, map[string]int64{"a": 6, "b": 0}, r.offsets())
	r.Committed()
	require.Empty(t, r.offsets())
}
