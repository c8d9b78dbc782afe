// SPDX-License-Identifier: Apache-2.0

// Command frauddetection reads card payments and tells which look like frauds, as they come. Without flags it makes
// payments with frauds in them and runs on a broker inside the program:
//
//	go run ./examples/frauddetection -n 200000
//	go run ./examples/frauddetection -brokers localhost:9092 -state-dir /var/lib/fraud -n 5000000 -rate 20000
//	go run ./examples/frauddetection -input payments.csv
//
// The topology is in topology.go, the rules themselves in rules.go. Start it twice on the same brokers and the
// processes share the cards; kill one and the other goes on; start it again and it finds its place.
package main

import (
	"flag"
	"fmt"
	"iter"
	"os"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

const (
	application    = "frauddetection"
	defaultRecords = 200_000
	defaultCards   = 1000
)

func main() { os.Exit(runner.Main(program())) }

// program is the topology with its topics, what it is fed, and who judges what it says.
func program() runner.Program {
	var in input
	return runner.Program{
		Name: application, Topology: fraud, Records: defaultRecords, Noun: "payments",
		Topics: []runner.Topic{
			runner.TopicOf(payments, partitions), runner.TopicOf(profiles, partitions).Compact(),
			runner.TopicOf(alerts, partitions),
		},
		Flags:    in.register,
		Check:    in.check,
		Generate: func(seed uint64, n int64) iter.Seq[runner.Event] { return in.feed(seed, n) },
		Judge:    func(seed uint64, n int64) runner.Judge { return newJudge(in, seed, n) },
	}
}

// input is what the program's own flags say: where payments come from.
type input struct {
	set      *flag.FlagSet
	cards    int
	file     string // empty: generated payments
	badLines string
}

func (in *input) register(set *flag.FlagSet) {
	in.set = set
	set.IntVar(&in.cards, "cards", defaultCards, "how many cards the generated payments are made with")
	set.StringVar(&in.file, "input", "", "a CSV file with the columns of the Sparkov card data to read payments from, "+
		"in place of generated ones")
	set.StringVar(&in.badLines, "bad-lines", string(FailOnBadLine), "what to do with lines of -input that are not "+
		"payments: "+string(FailOnBadLine)+" or "+string(SkipBadLines))
}

func (in *input) check(f *runner.Flags) error {
	given := map[string]bool{}
	in.set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if in.file != "" && !given["n"] {
		f.N = 0 // the whole file
	}
	switch {
	case in.cards < 1:
		return fmt.Errorf("-cards %d: want at least 1", in.cards)
	case in.badLines != string(FailOnBadLine) && in.badLines != string(SkipBadLines):
		return fmt.Errorf("-bad-lines %q: want %s or %s", in.badLines, FailOnBadLine, SkipBadLines)
	}
	return nil
}
