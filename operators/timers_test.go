// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/operators"
	"github.com/irmak-go/irmak/stream"
	"github.com/irmak-go/irmak/stream/streamtest"
)

type timer = operators.Timer[string]

// ticking emits a mark under key "tick" each time that the clock timer is called, and nothing for records.
func ticking(p *processor) function {
	p.Every(10*time.Millisecond, func(now int64) error {
		p.EmitFor("tick", fmt.Sprint(now), now)
		return nil
	})
	return func(*text) error { return nil }
}

// With disorder the clock may stand before 1970, and still passes its multiples; results never do.
func TestClockTimersBefore1970(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	disordered := words
	disordered.Disorder = 25 * time.Millisecond
	stream.To(process(func(p *processor) function {
		p.Every(10*time.Millisecond, func(now int64) error {
			p.Emit(fmt.Sprint(now))
			return nil
		})
		return func(*text) error { return nil }
	})(stream.From(topo, disordered)), lines)
	d := streamtest.New(t, topo)
	in, out := streamtest.Input(d, disordered), streamtest.Output(d, lines)
	for _, at := range []int64{2, 14, 16, 24, 25, 34, 35} {
		in.Send("k", "", at)
	}
	require.Equal(t, "∅ -23 @0, ∅ -11 @0, ∅ -9 @0, ∅ 0 @0, ∅ 10 @10", show(out.Read()))
}

func TestWallTimers(t *testing.T) {
	t.Parallel()
	calls := 0
	d, in, out := run(t, streamtest.Options{}, process(func(p *processor) function {
		begin := p.Wall()
		p.EveryWall(time.Minute, func(now time.Time) error {
			calls++
			p.EmitFor("wall", now.Sub(begin).String(), p.Now())
			return nil
		})
		return func(*text) error { return nil }
	}))
	step := func(by time.Duration, want string) {
		t.Helper()
		d.AdvanceWall(by)
		require.Equal(t, want, show(out.Read()))
	}
	step(59*time.Second, "")
	step(time.Second, "wall 1m0s @0")
	in.Send("k", "", 7)
	step(30*time.Second, "")
	step(10*time.Minute, "wall 11m30s @7") // missed ones are one call
	step(29*time.Second, "")
	step(time.Second, "wall 12m0s @7") // and the next is counted from the start
	step(59*time.Second, "")
	d.Restart() // the wall's interval begins anew
	step(59*time.Second, "")
	step(time.Second, "wall 1m0s @7")
	require.Equal(t, 4, calls)
}

// Errors and panics in a wall timer have no record: the policy is applied to the call alone.
func TestWallTimersFail(t *testing.T) {
	t.Parallel()
	build := func(p *processor) function {
		p.EveryWall(time.Minute, func(time.Time) error { panic("tick") })
		p.EveryWall(time.Minute, func(time.Time) error { p.EmitFor("k", "still here", 1); return nil })
		return func(*text) error { return nil }
	}
	var failure error
	d, _, _ := run(t, streamtest.Options{Expect: func(err error) { failure = err }}, process(build))
	d.AdvanceWall(time.Minute)
	require.ErrorContains(t, failure, "partition 0, between records: panic at operators/timers_test.go")

	d, _, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, process(build))
	d.AdvanceWall(time.Minute)
	d.AdvanceWall(time.Minute)
	require.Equal(t, "k still here @1, k still here @1", show(out.Read()))

	d, _, out = run(t, streamtest.Options{Errors: policies(stream.DeadLetter)}, process(build))
	d.AdvanceWall(time.Minute)
	require.Equal(t, "k still here @1", show(out.Read()))
	letters := deadLetters(d).Read()
	require.Len(t, letters, 1)
	require.True(t, letters[0].NullKey && letters[0].NullValue)
	require.Contains(t, headers(letters[0].Headers), "irmak.error=panic at operators/timers_test.go")
	require.NotContains(t, headers(letters[0].Headers), "irmak.offset")
}

func policies(a stream.Action) stream.Policies {
	p := stream.Policy{Action: a}
	return stream.Policies{Decode: p, Process: p, Produce: p}
}

func deadLetters(d *streamtest.Driver) *streamtest.Out[string, string] {
	dead := words
	dead.Name = "test-dead-letters"
	return streamtest.Output(d, dead)
}

func headers(hs []stream.Header) (s string) {
	for _, h := range hs {
		s += fmt.Sprintf("%s=%s\n", h.Key, h.Value)
	}
	return s
}

// alarms is a Process that obeys: "+name time" sets a timer, "-name time" deletes it, for the record's key.
func alarms(onTimer func(p *processor, at timer) error) func(p *processor) function {
	return func(p *processor) function {
		p.OnTimer(func(at timer) error { return onTimer(p, at) })
		return func(r *text) error {
			var name string
			var at int64
			if n, _ := fmt.Sscanf(r.Value, "+%s %d", &name, &at); n == 2 {
				p.SetTimer(r.Key, name, at)
			} else if n, _ := fmt.Sscanf(r.Value, "-%s %d", &name, &at); n == 2 {
				p.DeleteTimer(r.Key, name, at)
			}
			return nil
		}
	}
}

// ring emits the timer's name under its key and time.
func ring(p *processor, at timer) error { p.Emit(at.Name); return nil }

// 100 timers at once come in the order of their times, whatever the order in which they were set.
func TestManyTimersAtOnce(t *testing.T) {
	t.Parallel()
	_, in, out := run(t, streamtest.Options{CacheBytes: 400}, process(alarms(ring)))
	for i := range 100 {
		in.Send("k", fmt.Sprintf("+t %d", 1000+i*37%100), int64(i))
	}
	require.Empty(t, out.Read())
	in.Send("k", "", 5000)
	got := out.Read()
	require.Len(t, got, 100)
	for i, r := range got {
		require.EqualValues(t, 1000+i, r.Time)
	}
}

// What is set is there again after a restart or a crash; what a crash took back is set again by the record that comes
// again; what has gone off does not go off again.
func TestTimersSurvive(t *testing.T) {
	t.Parallel()
	for name, fall := range map[string]func(d *streamtest.Driver){
		"restart":       (*streamtest.Driver).Restart,
		"before flush":  func(d *streamtest.Driver) { d.Crash(streamtest.BeforeFlush) },
		"before commit": func(d *streamtest.Driver) { d.Crash(streamtest.BeforeCommit) },
		"after commit":  func(d *streamtest.Driver) { d.Crash(streamtest.AfterCommit) },
		"after apply":   func(d *streamtest.Driver) { d.Crash(streamtest.AfterApply) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, in, out := run(t, streamtest.Options{CommitEvery: 100}, process(alarms(ring)))
			in.Send("a", "+x 10", 1)
			in.Send("a", "+y 20", 2)
			d.Commit()
			in.Send("b", "+z 10", 3)
			in.Send("a", "-y 20", 4)
			fall(d)
			in.Send("b", "", 10)
			fall(d)
			require.Equal(t, "a x @10, b z @10", show(out.Read()))
			fall(d)
			in.Send("b", "", 30)
			require.Empty(t, out.Read())
		})
	}
}

// A timer may set timers: later ones come in their turn, also within the same step. One for its own time or earlier
// waits for the next record, so that a timer that sets itself again does not run for ever.
func TestTimersThatSetTimers(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{}, process(alarms(func(p *processor, at timer) error {
		p.Emit(at.Name)
		switch at.Name {
		case "chain":
			if at.At < 40 {
				p.SetTimer(at.Key, "chain", at.At+10)
			}
		case "again":
			p.SetTimer(at.Key, "again", at.At)
		case "forget":
			p.SetTimer(at.Key, "gone", at.At)
			p.DeleteTimer(at.Key, "gone", at.At)
			p.DeleteTimer(at.Key, "other", 36)
		}
		return nil
	})))
	in.Send("k", "+chain 10", 1)
	in.Send("k", "+other 25", 2)
	in.Send("k", "+other 36", 2)
	in.Send("k", "+forget 35", 3)
	in.Send("k", "", 100)
	require.Equal(t, "k chain @10, k chain @20, k other @25, k chain @30, k forget @35, k chain @40", show(out.Read()))
	in.Send("k", "+again 5", 101)
	require.Equal(t, "k again @5", show(out.Read()))
	in.Send("k", "", 0)
	require.Equal(t, "k again @5", show(out.Read()))
	d.Crash(streamtest.AfterCommit)
	require.Empty(t, out.Read())
	in.Send("k", "", 0)
	require.Equal(t, "k again @5", show(out.Read()))
}

// One timer that fails does not take others along.
func TestTimersThatFail(t *testing.T) {
	t.Parallel()
	broken := alarms(func(p *processor, at timer) error {
		switch at.Name {
		case "error":
			return errBad
		case "panic":
			panic(errBad)
		}
		p.Emit(at.Name)
		return nil
	})
	for _, how := range []string{"error", "panic"} {
		var failure error
		_, in, out := run(t, streamtest.Options{Expect: func(err error) { failure = err }}, process(broken))
		in.Send("k", "+"+how+" 10", 1)
		in.Send("k", "+x 10", 2)
		in.Send("k", "", 12)
		require.ErrorIs(t, failure, errBad)
		require.ErrorContains(t, failure, "between records")
		require.Empty(t, out.Read())

		d, in, out := run(t, streamtest.Options{Errors: policies(stream.Skip)}, process(broken))
		in.Send("k", "+a 10", 1)
		in.Send("k", "+"+how+" 11", 1)
		in.Send("k", "+b 12", 2)
		in.Send("k", "", 12)
		require.Equal(t, "k a @10, k b @12", show(out.Read()))
		var dropped uint64
		for _, n := range d.Drops() {
			dropped += n
		}
		require.EqualValues(t, 1, dropped, "the record that moved the clock is not dropped")
	}
}

// With an Idle rule the wall moves the clock, timers go off on quiet input, and what the clock has reached that way
// survives.
func TestTimersOnQuietInput(t *testing.T) {
	t.Parallel()
	topo := stream.New("test")
	quiet := words
	quiet.Idle = time.Minute
	stream.To(process(alarms(ring))(stream.From(topo, quiet)), lines)
	begin := time.UnixMilli(1_000_000)
	d := streamtest.New(t, topo, streamtest.Options{Now: begin})
	in, out := streamtest.Input(d, quiet), streamtest.Output(d, lines)
	d.AdvanceWall(time.Hour)
	in.Send("k", "+x 4640000", 4_600_000) // the wall stands at 4,600,000
	in.Send("k", "+y 4700000", 4_600_000)
	d.AdvanceWall(59 * time.Second)
	require.Empty(t, out.Read())
	d.AdvanceWall(30 * time.Second) // 4,689,000 - 60,000
	require.Empty(t, out.Read())
	d.AdvanceWall(11 * time.Second)
	require.Equal(t, "k x @4640000", show(out.Read()))
	d.Restart()
	in.Send("k", "+z 4640000", 4_600_001) // late, but the clock is where it was
	require.Equal(t, "k z @4640000", show(out.Read()))
	d.AdvanceWall(time.Second)
	require.Empty(t, out.Read())
	d.AdvanceWall(time.Minute)
	require.Equal(t, "k y @4700000", show(out.Read()))
}

// A wall function may set timers and read the clock.
func TestWallTimersSetTimers(t *testing.T) {
	t.Parallel()
	d, in, out := run(t, streamtest.Options{}, process(func(p *processor) function {
		p.OnTimer(func(at timer) error { return ring(p, at) })
		p.EveryWall(time.Second, func(time.Time) error { p.SetTimer("k", "set", p.Now()); return nil })
		return func(*text) error { return nil }
	}))
	in.Send("k", "", 17)
	d.AdvanceWall(time.Second)
	require.Equal(t, "k set @17", show(out.Read()))
}
