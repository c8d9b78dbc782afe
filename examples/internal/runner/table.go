// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table is results for people, and for programs a list of objects. A row has a cell for each header.
type Table struct {
	Headers []string
	Rows    [][]any
}

// String draws the table, aligned to the right; floating-point numbers have three decimals.
func (t Table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, header := range t.Headers {
		fmt.Fprint(w, header, "\t")
	}
	fmt.Fprintln(w)
	for _, row := range t.Rows {
		for _, cell := range row {
			if f, ok := cell.(float64); ok {
				cell = fmt.Sprintf("%.3f", f)
			}
			fmt.Fprint(w, cell, "\t")
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a strings.Builder takes all
	return b.String()
}

// MarshalJSON gives an object for each row, with the headers as names.
func (t Table) MarshalJSON() ([]byte, error) {
	rows := make([]map[string]any, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = map[string]any{}
		for j, cell := range row {
			rows[i][t.Headers[j]] = cell
		}
	}
	return json.Marshal(rows)
}
