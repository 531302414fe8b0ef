package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// typeCheck compiles the types of package sys for a port, as far as types go:
// files is what was generated, and the rest are the hand-written files that
// define Pointer. It returns the first error: an assertion that does not hold,
// for one.
func typeCheck(t *testing.T, goarch string, files map[string][]byte) error {
	t.Helper()
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "linux", goarch, false
	fset := token.NewFileSet()
	var parsed []*ast.File
	parse := func(name string, text []byte) {
		f, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	for name, text := range files {
		if strings.HasPrefix(name, "ztypes_") || strings.HasPrefix(name, "zconst_linux.") || name == "zconst_linux_"+goarch+".go" {
			parse(name, text)
		}
	}
	pointers, err := filepath.Glob(filepath.Join(committedSys, "pointer_unsafe*.go"))
	if err != nil || len(pointers) == 0 {
		testgate.Skip(t, testgate.Source, "no pointer_unsafe*.go in "+committedSys)
	}
	for _, path := range pointers {
		if match, err := context.MatchFile(filepath.Split(path)); err != nil {
			t.Fatal(err)
		} else if !match {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		parse(path, text)
	}
	config := types.Config{Importer: noGoroot{}, Sizes: types.SizesFor("gc", goarch)}
	_, err = config.Check("sys", fset, parsed, nil)
	return err
}

// noGoroot imports the packages that the types need, without their source.
type noGoroot struct{}

func (noGoroot) Import(path string) (*types.Package, error) {
	switch path {
	case "unsafe":
		return types.Unsafe, nil
	case "structs":
	default:
		return nil, fmt.Errorf("package sys imports %q for its types", path)
	}
	p := types.NewPackage("structs", "structs")
	name := types.NewTypeName(token.NoPos, p, "HostLayout", nil)
	types.NewNamed(name, types.NewStruct(nil, nil), nil)
	p.Scope().Insert(name)
	p.MarkComplete()
	return p, nil
}

// TestAssertionsHold compiles the generated types with the sizes of each port.
func TestAssertionsHold(t *testing.T) {
	files, err := emit(committed(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ports {
		if err := typeCheck(t, p.goarch, files); err != nil {
			t.Errorf("%s: %v", p.goarch, err)
		}
	}
	golden, err := readFactsDir(goldenFacts, mustPorts(t, samplePorts))
	if err != nil {
		t.Fatal(err)
	}
	if files, err = emit(golden, nil); err != nil {
		t.Fatal(err)
	}
	for _, f := range golden {
		if err := typeCheck(t, f.Port, files); err != nil {
			t.Errorf("%s, testdata/golden: %v", f.Port, err)
		}
	}
}

// TestAssertionsFail edits what was generated: every field moved, every size
// changed must not compile.
func TestAssertionsFail(t *testing.T) {
	files, err := emit(committed(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	good := string(files["ztypes_linux.go"])
	for _, p := range ports {
		if err := typeCheck(t, p.goarch, map[string][]byte{"ztypes_linux.go": []byte(good)}); err != nil {
			t.Fatalf("%s: %v", p.goarch, err)
		}
	}
	for _, c := range []struct{ old, new string }{
		{"VecLen            uint64", "VecLen            uint32"},       // everything behind it moves
		{"ReturnMask        uint64", "ReturnMask        uint32"},       // only the size changes (on 32 bits)
		{"Features uint64", "Features uint64\n\tMore uint64"},          // something in between
		{"Vec               Pointer", "Vec               *PageRegion"}, // 4 bytes on 32 bits
	} {
		bad := strings.Replace(good, c.old, c.new, 1)
		if bad == good {
			t.Fatalf("no %q", c.old)
		}
		changed := map[string][]byte{"ztypes_linux.go": []byte(bad)}
		if err := typeCheck(t, "386", changed); err == nil {
			t.Errorf("386: %s compiles", c.new)
		}
	}
	for _, wrong := range []struct{ old, new string }{
		{"Offsetof(UffdMsg{}.Arg)-8]", "Offsetof(UffdMsg{}.Arg)-7]"},
		{"Offsetof(UffdMsg{}.Arg)-8]", "Offsetof(UffdMsg{}.Arg)-9]"},
		{"Sizeof(UffdMsg{})-32]", "Sizeof(UffdMsg{})-31]"},
		{"Sizeof(UffdMsg{})-32]", "Sizeof(UffdMsg{})-33]"},
		{"Raw [3]uint64", "Raw [2]uint64"},
	} {
		bad := strings.Replace(good, wrong.old, wrong.new, 1)
		if bad == good {
			t.Fatalf("no %q", wrong.old)
		}
		for _, p := range ports {
			if err := typeCheck(t, p.goarch, map[string][]byte{"ztypes_linux.go": []byte(bad)}); err == nil {
				t.Errorf("%s: %s compiles", p.goarch, wrong.new)
			}
		}
	}
}
