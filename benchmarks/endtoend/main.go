// SPDX-License-Identifier: Apache-2.0

// Command endtoend measures what a record costs from topic to topic, with exactly-once, on a real broker that it starts
// itself (internal/kafkatest: it needs a JDK and, once, Maven):
//
//	go run ./benchmarks/endtoend -events 3000000 -engines irmak,sarama -workloads pass,count,countcommit,window,rekey
//
// Each engine does each of its workloads in a process of its own, so that the figures are about that and nothing else:
// CPU is user and system time of the whole process, from its start to its end, per input record; the broker's is not in
// it. Peak RSS is the system's high-water mark. When the process has ended, the output is read back at read committed
// and compared with what the input must give; a wrong result is an error, not a figure.
//
// The engine "sarama" is the yardstick: a loop of ConsumerGroup and transactional AsyncProducer, which copies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// settings are what the flags say.
type settings struct {
	data      data
	engines   []string
	workloads []string
	workers   int
	json      bool
	profiles  string // a directory, or ""
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context) error {
	set := flag.NewFlagSet("endtoend", flag.ContinueOnError)
	var s settings
	set.Int64Var(&s.data.records, "events", 3_000_000, "how many records")
	set.Int64Var(&s.data.keys, "keys", 100_000, "how many keys")
	set.DurationVar(&s.data.span, "span", 10*time.Minute, "the event time that the records are spread over")
	engines := set.String("engines", strings.Join(names(engines), ","), "comma-separated")
	workloads := set.String("workloads", strings.Join(workloadNames(), ","), "comma-separated")
	set.IntVar(&s.workers, "workers", 2, "goroutines that process, in each engine")
	set.BoolVar(&s.json, "json", false, "print a line of JSON per engine and workload in place of a table")
	set.StringVar(&s.profiles, "profiles", "", "a directory for a CPU profile of each engine and workload")
	job := set.String(jobFlag, "", "for internal use: what a process that is measured has to do")
	if err := set.Parse(os.Args[1:]); err != nil {
		return err
	}
	if *job != "" {
		return child(ctx, *job)
	}
	s.engines, s.workloads = strings.Split(*engines, ","), strings.Split(*workloads, ",")
	if err := s.check(); err != nil {
		return err
	}
	return measure(ctx, s)
}

func (s *settings) check() error {
	for _, e := range s.engines {
		if !slices.Contains(names(engines), e) {
			return fmt.Errorf("-engines: there is no %q, there are %s", e, strings.Join(names(engines), ", "))
		}
	}
	for _, w := range s.workloads {
		if !slices.Contains(workloadNames(), w) {
			return fmt.Errorf("-workloads: there is no %q, there are %s", w, strings.Join(workloadNames(), ", "))
		}
	}
	if s.data.records < 1 || s.data.keys < 1 || s.workers < 1 || s.data.span < 0 {
		return errors.New("-events, -keys and -workers must be at least 1, and -span not negative")
	}
	if s.data.keys > maxKeys {
		return fmt.Errorf("-keys: at most %d", maxKeys)
	}
	return nil
}

// measure runs each engine with each workload that it has.
func measure(ctx context.Context, s settings) error {
	kafka, err := startKafka(ctx)
	if err != nil {
		return err
	}
	defer kafka.Close()
	fmt.Fprintf(os.Stderr, "writing %d records\n", s.data.records)
	if err := kafka.writeInput(ctx, s.data); err != nil {
		return fmt.Errorf("cannot write the input: %w", err)
	}
	report := newReport(os.Stdout, s.json)
	for _, name := range s.workloads {
		for _, engine := range s.engines {
			if engines[engine][name] == nil {
				continue
			}
			result, err := measureOne(ctx, kafka, s, engine, findWorkload(name))
			if err != nil {
				return fmt.Errorf("%s, %s: %w", engine, name, err)
			}
			if err := report.add(result); err != nil {
				return err
			}
		}
	}
	return report.end()
}

// measureOne runs one engine with one workload and checks what comes out.
func measureOne(ctx context.Context, kafka *kafka, s settings, engine string, w workload) (result, error) {
	j, err := kafka.prepare(ctx, s, engine, w.name)
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(j.StateDir)
	r, err := runChild(ctx, j)
	if err != nil {
		return result{}, err
	}
	check := w.check(s.data)
	if err := kafka.readOutput(ctx, j.Output, check); err != nil {
		return result{}, fmt.Errorf("cannot read the output: %w", err)
	}
	if err := check.end(); err != nil {
		return result{}, fmt.Errorf("the output is wrong: %w", err)
	}
	return r, nil
}
