// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irmak-go/irmak/stream/streamtest"
)

// sparkovAlerts holds the alerts of the public file.
const sparkovAlerts = "testdata/alerts-sparkov.txt"

// drawn is what a generator gives for n payments.
type drawn struct {
	payments []Payment
	profiles map[string]Profile
	cases    map[Rule]int
}

func draw(seed uint64, cards, n int) drawn {
	g := NewGenerator(seed, cards)
	d := drawn{profiles: map[string]Profile{}, cases: g.Cases()}
	for p := range g.Profiles() {
		d.profiles[p.Card] = p
	}
	for range n {
		p, _ := g.Next()
		d.payments = append(d.payments, p)
	}
	return d
}

// oracleOf are the alerts that the oracle wants.
func oracleOf(payments []Payment, profiles map[string]Profile) verdicts {
	return oracle(slices.Values(payments), profiles)
}

func TestRulesFindFrauds(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2}
	if testing.Short() {
		seeds = seeds[:1] // fewer payments would have too few frauds of a kind to say anything
	}
	for _, seed := range seeds {
		d := draw(seed, 500, 100_000)
		for _, r := range scored(d) {
			t.Logf("seed %d: %+v", seed, r)
			require.GreaterOrEqual(t, r.Precision, 0.9, "seed %d, %s", seed, r.Rule)
			require.GreaterOrEqual(t, r.Recall, 0.9, "seed %d, %s", seed, r.Rule)
			require.Greater(t, r.Cases, 20, "seed %d, %s", seed, r.Rule)
		}
	}
}

// lines writes alerts as golden text: a line per alert, sorted by card and rule, the alerts of one in their order.
func lines(alerts verdicts) string {
	var b strings.Builder
	for _, card := range slices.Sorted(maps.Keys(alerts)) {
		for _, rule := range Rules {
			for _, v := range alerts[card][rule] {
				fmt.Fprintf(&b, "%s %s %s\n", v.Card, v.Rule, v.Payment)
			}
		}
	}
	return b.String()
}

// readFile gives what is in a file.
func readFile(t *testing.T, name string) ([]Payment, map[string]Profile) {
	t.Helper()
	f, err := OpenFile(name, FailOnBadLine)
	require.NoError(t, err)
	defer f.Close()
	profiles := map[string]Profile{}
	for p, err := range f.Profiles() {
		require.NoError(t, err)
		profiles[p.Card] = p
	}
	var payments []Payment
	for {
		p, err := f.Next()
		if errors.Is(err, io.EOF) {
			return payments, profiles
		}
		require.NoError(t, err)
		payments = append(payments, p)
	}
}

func TestAlertsOfThePublicFile(t *testing.T) {
	t.Parallel()
	got := lines(oracleOf(readFile(t, "testdata/payments-sparkov.csv")))
	if streamtest.Rewriting() {
		require.NoError(t, os.WriteFile(sparkovAlerts, []byte(got), 0o644))
	}
	require.Equal(t, golden(t), got)
}

// golden are the alerts of the public file, as lines writes them.
func golden(t *testing.T) string {
	t.Helper()
	want, err := os.ReadFile(sparkovAlerts)
	require.NoError(t, err)
	return string(want)
}
