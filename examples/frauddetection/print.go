// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// plainInterval is how often the progress is told where it cannot be a line that changes.
const plainInterval = 5 * time.Second

// Printer tells a person, or a program, how it goes. It is also where logs are written to: they and the line that
// changes share the terminal.
//
// Any goroutine may use it; mu makes them take turns.
//
//  1. When live is true and line is not empty, line stands at the cursor and is not ended.
type Printer struct {
	mu        sync.Mutex
	out, err  io.Writer
	live      bool // err is a terminal: the progress is one line that changes
	json      bool // nothing but one line of JSON goes to out
	line      string
	told      time.Duration // when the plain progress was told last
	rate      meter
	red, dim  *color.Color
	highlight map[Rule]*color.Color
}

// NewPrinter prints to standard output and standard error: in colour on a terminal, unless NO_COLOR is set.
func NewPrinter(json bool) *Printer {
	colourful := term.IsTerminal(int(os.Stdout.Fd())) && !color.NoColor
	return newPrinter(os.Stdout, os.Stderr, colourful, term.IsTerminal(int(os.Stderr.Fd())), json)
}

func newPrinter(out, err io.Writer, colourful, live, json bool) *Printer {
	c := func(attributes ...color.Attribute) *color.Color {
		c := color.New(attributes...)
		if colourful {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return &Printer{
		out: out, err: err, live: live, json: json, red: c(color.FgRed, color.Bold), dim: c(color.Faint),
		highlight: map[Rule]*color.Color{
			Overspend: c(color.FgYellow), Velocity: c(color.FgMagenta),
			Travel: c(color.FgCyan), Abroad: c(color.FgBlue),
		},
	}
}

// Alert prints an alert.
func (p *Printer) Alert(a Alert) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json {
		return
	}
	defer p.aside()()
	name := fmt.Sprintf("%-9s", a.Rule)
	if c, ok := p.highlight[a.Rule]; ok {
		name = c.Sprint(name)
	}
	truth := p.dim.Sprint("(not a fraud)")
	if a.Payment.Fraud {
		truth = p.red.Sprint("(fraud)")
	}
	when := time.UnixMilli(a.Payment.At).UTC().Format(time.DateTime)
	fmt.Fprintf(p.out, "%s  %s  card %s  %s  %s  %s\n", when, name, a.Payment.Card, a.Payment.ID, a.Why, truth)
}

// Write writes a line of a log to where the progress goes. It is an io.Writer.
func (p *Printer) Write(log []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.aside()()
	return p.err.Write(log)
}

// Warn tells about something that went wrong and was dealt with.
func (p *Printer) Warn(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.aside()()
	fmt.Fprintln(p.err, "warning:", err)
}

// Progress tells how many payments are processed, of how many that were fed so far.
func (p *Printer) Progress(processed, fed int64, alerts int, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := fmt.Sprintf("%d of %d payments, %.0f per second, %d alerts",
		processed, fed, p.rate.per(processed, elapsed), alerts)
	if p.live {
		p.clear()
		p.draw(line)
		return
	}
	if elapsed-p.told >= plainInterval && !p.json {
		p.told = elapsed
		fmt.Fprintln(p.err, line)
	}
}

// aside takes the progress away for something else to be printed, after which back puts it there again.
func (p *Printer) aside() (back func()) {
	line := p.line
	p.clear()
	return func() { p.draw(line) }
}

func (p *Printer) clear() {
	if p.line != "" {
		fmt.Fprint(p.err, "\r\x1b[K")
		p.line = ""
	}
}

func (p *Printer) draw(line string) {
	p.line = line
	fmt.Fprint(p.err, line)
}

// Final is what the program says at its end.
type Final struct {
	Records   int64    `json:"records"` // payments in the input
	Seconds   float64  `json:"seconds"`
	Alerts    int      `json:"alerts"`
	Precision float64  `json:"precision"`
	Recall    float64  `json:"recall"`
	Complete  bool     `json:"complete"` // false: the program was interrupted
	Rules     []Result `json:"rules"`
}

// Final prints the end: a table, or a line of JSON.
func (p *Printer) Final(f Final) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	if p.json {
		return json.NewEncoder(p.out).Encode(f)
	}
	ended := ""
	if !f.Complete {
		ended = " (interrupted: the same command goes on from here)"
	}
	fmt.Fprintf(p.out, "\n%d payments in %.1f s, %d alerts%s\n\n", f.Records, f.Seconds, f.Alerts, ended)
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "rule\talerts\tright\tprecision\tfrauds\tfound\trecall\t")
	for _, r := range f.Rules {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.3f\t%d\t%d\t%.3f\t\n",
			r.Rule, r.Alerts, r.Right, r.Precision, r.Cases, r.Found, r.Recall)
	}
	return w.Flush()
}

// meter measures a rate over the last seconds, so that it tells about now and not about the start.
type meter struct{ seen []sample }

type sample struct {
	count int64
	at    time.Duration
}

const meterSpan = 3 * time.Second

func (m *meter) per(count int64, at time.Duration) float64 {
	for len(m.seen) > 1 && at-m.seen[1].at >= meterSpan {
		m.seen = m.seen[1:]
	}
	m.seen = append(m.seen, sample{count, at})
	first := m.seen[0]
	if at <= first.at {
		return 0
	}
	return max(float64(count-first.count)/(at-first.at).Seconds(), 0)
}
