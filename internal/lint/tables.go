// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"go/ast"
	"strings"
)

// tables: what windows and joins do is shown by a table of records in and results out in their comments, and by an
// example that runs.
func tables(files []*File, report Report) {
	examples := make(map[string]bool)
	for _, f := range files {
		for _, d := range functions(f) {
			if name, _, _ := strings.Cut(strings.TrimPrefix(d.Name.Name, "Example"), "_"); f.Test() && d.Recv == nil {
				examples[f.Dir()+"."+name] = true
			}
		}
	}
	for _, f := range files {
		for _, d := range functions(f) {
			name, doc, ok := shown(f, d)
			switch {
			case !ok || f.Test():
			case doc == nil || !strings.Contains(doc.Text(), "\n\t"):
				report(f, f.Line(d.Pos()), "%s has no table of records in and results out in its comment", name)
			case !examples[f.Dir()+"."+name]:
				report(f, f.Line(d.Pos()), "there is no Example%s that runs its table", name)
			}
		}
	}
}

// shown says whether d is a join, a suppression, or the method that makes a type a kind of window, and where its
// comment is.
func shown(f *File, d *ast.FuncDecl) (name string, doc *ast.CommentGroup, ok bool) {
	switch name = d.Name.Name; {
	case f.Dir() == "operators" && d.Recv == nil && d.Name.IsExported():
		return name, d.Doc, strings.Contains(name, "Join") || strings.HasPrefix(name, "Suppress")
	case f.Dir() == "window" && d.Recv != nil && name == "Validate":
		name = receiver(d.Recv.List[0].Type)
		return name, typeDoc(f, name), true
	}
	return "", nil, false
}

func functions(f *File) (all []*ast.FuncDecl) {
	for _, decl := range f.AST.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok {
			all = append(all, d)
		}
	}
	return all
}

func typeDoc(f *File, name string) *ast.CommentGroup {
	for _, decl := range f.AST.Decls {
		if d, ok := decl.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && s.Name.Name == name {
					return d.Doc
				}
			}
		}
	}
	return nil
}
