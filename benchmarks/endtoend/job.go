// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// jobFlag tells a process that it is one that is measured.
const jobFlag = "job"

// job is what a process that is measured has to do: read Input to its end, and write Output, which exists, with
// transactions that also hold the group's offsets, committed every CommitInterval.
type job struct {
	Engine         string        `json:"engine"`
	Workload       string        `json:"workload"`
	Brokers        []string      `json:"brokers"`
	Input          string        `json:"input"`
	Output         string        `json:"output"`
	Group          string        `json:"group"` // also the application's name and the transactional ids' prefix
	Records        int64         `json:"records"`
	Keys           int64         `json:"keys"`
	Workers        int           `json:"workers"`
	CommitInterval time.Duration `json:"commit_interval"`
	StateDir       string        `json:"state_dir"` // empty, and removed by whoever gave the job
	Profile        string        `json:"profile"`   // the file for a CPU profile, or ""
}

// engines hold for each engine what it does for each workload that it has. A function returns when all of the input is
// processed and committed.
var engines = map[string]map[string]func(context.Context, job) error{}

// register adds an engine's way to do a workload; to be called from init.
func register(engine, workload string, do func(context.Context, job) error) {
	if engines[engine] == nil {
		engines[engine] = map[string]func(context.Context, job) error{}
	}
	engines[engine][workload] = do
}

// result is what was measured.
type result struct {
	Engine   string  `json:"engine"`
	Workload string  `json:"workload"`
	Records  int64   `json:"records"`
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_us_per_record"`
	RSS      float64 `json:"peak_rss_mb"`
}

// measured is what a process knows of itself at its end.
type measured struct {
	Seconds float64 `json:"seconds"`
	RSS     float64 `json:"peak_rss_mb"` // 0: the system does not tell
}

// child does a job and writes what it measured to standard output.
func child(ctx context.Context, text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return fmt.Errorf("-%s: %w", jobFlag, err)
	}
	do := engines[j.Engine][j.Workload]
	if do == nil {
		return fmt.Errorf("engine %s has no workload %s", j.Engine, j.Workload)
	}
	stop, err := profile(j.Profile)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := errors.Join(do(ctx, j), stop()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(measured{Seconds: time.Since(started).Seconds(), RSS: peakRSS()})
}

// profile records where CPU goes, in the named file, until stop is called.
func profile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, pprof.StartCPUProfile(f)
}

// runChild does a job in a process of its own.
func runChild(ctx context.Context, j job) (result, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return result{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, self, "-"+jobFlag, string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return result{}, errors.Join(err, ctx.Err())
	}
	var m measured
	if err := json.Unmarshal(out, &m); err != nil {
		return result{}, fmt.Errorf("the process did not say what it measured: %w", err)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return result{
		Engine: j.Engine, Workload: j.Workload, Records: j.Records, Seconds: m.Seconds,
		CPU: float64(cpu.Microseconds()) / float64(j.Records), RSS: m.RSS,
	}, nil
}

// peakRSS is the most memory that this process had, in MB, as Linux tells it. The rusage of a child will not do: it
// begins with the memory of the process that forked it.
func peakRSS() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			if err == nil {
				return kib * 1024 / 1e6
			}
		}
	}
	return 0
}
