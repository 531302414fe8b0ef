package uffd

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// constants reads the generated numbers of package sys whose names begin with
// prefix. Where a port has its own value any of them will do.
func constants(t *testing.T, prefix string) map[string]uint64 {
	t.Helper()
	files, err := filepath.Glob("../sys/zconst_linux*.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		testgate.Skip(t, testgate.Source, "../sys is not there")
	}
	found := map[string]uint64{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				rest, ok := strings.CutPrefix(id.Name, prefix)
				if !ok {
					continue
				}
				lit, ok := spec.Values[i].(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s: %s is not a literal", name, id.Name)
				}
				v, err := strconv.ParseUint(lit.Value, 0, 64)
				if err != nil {
					t.Fatal(err)
				}
				found[rest] = v
			}
			return true
		})
	}
	return found
}

// Whatever the generator finds in newer headers must get a name here.
func TestEveryFeatureHasItsName(t *testing.T) {
	features := constants(t, "UFFD_FEATURE_")
	if len(features) < 19 {
		t.Fatalf("only %d features found", len(features))
	}
	for name, bit := range features {
		if got := Features(bit).String(); got != name {
			t.Errorf("%#x is %q, the kernel calls it %q", bit, got, name)
		}
	}
	if len(features) != len(featureNames) {
		t.Errorf("%d features have names, the kernel has %d", len(featureNames), len(features))
	}
}

func TestEveryIoctlHasItsName(t *testing.T) {
	numbers := constants(t, "_UFFDIO_")
	if len(numbers) < 12 {
		t.Fatalf("only %d ioctls found", len(numbers))
	}
	for name, number := range numbers {
		if got := Ioctls(1 << number).String(); got != name {
			t.Errorf("ioctl %d is %q, the kernel calls it %q", number, got, name)
		}
	}
	if len(numbers) != len(ioctlNames) {
		t.Errorf("%d ioctls have names, the kernel has %d", len(ioctlNames), len(numbers))
	}
}
