// SPDX-License-Identifier: Apache-2.0

package lint

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/irmak-go/irmak"

//go:embed lattice.txt
var latticeText string

// Each of these has one package that speaks to it, so that it can be replaced or upgraded in one place.
var exclusive = []string{"github.com/IBM/sarama", "github.com/cockroachdb/pebble"}

// row is one package's line of the table.
type row struct {
	pkg      string // or a directory with /...
	narrowed bool   // "only"
	only     []string
	modules  []string // behind the +
}

// parseLattice reads the table.
func parseLattice(text string) ([]row, error) {
	var rows []row
	var section *[]string // where the next word of the row goes
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if line == strings.TrimLeft(line, " \t") {
			rows = append(rows, row{pkg: words[0]})
			words, section = words[1:], nil
		}
		for _, word := range words {
			r := &rows[len(rows)-1]
			switch {
			case word == "only":
				r.narrowed, section = true, &r.only
			case word == "+":
				section = &r.modules
			case section == nil:
				return nil, fmt.Errorf("lattice.txt:%d: %q stands behind neither only nor +", i+1, word)
			default:
				*section = append(*section, word)
			}
		}
	}
	return rows, nil
}

// lattice: imports go down the table.
func lattice(files []*File, report Report) {
	rows, err := parseLattice(latticeText)
	for _, f := range files {
		if err != nil {
			report(f, 1, "%v", err)
			return
		}
		at := slices.IndexFunc(rows, func(r row) bool { return matches(r.pkg, f.Dir()) })
		if at < 0 {
			report(f, f.Line(f.AST.Package), "the package has no line in internal/lint/lattice.txt")
			continue
		}
		for _, spec := range f.AST.Imports {
			if why := forbidden(f, rows, at, importPath(spec)); why != "" {
				report(f, f.Line(spec.Pos()), "%s may not import %s: %s", f.Dir(), importPath(spec), why)
			}
		}
	}
}

// forbidden says why a file of the package in rows[at] may not import p; empty when it may.
func forbidden(f *File, rows []row, at int, p string) string {
	own, r := strings.HasPrefix(p, module+"/"), rows[at]
	isExclusive := slices.ContainsFunc(exclusive, func(m string) bool { return within(m, p) })
	switch {
	case standard(p), f.Test() && !isExclusive:
		return ""
	case !own:
		if slices.ContainsFunc(r.modules, func(m string) bool { return within(m, p) || m == "*" && !isExclusive }) {
			return ""
		}
		return "its line in lattice.txt does not name the module"
	}
	p = strings.TrimPrefix(p, module+"/")
	allows := func(pkg string) bool { return matches(pkg, p) }
	if r.narrowed {
		if slices.ContainsFunc(r.only, allows) {
			return ""
		}
		return "its line in lattice.txt names others only"
	}
	if slices.ContainsFunc(rows[:at], func(r row) bool { return allows(r.pkg) }) {
		return ""
	}
	return "it does not stand above it in lattice.txt"
}

// matches says whether pkg is the package of the pattern, or below its /... .
func matches(pattern, pkg string) bool {
	dir, tree := strings.CutSuffix(pattern, "/...")
	return pkg == dir || tree && within(dir, pkg)
}

// within says whether the path p is dir or below it.
func within(dir, p string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// standard says whether p belongs to Go itself: the first element of its path has no dot.
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".")
}
