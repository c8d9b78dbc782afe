// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// plainInterval is how often the progress is told where it cannot be a line that changes.
const plainInterval = 5 * time.Second

// printer tells a person, or a program, how it goes. It is also where logs are written to: they and the line that
// changes share the terminal.
//
// Any goroutine may use it; mu makes them take turns.
//
//  1. When live is true and line is not empty, line stands at the cursor and is not ended.
type printer struct {
	mu       sync.Mutex
	out, err io.Writer
	live     bool // err is a terminal: the progress is one line that changes
	json     bool // nothing but one line of JSON goes to out
	verbose  bool
	noun     string
	line     string
	told     time.Duration // when the plain progress was told last
	rate     meter
}

func newPrinter(out, err io.Writer, f Flags, noun string) *printer {
	file, ok := err.(*os.File)
	live := ok && term.IsTerminal(int(file.Fd()))
	return &printer{out: out, err: err, live: live, json: f.JSON, verbose: f.Verbose, noun: cmp.Or(noun, "records")}
}

// result prints a line about a result.
func (p *printer) result(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.json {
		return
	}
	defer p.aside()()
	fmt.Fprintln(p.out, line)
}

// Write writes a line of a log to where the progress goes. It is an io.Writer.
func (p *printer) Write(log []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.aside()()
	return p.err.Write(log)
}

// warn tells about something that went wrong and was dealt with.
func (p *printer) warn(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.aside()()
	fmt.Fprintln(p.err, "warning:", err)
}

// progress tells how far the work is.
func (p *printer) progress(g progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var line strings.Builder
	fmt.Fprintf(&line, "%d of %d %s, %.0f per second",
		g.processed, g.fed, p.noun, p.rate.per(g.processed, g.elapsed))
	for _, o := range g.outputs {
		fmt.Fprintf(&line, ", %d %s", o.records, o.topic)
	}
	switch {
	case p.live:
		p.clear()
		p.draw(line.String())
	case p.json && p.verbose: // for programs that watch this one
		fmt.Fprintf(p.err, "msg=progress processed=%d fed=%d\n", g.processed, g.fed)
	case g.elapsed-p.told >= plainInterval && !p.json:
		p.told = g.elapsed
		fmt.Fprintln(p.err, line.String())
	}
}

// checking says that the results are compared, which takes long when there are many.
func (p *printer) checking() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		p.clear()
		p.draw("all is processed; comparing the results with what the input says")
	}
}

// aside takes the progress away for something else to be printed, after which back puts it there again.
func (p *printer) aside() (back func()) {
	line := p.line
	p.clear()
	return func() { p.draw(line) }
}

func (p *printer) clear() {
	if p.line != "" {
		fmt.Fprint(p.err, "\r\x1b[K")
		p.line = ""
	}
}

func (p *printer) draw(line string) {
	p.line = line
	fmt.Fprint(p.err, line)
}

// final is what the program says at its end.
type final struct {
	Records  int64   `json:"records"` // of the input, without reference data
	Seconds  float64 `json:"seconds"`
	Complete bool    `json:"complete"` // false: the program was interrupted
	Results  any     `json:"results"`
	Check    string  `json:"check"` // "ok", the differences, or "none"
}

// final prints the end: what there is for people, or a line of JSON.
func (p *printer) final(f final) error {
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
	fmt.Fprintf(p.out, "\n%d %s in %.1f s%s\n", f.Records, p.noun, f.Seconds, ended)
	if f.Results != nil {
		fmt.Fprintf(p.out, "\n%s\n", strings.TrimRight(fmt.Sprint(f.Results), "\n"))
	}
	if f.Check == "ok" {
		fmt.Fprint(p.out, "\nThis is exactly what the input says.\n")
	}
	return nil
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
