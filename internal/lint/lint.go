// SPDX-License-Identifier: Apache-2.0

// Package lint holds the house rules that a machine can see, as tests over the whole tree: all three modules, without
// network or type checker, in about a second. lattice.txt says who may import whom.
//
// There is no comment that silences a rule. Where a rule is wrong for a place, the rule says so here, with the reason.
package lint

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// File is one Go file, parsed.
type File struct {
	Path string // slash-separated, relative to the repository's root
	Src  string
	AST  *ast.File
	Fset *token.FileSet
}

// Dir is the package's directory, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Test says whether the file is compiled into tests only.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Under says whether the file lies in one of the directories or below.
func (f *File) Under(dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(f.Path, dir+"/") })
}

// Line is the line of the position.
func (f *File) Line(pos token.Pos) int { return f.Fset.Position(pos).Line }

// Finding is one place that breaks a rule.
type Finding struct {
	Path string
	Line int
	Rule string
	Text string
}

// String is what an editor can jump to.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.Path, f.Line, f.Rule, f.Text) }

// Report takes what a rule finds.
type Report func(f *File, line int, format string, args ...any)

// Rule looks at the whole tree.
type Rule struct {
	Name  string
	Check func(files []*File, report Report)
}

// perFile makes a rule out of a look at one file.
func perFile(check func(f *File, report Report)) func([]*File, Report) {
	return func(files []*File, report Report) {
		for _, f := range files {
			check(f, report)
		}
	}
}

// Check applies the rules; the findings come in the order of the files.
func Check(files []*File, rules []Rule) []Finding {
	var found []Finding
	for _, rule := range rules {
		rule.Check(files, func(f *File, line int, format string, args ...any) {
			found = append(found, Finding{Path: f.Path, Line: line, Rule: rule.Name, Text: fmt.Sprintf(format, args...)})
		})
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return found
}

// Load parses every Go file under root. Left out are directories that the go command leaves out too, and files that
// say that a program has written them.
func Load(root string) ([]*File, error) {
	var files []*File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() && name != root && (base == "testdata" || strings.ContainsRune("._", rune(base[0]))) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(base, ".go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := Parse(filepath.ToSlash(rel), string(src))
		if err != nil {
			return err
		}
		if !ast.IsGenerated(f.AST) {
			files = append(files, f)
		}
		return nil
	})
	return files, err
}

// Parse makes a File of a source text.
func Parse(name, src string) (*File, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &File{Path: name, Src: src, AST: tree, Fset: fset}, nil
}
