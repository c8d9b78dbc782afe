// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/irmak-go/irmak/examples/internal/runner"
)

// judge counts what is said, tells about long silences and troubles, and compares all with the oracle.
//
// Owner: one goroutine.
type judge struct {
	seed   uint64
	n      int64 // 0: without end, nothing is kept
	got    map[slot][]said
	counts map[string]map[string]int64 // by type of device, then what
}

func newJudge(seed uint64, n int64) *judge {
	return &judge{seed: seed, n: n, got: map[slot][]said{}, counts: map[string]map[string]int64{}}
}

// Outputs implements runner.Judge.
func (j *judge) Outputs() []runner.Output {
	return []runner.Output{
		runner.Watch(minutes, func(r runner.Record[string, pane]) string { return j.window("minutes", r) }),
		runner.Watch(hours, func(r runner.Record[string, pane]) string { return j.window("hours", r) }),
		runner.Watch(late, func(r runner.Record[string, Reading]) string {
			j.count(r.Value.Type, "late", 1)
			j.keep("late", r.Key, said{At: r.Time.UnixMilli(), Number: r.Value.Number})
			return ""
		}),
		runner.Watch(alarms, j.alarm),
	}
}

func (j *judge) window(output string, r runner.Record[string, pane]) string {
	j.count(r.Value.Value.Type, output, 1)
	if output == "minutes" {
		j.count(r.Value.Value.Type, "readings", r.Value.Value.Count)
	}
	j.keep(output, r.Key, said{At: r.Time.UnixMilli(), Pane: r.Value})
	return ""
}

func (j *judge) alarm(r runner.Record[string, Alarm]) string {
	a := r.Value
	j.count(a.Type, string(a.Kind), 1)
	line := fmt.Sprintf("%s  %-14s  %-10s", r.Time.Format(time.DateTime), r.Key, a.Kind)
	switch a.Kind {
	case Unattended: // the wall's, which no oracle knows
		return line
	case TooLow, TooHigh, Normal:
		j.keep(a.output(), r.Key, said{At: r.Time.UnixMilli(), Alarm: a})
		return fmt.Sprintf("%s  %.2f %s", line, a.Mean, Kinds[a.Type].Unit)
	}
	j.keep(a.output(), r.Key, said{At: r.Time.UnixMilli(), Alarm: a})
	if a.Kind != Joined {
		line += fmt.Sprintf("  not heard of for %v", (time.Duration(a.Gone) * time.Millisecond).Round(time.Second))
	}
	return line
}

func (j *judge) count(kind, what string, n int64) {
	if j.counts[kind] == nil {
		j.counts[kind] = map[string]int64{}
	}
	j.counts[kind][what] += n
}

func (j *judge) keep(output, device string, s said) {
	if j.n > 0 {
		at := slot{output, device}
		j.got[at] = append(j.got[at], s)
	}
}

// Results implements runner.Judge.
func (j *judge) Results() any {
	columns := []string{
		"readings", "late", "minutes", "hours", string(Joined), string(Offline), string(Back), string(TooHigh),
		string(TooLow), string(Normal),
	}
	t := runner.Table{Headers: append([]string{"type"}, columns...)}
	for _, kind := range slices.Sorted(maps.Keys(j.counts)) {
		row := []any{kind}
		for _, c := range columns {
			row = append(row, j.counts[kind][c])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Check implements runner.Judge.
func (j *judge) Check() error {
	if j.n == 0 {
		return runner.NoOracle
	}
	return newOracle(slices.Collect(runner.First(j.n, Readings(j.seed, fleetSize)))).check(j.got)
}
