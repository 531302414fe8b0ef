package lint

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

const modulePath = "github.com/pageslot/pageslot"

// tree is a source tree, read and parsed once.
type tree struct {
	fset  *token.FileSet
	files []*file
}

// file is one file of the tree. Paths are relative to its root, with slashes.
type file struct {
	path   string
	src    []byte
	syntax *ast.File // nil unless it is Go
	module string    // the folder of the innermost go.mod: "." for the root module
}

func (f *file) dir() string    { return path.Dir(f.path) }
func (f *file) base() string   { return path.Base(f.path) }
func (f *file) isTest() bool   { return strings.HasSuffix(f.path, "_test.go") }
func (f *file) inRoot() bool   { return f.module == "." }
func (f *file) isBinary() bool { return bytes.IndexByte(f.src, 0) >= 0 }

// under reports whether the file is in folder dir or beneath it.
func (f *file) under(dir string) bool { return strings.HasPrefix(f.path, dir+"/") }

// goFiles yields the Go files of the tree.
func (t *tree) goFiles() []*file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f *file) bool { return f.syntax == nil })
}

// problem is one place where a rule is broken.
type problem string

func (t *tree) at(pos token.Pos, format string, args ...any) problem {
	p := t.fset.Position(pos)
	return problem(fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...))
}

func in(name, format string, args ...any) problem {
	return problem(name + ": " + fmt.Sprintf(format, args...))
}

// imports yields the import paths of f with their positions.
func (f *file) imports(yield func(string, token.Pos) bool) {
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil && !yield(p, spec.Pos()) {
			return
		}
	}
}

// load reads a tree. It leaves out what the repository ignores and folders with
// a dot, except those that belong to it. Go files in testdata are text.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	modules := map[string]bool{".": true}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(p)
		if d.IsDir() {
			hidden := strings.HasPrefix(base, ".") && p != "." && base != ".ci" && base != ".github"
			if hidden || p == "bin" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(p, "go.mod")); err == nil {
				modules[p] = true
			}
			return nil
		}
		if slices.Contains([]string{".test", ".out", ".prof"}, path.Ext(base)) || !d.Type().IsRegular() {
			return nil
		}
		f := &file{path: p}
		if f.src, err = fs.ReadFile(fsys, p); err != nil {
			return err
		}
		for f.module = path.Dir(p); !modules[f.module]; {
			f.module = path.Dir(f.module)
		}
		if path.Ext(p) == ".go" && !slices.Contains(strings.Split(p, "/"), "testdata") {
			if f.syntax, err = parser.ParseFile(t.fset, p, f.src, parser.ParseComments|parser.SkipObjectResolution); err != nil {
				return err
			}
		}
		t.files = append(t.files, f)
		return nil
	})
	return t, err
}

// repository is the tree around this package.
func repository(t *testing.T) *tree {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
			break
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		up := filepath.Dir(dir)
		if up == dir {
			testgate.Skip(t, testgate.Source, "there is no go.mod of "+modulePath+" above the working folder")
		}
		dir = up
	}
	all, err := load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
