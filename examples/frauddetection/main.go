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
	"context"
	"io"
	"os"

	"github.com/irmak-go/irmak/examples/internal/runner"
	"github.com/irmak-go/irmak/stream"
)

func main() {
	os.Exit(runner.Main(func(ctx context.Context) error {
		o, err := parse(os.Args[1:])
		if err != nil {
			return err
		}
		p := NewPrinter(o.JSON)
		return detect(ctx, o, p, o.process(p))
	}))
}

// process is the topology at work, until ctx ends; log is where the engine writes.
func (o options) process(log io.Writer) func(context.Context, runner.Place) error {
	return func(ctx context.Context, place runner.Place) error {
		t := stream.New(application)
		fraud(t)
		return stream.Run(ctx, t, o.Config(place, log))
	}
}
