// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// report prints results: lines of JSON as they come, or a table at the end.
type report struct {
	out     io.Writer
	json    bool
	results []result
}

func newReport(out io.Writer, json bool) *report { return &report{out: out, json: json} }

func (r *report) add(one result) error {
	r.results = append(r.results, one)
	if r.json {
		return json.NewEncoder(r.out).Encode(one)
	}
	return nil
}

// end prints the table. Its last column is the CPU compared with the yardstick's, the raw loop that copies, when that
// was measured too.
func (r *report) end() error {
	if r.json {
		return nil
	}
	yardstick := 0.0
	for _, one := range r.results {
		if one.Engine == rawLoop && one.Workload == "pass" {
			yardstick = one.CPU
		}
	}
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\tengine\trecords\tseconds\tCPU µs/record\tpeak RSS MB\tof raw loop\t")
	for _, one := range r.results {
		share := "-"
		if yardstick > 0 {
			share = fmt.Sprintf("%.2f", one.CPU/yardstick)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%.2f\t%.0f\t%s\t\n",
			one.Workload, one.Engine, one.Records, one.Seconds, one.CPU, one.RSS, share)
	}
	return w.Flush()
}
