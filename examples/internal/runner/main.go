// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// Main is the program, with the flags of the command line, and gives its exit code: 1 when something failed, or the
// results are not what they must be. An interrupt or SIGTERM stops the work gracefully; a second one, the program.
func Main(p Program) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	switch err := Run(ctx, p, os.Args[1:], os.Stdout, os.Stderr); {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	default:
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
}

// Run is the program with the given flags, until its work is done or ctx is. Results go to stdout, the progress and
// what the engine has to say to stderr.
func Run(ctx context.Context, p Program, args []string, stdout, stderr io.Writer) error {
	f, err := parse(p, args, stderr)
	if err != nil {
		return err
	}
	judge := p.Judge(f.Seed, f.N)
	printer := newPrinter(stdout, stderr, f, p.Noun)
	sum, err := profiled(f.Profile, func() (summary, error) { return run(ctx, p, f, judge, printer) })
	if err != nil {
		return err
	}
	return conclude(judge, f, sum, printer)
}

// profiled calls do, and writes a profile of the CPU meanwhile if a file for it is named.
func profiled(name string, do func() (summary, error)) (sum summary, err error) {
	if name == "" {
		return do()
	}
	file, err := os.Create(name)
	if err != nil {
		return sum, fmt.Errorf("-cpuprofile: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return sum, fmt.Errorf("-cpuprofile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return do()
}

// parse reads the flags.
func parse(p Program, args []string, stderr io.Writer) (Flags, error) {
	var f Flags
	set := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	set.SetOutput(stderr)
	f.register(set, p.Records)
	if p.Flags != nil {
		p.Flags(set)
	}
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("%q: this program takes flags only", set.Arg(0))
	}
	if p.Check != nil {
		if err := p.Check(&f); err != nil {
			return f, err
		}
	}
	return f, f.check()
}

// conclude tells the end. The error is that of the check.
func conclude(judge Judge, f Flags, sum summary, printer *printer) error {
	counter, counts := judge.(Counter)
	if counts {
		counter.Fed(sum.work)
	}
	final := final{Records: sum.work, Seconds: sum.elapsed.Seconds(), Complete: sum.complete, Check: NoOracle.Error()}
	hint := ""
	if f.Guarantee == AtLeastOnce {
		hint = " (with at-least-once, a crash may do that)"
	}
	var err error
	if sum.complete && (counts || f.N == 0 || sum.work <= f.N) {
		printer.checking()
		err = judge.Check()
		switch {
		case err == nil:
			final.Check = "ok"
		case errors.Is(err, NoOracle):
			err = nil
		default:
			final.Check = err.Error()
			err = fmt.Errorf("the results are not what the input says%s:\n%w", hint, err)
		}
	}
	final.Results = judge.Results()
	return errors.Join(err, printer.final(final))
}
