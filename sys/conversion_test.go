package sys_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// TestConversionsStandInTheCall reads the source of the package. An address of
// Go's memory may become a uintptr only among the arguments of the system call
// itself: with any call in between the stack could grow and move what the
// number stands for, and no test would notice.
func TestConversionsStandInTheCall(t *testing.T) {
	files, err := filepath.Glob("*_unsafe*.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("call_linux.go"); errors.Is(err, os.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	found := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[ast.Expr]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if isSystemCall(call.Fun) {
				for _, arg := range call.Args {
					allowed[arg] = true
				}
			}
			if isConversion(call) {
				found++
				if !allowed[call] {
					t.Errorf("%v: an address of Go's memory becomes a number outside of a system call", fset.Position(call.Pos()))
				}
			}
			return true
		})
	}
	if found < 10 {
		t.Errorf("only %d conversions were found: has the test lost them?", found)
	}
}

// isSystemCall says whether f is unix.Syscall or unix.Syscall6.
func isSystemCall(f ast.Expr) bool {
	sel, ok := f.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "unix" && (sel.Sel.Name == "Syscall" || sel.Sel.Name == "Syscall6")
}

// isConversion says whether call is uintptr(unsafe.Pointer(x)), or uintptr of
// a parameter that is an unsafe.Pointer.
func isConversion(call *ast.CallExpr) bool {
	to, ok := call.Fun.(*ast.Ident)
	if !ok || to.Name != "uintptr" || len(call.Args) != 1 {
		return false
	}
	switch x := call.Args[0].(type) {
	case *ast.CallExpr:
		sel, ok := x.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Pointer"
	case *ast.Ident:
		return x.Name == "arg" // Ioctl's
	}
	return false
}
