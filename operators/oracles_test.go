// SPDX-License-Identifier: Apache-2.0

package operators_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oracleLines is how many lines an oracle may have, and each function that it is cut into: it is believed because
// it is read, not because it is tested.
const oracleLines = 30

// Oracles are functions that a scenario has as its oracle, and those of a name or a receiver that says so.
func TestOraclesAreShort(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	fset, found := token.NewFileSet(), 0
	short := func(body *ast.BlockStmt) {
		found++
		at := fset.Position(body.Pos())
		lines := fset.Position(body.End()).Line - at.Line - 1
		assert.LessOrEqual(t, lines, oracleLines, "the oracle at %s", at)
	}
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if isOracle(n.Name.Name) || n.Recv != nil && isOracle(nameOfType(n.Recv.List[0].Type)) {
					short(n.Body)
				}
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if f, ok := n.Value.(*ast.FuncLit); ok && key != nil && key.Name == "oracle" {
					short(f.Body)
				}
			}
			return true
		})
	}
	require.Greater(t, found, 30)
}

func isOracle(name string) bool {
	return strings.HasSuffix(name, "Oracle") || strings.HasSuffix(name, "History") && !strings.HasPrefix(name, "Test")
}

func nameOfType(x ast.Expr) string {
	if p, ok := x.(*ast.StarExpr); ok {
		x = p.X
	}
	name, _ := x.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}
