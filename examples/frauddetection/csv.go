// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// BadLines is what to do with a line that is not a payment.
type BadLines string

// The two policies.
const (
	FailOnBadLine BadLines = "fail" // stop with an error that names the line; the default
	SkipBadLines  BadLines = "skip" // count it and go on
)

// neededColumns must be in a file; trans_num and country are used when they are. Others are ignored, and the order is
// the header's.
var neededColumns = []string{
	"trans_date_trans_time", "cc_num", "merchant", "category", "amt",
	"lat", "long", "merch_lat", "merch_long", "is_fraud",
}

// File is a file of card payments with the columns of the Sparkov data, read as a stream: however long it is, it takes
// no memory. Times are taken as UTC. Each fraud of the file counts as a case of its own, for no rule in particular.
//
// Owner: one goroutine.
type File struct {
	name    string
	policy  BadLines
	file    *os.File
	csv     *csv.Reader
	column  map[string]int
	line    int // of the record that was read last, 1 is the header
	skipped int
	frauds  int
}

// OpenFile opens a file and reads its header.
func OpenFile(name string, policy BadLines) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the payments: %w", err)
	}
	r := csv.NewReader(f)
	r.ReuseRecord = true
	out := &File{name: name, policy: policy, file: f, csv: r, line: 1, column: map[string]int{}}
	if err := out.header(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return out, nil
}

func (f *File) header() error {
	head, err := f.csv.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is empty: it needs a header line with the columns %s",
			f.name, strings.Join(neededColumns, ", "))
	} else if err != nil {
		return fmt.Errorf("%s: cannot read the header: %w", f.name, err)
	}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := f.column[name]; twice && name != "" {
			return fmt.Errorf("%s: the header has the column %s twice", f.name, name)
		}
		f.column[name] = i
	}
	var missing []string
	for _, name := range neededColumns {
		if _, ok := f.column[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: the header lacks the column(s) %s", f.name, strings.Join(missing, ", "))
	}
	return nil
}

// Next is the next payment of the file, io.EOF after the last.
func (f *File) Next() (Payment, error) {
	for {
		fields, err := f.csv.Read()
		if errors.Is(err, io.EOF) {
			return Payment{}, io.EOF
		}
		var p Payment
		var bad *csv.ParseError
		switch {
		case err == nil:
			f.line, _ = f.csv.FieldPos(0)
			p, err = f.payment(fields)
		case errors.As(err, &bad):
			f.line, err = bad.StartLine, bad.Err
		default:
			return Payment{}, fmt.Errorf("cannot read %s: %w", f.name, err)
		}
		switch {
		case err == nil:
			if p.Fraud {
				f.frauds++
				p.Case = f.frauds
			}
			return p, nil
		case f.policy != SkipBadLines:
			return Payment{}, fmt.Errorf("%s, line %d: %w (-bad-lines %s goes on without such lines)",
				f.name, f.line, err, SkipBadLines)
		}
		f.skipped++
	}
}

// Cases tells how many frauds Next has given.
func (f *File) Cases() map[Rule]int { return map[Rule]int{"": f.frauds} }

// Skipped tells how many lines Next has left out.
func (f *File) Skipped() int { return f.skipped }

// Close ends the reading.
func (f *File) Close() error { return f.file.Close() }

// Profiles makes up what the file does not say: each card's limit is DerivedLimit, its home is that of its first
// payment. It reads the file a second time, from beginning to end, and keeps the cards' numbers.
func (f *File) Profiles() iter.Seq2[Profile, error] {
	return func(yield func(Profile, error) bool) {
		again, err := OpenFile(f.name, f.policy)
		if err != nil {
			yield(Profile{}, err)
			return
		}
		defer again.Close()
		known := map[string]struct{}{}
		for {
			p, err := again.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if _, ok := known[p.Card]; ok && err == nil {
				continue
			}
			known[strings.Clone(p.Card)] = struct{}{}
			if !yield(Profile{Card: p.Card, Limit: DerivedLimit, Home: p.Home}, err) || err != nil {
				return
			}
		}
	}
}

// payment reads the fields of a line.
func (f *File) payment(fields []string) (Payment, error) {
	l := line{file: f, fields: fields}
	p := Payment{
		ID: l.optional("trans_num"), Card: l.text("cc_num"), At: l.time("trans_date_trans_time"), Amount: l.cents("amt"),
		Merchant: l.text("merchant"), Category: l.text("category"), Country: l.optional("country"),
		Home: Point{l.degrees("lat", 90), l.degrees("long", 180)},
		Shop: Point{l.degrees("merch_lat", 90), l.degrees("merch_long", 180)},
	}
	p.Fraud = l.flag("is_fraud")
	if p.ID == "" {
		p.ID = "line-" + strconv.Itoa(f.line)
	}
	return p, l.err
}

// line reads the fields of one line and keeps the first error, which names the column and what stands there.
type line struct {
	file   *File
	fields []string
	err    error
}

func (l *line) fail(column, want string) {
	if l.err == nil {
		l.err = fmt.Errorf("%s is %q, want %s", column, l.fields[l.file.column[column]], want)
	}
}

func (l *line) raw(column string) string { return strings.TrimSpace(l.fields[l.file.column[column]]) }

func (l *line) text(column string) string {
	s := l.raw(column)
	if s == "" {
		l.fail(column, "something")
	}
	return strings.Clone(s) // the fields share one buffer per line
}

func (l *line) optional(column string) string {
	if i, ok := l.file.column[column]; ok {
		return strings.Clone(strings.TrimSpace(l.fields[i]))
	}
	return ""
}

func (l *line) time(column string) int64 {
	t, err := time.Parse(time.DateTime, l.raw(column))
	if err != nil || t.UnixMilli() < 0 {
		l.fail(column, "a time like 2020-06-21 12:14:25, not before 1970")
	}
	return t.UnixMilli()
}

// cents reads an amount without the detour over a float: 1.15 is 115 cents, not 114.
func (l *line) cents(column string) int64 {
	const want = "an amount like 29.84"
	s := l.raw(column)
	whole, part, _ := strings.Cut(s, ".")
	switch {
	case len(part) > 2 && strings.Trim(part[2:], "0") != "":
		l.fail(column, want+", without parts of a cent")
		return 0
	case len(part) > 2:
		part = part[:2]
	}
	part += strings.Repeat("0", 2-len(part))
	units, err1 := strconv.ParseUint(whole, 10, 40)
	cents, err2 := strconv.ParseUint(part, 10, 8)
	if err1 != nil || err2 != nil {
		l.fail(column, want)
	}
	return int64(units)*100 + int64(cents)
}

func (l *line) degrees(column string, limit float64) float64 {
	x, err := strconv.ParseFloat(l.raw(column), 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > limit {
		l.fail(column, fmt.Sprintf("degrees from -%.0f to %.0f", limit, limit))
		return 0
	}
	return x
}

func (l *line) flag(column string) bool {
	switch l.raw(column) {
	case "0":
		return false
	case "1":
		return true
	}
	l.fail(column, "0 or 1")
	return false
}
