// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/fatih/color"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge scores the alerts, and compares them with those of the oracle. It is a runner.Counter.
type judge struct {
	in    input
	seed  uint64
	n     int64 // payments
	score *Score
	got   verdicts
}

func newJudge(in input, seed uint64, n int64) *judge {
	return &judge{in: in, seed: seed, n: n, score: NewScore(), got: verdicts{}}
}

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{runner.Watch(alerts, func(r runner.Record[string, Alert]) string {
		j.score.Add(r.Value)
		j.got.add(r.Value)
		return told(r.Value)
	})}
}

// Fed implements runner.Counter.
func (j *judge) Fed(n int64) { j.n = n }

// scores are the results of all rules.
type scores []Result

// Results implements runner.Judge. The frauds in the data are counted anew.
func (j *judge) Results() any {
	from, release, err := j.in.open(j.seed)
	if err != nil {
		return nil // the feed has failed with it
	}
	defer release()
	if j.n > 0 {
		for range first(from, j.n) { // they are counted as they go by
		}
	}
	return scores(j.score.Results(from.Cases()))
}

// String draws a table.
func (s scores) String() string {
	t := runner.Table{Headers: []string{"rule", "alerts", "right", "precision", "frauds", "found", "recall"}}
	for _, r := range s {
		t.Rows = append(t.Rows, []any{r.Rule, r.Alerts, r.Right, r.Precision, r.Cases, r.Found, r.Recall})
	}
	return t.String()
}

// Check implements runner.Judge. For a file there is no oracle: its labels do not say which alerts there must be.
func (j *judge) Check() error {
	if j.in.file != "" {
		return runner.NoOracle
	}
	g := NewGenerator(j.seed, j.in.cards)
	cards := map[string]Profile{}
	for p := range g.Profiles() {
		cards[p.Card] = p
	}
	return differences(oracle(generated(g, j.n), cards), j.got)
}

// generated are the next n payments.
func generated(g *Generator, n int64) iter.Seq[Payment] {
	return func(yield func(Payment) bool) {
		for p := range first(g, n) {
			if !yield(p) {
				return
			}
		}
	}
}

// maxDifferences is how many cards and rules are told of; one mistake often makes many.
const maxDifferences = 5

// differences says in which cards and rules the alerts are not those that they must be, in order.
func differences(want, got verdicts) error {
	cards := maps.Clone(want)
	maps.Copy(cards, got)
	var found []error
	for _, card := range slices.Sorted(maps.Keys(cards)) {
		for _, rule := range Rules {
			w, g := want[card][rule], got[card][rule]
			if !slices.Equal(w, g) && len(found) < maxDifferences {
				found = append(found, fmt.Errorf("card %s, %s: want %v, got %v", card, rule, w, g))
			}
		}
	}
	return errors.Join(found...)
}

var (
	red       = color.New(color.FgRed, color.Bold)
	dim       = color.New(color.Faint)
	highlight = map[Rule]*color.Color{
		Overspend: color.New(color.FgYellow), Velocity: color.New(color.FgMagenta),
		Travel: color.New(color.FgCyan), Abroad: color.New(color.FgBlue),
	}
)

// told is an alert as a line, with the truth beside it: in colour on a terminal, unless NO_COLOR is set.
func told(a Alert) string {
	name := fmt.Sprintf("%-9s", a.Rule)
	if c, ok := highlight[a.Rule]; ok {
		name = c.Sprint(name)
	}
	truth := dim.Sprint("(not a fraud)")
	if a.Payment.Fraud {
		truth = red.Sprint("(fraud)")
	}
	when := time.UnixMilli(a.Payment.At).UTC().Format(time.DateTime)
	return fmt.Sprintf("%s  %s  card %s  %s  %s  %s", when, name, a.Payment.Card, a.Payment.ID, a.Why, truth)
}
