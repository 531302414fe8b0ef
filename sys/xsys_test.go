package sys_test

import (
	"errors"
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// xsysDiffers are the constants in which golang.org/x/sys/unix has another
// value, because it takes them from glibc's headers and we from the kernel's.
var xsysDiffers = map[string]string{
	"MAP_RENAME":  "mips mipsle mips64 mips64le",                                     // glibc's is MAP_ANONYMOUS there
	"O_LARGEFILE": "amd64 arm64 loong64 mips64 mips64le ppc64 ppc64le riscv64 s390x", // glibc's is 0 for 64-bit programs
}

// TestAgainstXSys compares every constant and every number of a system call
// that golang.org/x/sys/unix has too, for all ports: they were made by other
// people with other tools, from other headers.
func TestAgainstXSys(t *testing.T) {
	dir := xsysDir(t)
	for _, goarch := range []string{"386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le", "riscv64", "s390x"} {
		ours := constants(t, ".", goarch)
		theirs := constants(t, filepath.Join(dir, "unix"), goarch)
		compared := 0
		for name, v := range ours {
			w, ok := theirs[name]
			if !ok {
				continue
			}
			compared++
			same := constant.Compare(v, token.EQL, w)
			differs := slices.Contains(strings.Fields(xsysDiffers[name]), goarch)
			switch {
			case same && differs:
				t.Errorf("%s: %s is %v in both, and on the list of differences", goarch, name, v)
			case !same && !differs:
				t.Errorf("%s: %s is %v here and %v in x/sys", goarch, name, v, w)
			}
		}
		if compared < 400 {
			t.Errorf("%s: only %d names are in both", goarch, compared)
		}
		t.Logf("%s: %d names are in both", goarch, compared)
	}
}

// xsysDir is where the go command keeps the source of golang.org/x/sys.
func xsysDir(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	if _, err := os.Stat("../go.mod"); errors.Is(err, os.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	cmd := exec.Command(path, "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		testgate.Skip(t, testgate.GoTool, "go list finds no source of golang.org/x/sys")
	}
	return dir
}

// constants reads the constants of a package that are written as numbers, for
// Linux on a port.
func constants(t *testing.T, dir, goarch string) map[string]constant.Value {
	t.Helper()
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", goarch, false
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]constant.Value{}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, "z") || !strings.HasSuffix(name, ".go") {
			continue
		}
		if match, err := context.MatchFile(dir, name); err != nil {
			t.Fatal(err)
		} else if !match {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.CONST {
				for _, spec := range gen.Specs {
					addConstants(values, spec.(*ast.ValueSpec))
				}
			}
		}
	}
	return values
}

// addConstants adds the names of spec whose value is an integer, or one with a
// minus sign.
func addConstants(values map[string]constant.Value, spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			return
		}
		expr, minus := spec.Values[i], false
		if u, ok := expr.(*ast.UnaryExpr); ok && u.Op == token.SUB {
			expr, minus = u.X, true
		}
		lit, ok := expr.(*ast.BasicLit)
		if !ok || lit.Kind != token.INT {
			continue
		}
		v := constant.MakeFromLiteral(lit.Value, token.INT, 0)
		if minus {
			v = constant.UnaryOp(token.SUB, v, 0)
		}
		values[name.Name] = v
	}
}
