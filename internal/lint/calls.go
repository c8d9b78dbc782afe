// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// These run real programs and brokers, for people and against the wall clock.
var outsideTheLibrary = []string{"internal/kafkatest", "examples", "benchmarks"}

// wallClock: only internal/clock reads the time and waits for it, so that every test can move it by hand. A test that
// lives in a synctest bubble is in a clock of its own. Tests elsewhere may bound a wait (time.After) but never sleep.
func wallClock(f *File, report Report) {
	if f.Under("internal/clock") || importName(f, "testing/synctest") != "" {
		return
	}
	outside := f.Under(outsideTheLibrary...)
	uses(f, "time", func(pos token.Pos, name string) {
		switch name {
		case "Sleep":
			if f.Test() || !outside {
				report(f, f.Line(pos), "time.Sleep: wait for what you wait for, or use a clock.Manual or testing/synctest")
			}
		case "Now", "Since", "Until":
			if !outside {
				report(f, f.Line(pos), "time.%s: ask a clock.Clock", name)
			}
		case "After", "AfterFunc", "NewTimer", "NewTicker", "Tick":
			if !f.Test() && !outside {
				report(f, f.Line(pos), "time.%s: ask a clock.Clock", name)
			}
		}
	})
}

// exit: a library never ends its caller's process. Runnable examples show a caller, TestMain has to.
func exit(f *File, report Report) {
	if f.AST.Name.Name == "main" || strings.HasSuffix(f.Path, "example_test.go") {
		return
	}
	uses(f, "log", func(pos token.Pos, name string) {
		if strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic") {
			report(f, f.Line(pos), "log.%s outside package main: return an error", name)
		}
	})
	if f.Test() {
		return
	}
	uses(f, "os", func(pos token.Pos, name string) {
		if name == "Exit" {
			report(f, f.Line(pos), "os.Exit outside package main: return an error")
		}
	})
}

// The words are put together here so that a search for them finds only sinners.
var openWords = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`)

// openEnd: what is begun is finished or it is not here; a test that does not run says why.
func openEnd(f *File, report Report) {
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			for i, line := range strings.Split(c.Text, "\n") {
				if word := openWords.FindString(line); word != "" {
					report(f, f.Line(c.Pos())+i, "%s: do it, or write an issue or an ADR", word)
				}
			}
		}
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.SelectorExpr:
			if fun.Sel.Name == "SkipNow" || fun.Sel.Name == "Skip" && len(call.Args) == 0 && f.Test() {
				report(f, f.Line(call.Pos()), "a skipped test says why: Skip(reason)")
			}
		case *ast.Ident:
			if fun.Name == "panic" && len(call.Args) == 1 && saysUnfinished(call.Args[0]) {
				report(f, f.Line(call.Pos()), "panic as a placeholder: write the real thing")
			}
		}
		return true
	})
}

func saysUnfinished(arg ast.Expr) bool {
	lit, ok := arg.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return false
	}
	text, err := strconv.Unquote(lit.Value)
	text = strings.ToLower(text)
	return err == nil && (strings.HasPrefix(text, "not implemented") || strings.HasPrefix(text, "unimplemented"))
}

// uses calls found for everything that the file takes from the imported package.
func uses(f *File, pkg string, found func(pos token.Pos, name string)) {
	local := importName(f, pkg)
	if local == "" {
		return
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
				found(sel.Pos(), sel.Sel.Name)
			}
		}
		return true
	})
}

// importName is what the file calls the imported package; empty when it does not import it.
func importName(f *File, pkg string) string {
	for _, spec := range f.AST.Imports {
		if importPath(spec) != pkg {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return pkg[strings.LastIndexByte(pkg, '/')+1:]
	}
	return ""
}

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value) // the parser has seen that it is a string
	return p
}
