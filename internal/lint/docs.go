// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"go/ast"
	"go/token"
	"strings"
)

// What a user of the library imports.
var public = []string{"window", "stream", "operators", "state"}

// docs: every package says what it is, and in the public ones every exported symbol does, beginning with its name.
func docs(files []*File, report Report) {
	first := make(map[string]*File)
	documented := make(map[string]bool)
	for _, f := range files {
		if f.Test() {
			continue
		}
		if first[f.Dir()] == nil {
			first[f.Dir()] = f
		}
		documented[f.Dir()] = documented[f.Dir()] || f.AST.Doc != nil
		if f.Under(public...) {
			for _, decl := range f.AST.Decls {
				docDecl(f, decl, report)
			}
		}
	}
	for _, f := range files {
		if first[f.Dir()] == f && !documented[f.Dir()] {
			report(f, f.Line(f.AST.Package), "package %s has no doc comment: say what it is for", f.AST.Name.Name)
		}
	}
}

func docDecl(f *File, decl ast.Decl, report Report) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
			named(f, d.Name, d.Doc, report)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				docType(f, d, s, report)
			case *ast.ValueSpec:
				for _, name := range s.Names { // a group's comment speaks for all of it
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						report(f, f.Line(name.Pos()), "%s has no doc comment", name.Name)
					}
				}
			}
		}
	}
}

func docType(f *File, d *ast.GenDecl, s *ast.TypeSpec, report Report) {
	if !s.Name.IsExported() {
		return
	}
	doc := s.Doc
	if doc == nil && d.Lparen == token.NoPos {
		doc = d.Doc
	}
	named(f, s.Name, doc, report)
	iface, ok := s.Type.(*ast.InterfaceType)
	if !ok {
		return
	}
	told := 0 // the last line for which a comment speaks: it may speak for a run of methods
	for _, m := range iface.Methods.List {
		line := f.Line(m.Pos())
		if m.Doc != nil || m.Comment != nil || line == told+1 {
			told = f.Line(m.End())
			continue
		}
		for _, name := range m.Names {
			report(f, line, "%s.%s has no doc comment", s.Name.Name, name.Name)
		}
	}
}

// named: the comment is there and begins with the name, as go doc shows it without its surroundings.
func named(f *File, name *ast.Ident, doc *ast.CommentGroup, report Report) {
	line := f.Line(name.Pos())
	if doc == nil {
		report(f, line, "%s has no doc comment", name.Name)
		return
	}
	words := strings.Fields(doc.Text())
	if len(words) > 0 && (words[0] == "A" || words[0] == "An" || words[0] == "The") {
		words = words[1:]
	}
	if len(words) == 0 || strings.Trim(words[0], ",.:;") != name.Name && strings.TrimSuffix(words[0], "'s") != name.Name {
		report(f, line, "the doc comment of %s begins with its name", name.Name)
	}
}

// receiver is the name of a method's type, without pointer and type parameters.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// config: a field of a Config says what it is when nobody sets it.
func config(f *File, report Report) {
	if f.Test() || !f.Under(public...) {
		return
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Config" {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				text := field.Doc.Text()
				if !strings.Contains(text, "Defaults to ") && !strings.Contains(text, "Required.") {
					report(f, f.Line(field.Pos()), `a field of Config says "Defaults to ..." or "Required."`)
				}
			}
		}
		return true
	})
}
