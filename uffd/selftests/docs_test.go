package selftests

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// A row of docs/selftests.md: a case of the kernel's, its memory, what stands for
// it here. That is tests, as `TestMove` or `uffd/pagemap.TestBase`, or a reason
// that begins with "none:".
var (
	rowForm  = regexp.MustCompile(`^\| *([^|]*[^| ]) *\|([^|]*)\| *([^|]*[^| ]) *\|$`)
	testForm = regexp.MustCompile("`(?:([a-z/]+)\\.)?(Test[A-Za-z0-9]+)`")
)

// rows are the rows of all tables, without their heads.
func rows(text string) (found [][]string, bad []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| here |") {
			continue
		}
		if m := rowForm.FindStringSubmatch(line); m != nil {
			found = append(found, m[1:])
		} else {
			bad = append(bad, line)
		}
	}
	return found, bad
}

// Every case has a test that exists, or a reason why it has none.
func TestDocumentedTestsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "selftests.md"))
	if errors.Is(err, fs.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	found, bad := rows(string(text))
	for _, line := range bad {
		t.Errorf("no row of three columns with a case and a test: %s", line)
	}
	if len(found) < 20 {
		t.Fatalf("only %d rows", len(found))
	}
	known := map[string]map[string]bool{}
	for _, row := range found {
		tests := testForm.FindAllStringSubmatch(row[2], -1)
		if len(tests) == 0 && !strings.HasPrefix(row[2], "none:") {
			t.Errorf("%s: neither a test nor a reason: %s", row[0], row[2])
		}
		for _, m := range tests {
			folder := m[1]
			if folder == "" {
				folder = "uffd/selftests"
			}
			if known[folder] == nil {
				known[folder] = testsOf(t, filepath.Join(root, filepath.FromSlash(folder)))
			}
			if !known[folder][m[2]] {
				t.Errorf("%s: there is no test %s in %s", row[0], m[2], folder)
			}
		}
	}
}

func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s: no tests, %v", dir, err)
	}
	names := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

func TestRows(t *testing.T) {
	found, bad := rows("# a\n\n| case | memory | here |\n|---|---|---|\n| a | | `TestA`, `uffd.TestB` |\n| b | ALL | |\n| | x | `TestA` |\n")
	if len(found) != 1 || found[0][0] != "a" || len(bad) != 2 {
		t.Errorf("%q, %q", found, bad)
	}
	if m := testForm.FindAllStringSubmatch(found[0][2], -1); len(m) != 2 || m[0][2] != "TestA" || m[1][1] != "uffd" || m[1][2] != "TestB" {
		t.Errorf("%q", m)
	}
}
