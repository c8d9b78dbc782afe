// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	application    = "frauddetection"
	defaultRecords = 200_000
	defaultCards   = 1000
)

// options are the program's flags.
type options struct {
	runner.Flags
	Cards    int
	Input    string
	BadLines string
}

// parse reads the flags.
func parse(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet(application, flag.ContinueOnError)
	o.Register(set, defaultRecords)
	set.IntVar(&o.Cards, "cards", defaultCards, "how many cards the generated payments are made with")
	set.StringVar(&o.Input, "input", "", "a CSV file with the columns of the Sparkov card data to read payments from, "+
		"in place of generated ones")
	set.StringVar(&o.BadLines, "bad-lines", string(FailOnBadLine), "what to do with lines of -input that are not "+
		"payments: "+string(FailOnBadLine)+" or "+string(SkipBadLines))
	if err := set.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.Input != "" && !given["n"] {
		o.N = 0 // the whole file
	}
	switch {
	case set.NArg() > 0:
		return o, fmt.Errorf("%q: this program takes flags only", set.Arg(0))
	case o.Cards < 1:
		return o, fmt.Errorf("-cards %d: want at least 1", o.Cards)
	case o.BadLines != string(FailOnBadLine) && o.BadLines != string(SkipBadLines):
		return o, fmt.Errorf("-bad-lines %q: want %s or %s", o.BadLines, FailOnBadLine, SkipBadLines)
	}
	return o, o.Check()
}

// open starts the feed's source from its beginning.
func (o options) open() (runner.Source, error) {
	if o.Input == "" {
		return newSource(NewGenerator(o.Seed, o.Cards), o.N, nil), nil
	}
	file, err := OpenFile(o.Input, BadLines(o.BadLines))
	if err != nil {
		return nil, err
	}
	return newSource(file, o.N, file.Close), nil
}

// detect runs the program; process is the topology.
func detect(ctx context.Context, o options, p *Printer, process func(context.Context, runner.Place) error) error {
	score := NewScore()
	sum, err := runner.Run(ctx, runner.Scenario{
		Name:       application,
		Partitions: partitions,
		Topics: []runner.Topic{
			{Name: paymentsTopic, Partitions: partitions},
			{Name: profilesTopic, Partitions: partitions, Compacted: true},
			{Name: alertsTopic, Partitions: partitions},
		},
		Input:   paymentsTopic,
		Output:  alertsTopic,
		Open:    o.open,
		Process: process,
		Told: func(r *kgo.Record, before bool) error {
			var a Alert
			if err := json.Unmarshal(r.Value, &a); err != nil {
				return fmt.Errorf("%s/%d, offset %d is not an alert: %w", r.Topic, r.Partition, r.Offset, err)
			}
			score.Add(a)
			if !before {
				p.Alert(a)
			}
			return nil
		},
		Progress: func(g runner.Progress) {
			n := noteOf(g.Note)
			p.Progress(min(g.Processed, n.Payments), n.Payments, score.Alerts(), g.Elapsed)
		},
		Warn: p.Warn,
	}, o.Flags)
	if err != nil {
		return err
	}
	n := noteOf(sum.Note)
	results := score.Results(n.Cases)
	all := results[len(results)-1]
	return p.Final(Final{
		Records: n.Payments, Seconds: sum.Elapsed.Seconds(), Alerts: all.Alerts,
		Precision: all.Precision, Recall: all.Recall, Complete: sum.Complete, Rules: results,
	})
}

// noteOf reads the feed's note; before the first there is nothing to say.
func noteOf(raw json.RawMessage) note {
	var n note
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &n); err != nil {
			return note{}
		}
	}
	return n
}
