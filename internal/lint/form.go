// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"go/ast"
	goformat "go/format"
	"strings"
	"unicode/utf8"
)

// How long things may get. A file, a function and a line that fit on a screen are read; others are searched.
const (
	maxFileLines     = 500
	maxFunctionLines = 70
	maxLineColumns   = 120 // characters; a tab is one
)

const spdxLine = "// SPDX-License-Identifier: Apache-2.0"

// format: what gofmt would write.
func format(f *File, report Report) {
	want, err := goformat.Source([]byte(f.Src))
	if err != nil {
		report(f, 1, "cannot be formatted: %v", err)
		return
	}
	if string(want) == f.Src {
		return
	}
	have := strings.Split(f.Src, "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(have) || line != have[i] {
			report(f, i+1, "gofmt writes this differently: run gofmt -w %s", f.Path)
			return
		}
	}
	report(f, len(have), "gofmt writes the end differently: run gofmt -w %s", f.Path)
}

// spdx: a file begins with its licence.
func spdx(f *File, report Report) {
	if !strings.HasPrefix(f.Src, spdxLine+"\n\n") {
		report(f, 1, "begin the file with %q and an empty line", spdxLine)
	}
}

// size of files, functions and lines.
func size(f *File, report Report) {
	if n := strings.Count(f.Src, "\n"); n > maxFileLines {
		report(f, n, "the file has %d lines, at most %d: split it by subject", n, maxFileLines)
	}
	for _, decl := range f.AST.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := f.Line(fn.End()) - f.Line(fn.Pos()) + 1; n > maxFunctionLines {
			report(f, f.Line(fn.Pos()), "%s has %d lines, at most %d", fn.Name.Name, n, maxFunctionLines)
		}
	}
	for i, line := range strings.Split(f.Src, "\n") {
		if n := utf8.RuneCountInString(line); n > maxLineColumns {
			report(f, i+1, "the line has %d columns, at most %d", n, maxLineColumns)
		}
	}
}
