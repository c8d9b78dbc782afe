// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/examples/internal/embedded"
	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/examples/internal/runtest"
	"github.com/irmak-go/irmak/internal/kafkatest"
)

// ran is what a run of the program in this process has left.
type ran struct {
	runtest.Final
	rules    []Result
	out, err string
}

// run runs the program in this process, until it ends by itself.
func run(t *testing.T, args ...string) ran {
	t.Helper()
	return runUntil(t, math.MaxInt, args...)
}

// runUntil runs the program in this process, until it ends by itself or has printed so many lines.
func runUntil(t *testing.T, printed int, args ...string) ran {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, errs := lineCounter{until: printed, stop: stop}, bytes.Buffer{}
	require.NoError(t, runner.Run(ctx, program(), args, &out, &errs), "%s", &errs)
	r := ran{out: out.String(), err: errs.String()}
	if slices.Contains(args, "-json") {
		require.NoError(t, json.Unmarshal(out.Bytes(), &r.Final), r.out)
		require.NoError(t, json.Unmarshal(r.Results, &r.rules), r.out)
	}
	return r
}

// lineCounter calls stop when it has taken so many lines.
type lineCounter struct {
	bytes.Buffer
	until int
	stop  func()
}

// Write implements io.Writer.
func (c *lineCounter) Write(b []byte) (int, error) {
	if c.until -= bytes.Count(b, []byte("\n")); c.until <= 0 {
		c.stop()
	}
	return c.Buffer.Write(b)
}

// scored is what the program must say about d.
func scored(d drawn) []Result {
	byID := map[string]Payment{}
	for _, p := range d.payments {
		byID[p.ID] = p
	}
	score := NewScore()
	for _, rules := range oracleOf(d.payments, d.profiles) {
		for _, alerts := range rules {
			for _, v := range alerts {
				score.Add(Alert{Rule: v.Rule, Payment: byID[v.Payment].Mark()})
			}
		}
	}
	return score.Results(d.cases)
}

// eachBroker runs a test on the embedded broker and on a real one, with the flag that says which.
func eachBroker(t *testing.T, test func(t *testing.T, brokers string)) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		b, err := embedded.Start(embedded.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		test(t, b.Addrs()[0])
	})
	t.Run("kafka", func(t *testing.T) {
		t.Parallel()
		test(t, kafkatest.Start(t, kafkatest.Options{}).Addrs()[0])
	})
}

func TestProgramOnThePublicFile(t *testing.T) {
	eachBroker(t, func(t *testing.T, brokers string) {
		r := run(t, "-brokers", brokers, "-input", "testdata/payments-sparkov.csv")
		require.Equal(t, golden(t), lines(committedAlerts(t, []string{brokers})))
		require.Equal(t, 58, strings.Count(r.out, "  overspend  card "), r.out)
		require.Contains(t, r.out, "5116 payments in ")
		require.Regexp(t, `all +58 +12 +0\.207 +18 +12 +0\.667`, r.out)
	})
}

func TestProgramTellsHowItWent(t *testing.T) {
	t.Parallel()
	n := 50_000
	if testing.Short() {
		n = 10_000
	}
	d := draw(1, 200, n)
	want := scored(d)
	for _, flags := range [][]string{
		{"-guarantee", "exactly-once", "-workers", "1"},
		{"-guarantee", "at-least-once", "-workers", "3"},
	} {
		t.Run(flags[1], func(t *testing.T) {
			t.Parallel()
			r := run(t, append(flags, "-n", strconv.Itoa(n), "-cards", "200", "-json", "-v")...)
			require.True(t, r.Complete)
			require.EqualValues(t, n, r.Records)
			require.Equal(t, want, r.rules)
			require.Equal(t, "ok", r.Check)
			require.Positive(t, r.Seconds)
			require.Contains(t, r.err, "msg=started application=frauddetection")
			require.Equal(t, 1, strings.Count(r.out, "\n"), r.out)
		})
	}
}

// TestProgramGoesOn stops the program twice and starts it again on the same directory, in which the embedded broker has
// its data, too. Each payment is fed and processed once, and no state is built anew.
func TestProgramGoesOn(t *testing.T) {
	t.Parallel()
	const n = 8000
	args := []string{"-n", strconv.Itoa(n), "-rate", "2000", "-cards", "20", "-v", "-state-dir", t.TempDir()}
	for round := range 2 {
		r := runUntil(t, 5, args...)
		require.Contains(t, r.out, "(interrupted: the same command goes on from here)")
		require.Equal(t, round > 0, foundState(r.err), r.err)
	}
	last := run(t, append(args, "-json")...)
	require.True(t, last.Complete)
	require.True(t, foundState(last.err), last.err)
	require.EqualValues(t, n, last.Records)
	require.Equal(t, scored(draw(1, 20, n)), last.rules)
	require.Equal(t, "ok", last.Check)
}

func TestProgramSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`-guarantee "perhaps": want exactly-once or at-least-once`: {"-guarantee", "perhaps"},
		`-n -1: want 0 or more`:                           {"-n", "-1"},
		`-session-timeout: want more than 0`:              {"-session-timeout", "0s"},
		`-workers 0: want at least 1`:                     {"-workers", "0"},
		`-cards 0: want at least 1`:                       {"-cards", "0"},
		`-bad-lines "eat": want fail or skip`:             {"-bad-lines", "eat"},
		`"payments.csv": this program takes flags only`:   {"payments.csv"},
		`cannot read the payments: open /no/such/file`:    {"-input", "/no/such/file"},
		`-cpuprofile: open /no/such/file`:                 {"-cpuprofile", "/no/such/file"},
		`no Kafka answers at [127.0.0.1:1]`:               {"-brokers", "127.0.0.1:1"},
		`testdata/README.md: the header lacks the column`: {"-input", "testdata/README.md"},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.ErrorContains(t, runner.Run(t.Context(), program(), args, &out, &out), want)
		})
	}
}
