package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// The test in docs/testing.md compiles and passes in a module of its own, and a
// guard that does not hold fails it.
func TestDocumentedTest(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/testing.md"))
	if err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	block := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/testing.md has no Go code")
	}
	for _, tc := range []struct{ name, from, to, want string }{
		{"as it stands", "", "", "--- PASS: TestGuardSurvivesDontneed"},
		{"without the guard", "sys.MADV_GUARD_INSTALL, ", "", "the guard did not stop the write"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code := strings.Replace(string(block[1]), tc.from, tc.to, 1)
			if tc.from != "" && code == string(block[1]) {
				t.Fatalf("the code has no %q", tc.from)
			}
			dir := otherModule(t, root, map[string]string{"guard_test.go": code})
			ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 5*time.Minute))
			defer cancel()
			cmd := exec.CommandContext(ctx, goTool, "test", "-v", "-count=1", "./...")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
			out, err := cmd.CombinedOutput()
			text := string(out)
			if strings.Contains(text, "--- SKIP: TestGuardSurvivesDontneed") {
				testgate.Skip(t, testgate.GuardRegions, "the documented test was skipped")
			}
			if !strings.Contains(text, tc.want) || (err == nil) != (tc.from == "") {
				t.Errorf("%v, and no %q in\n%s", err, tc.want, text)
			}
		})
	}
}

// otherModule is a module that uses the one at root, with files.
func otherModule(t *testing.T, root string, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	own, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const self = "github.com/pageslot/pageslot"
	mod := strings.Replace(string(own), "module "+self+"\n", "module example.org/other\n", 1) +
		"\nrequire " + self + " v0.0.0\n\nreplace " + self + " => " + root + "\n"
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", mod)
	write("go.sum", string(sums))
	for name, text := range files {
		write(name, text)
	}
	return dir
}
