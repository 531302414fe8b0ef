package matrix

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/vm"
	"github.com/pageslot/pageslot/testgate"
)

func TestReadPackages(t *testing.T) {
	const text = `{"ImportPath": "example.org/m", "Dir": "/m", "TestGoFiles": ["a_test.go"]}
{"ImportPath": "example.org/m/none", "Dir": "/m/none"}
{"ImportPath": "example.org/m/sub/a", "Dir": "/m/sub/a", "XTestGoFiles": ["a_test.go"]}
{"ImportPath": "example.org/more/a", "Dir": "/more/a", "TestGoFiles": ["a_test.go"]}
`
	got, err := readPackages(strings.NewReader(text), "example.org/m")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range got {
		paths = append(paths, p.Path)
	}
	if want := []string{".", "sub/a", "example.org/more/a"}; !slices.Equal(paths, want) {
		t.Errorf("%q, want %q", paths, want)
	}
	groups := apart(got)
	if len(groups) != 2 || len(groups[0]) != 2 || groups[1][0].Path != "example.org/more/a" {
		t.Errorf("groups %v", groups)
	}
	if _, err := readPackages(strings.NewReader("{"), "m"); err == nil {
		t.Error("half an object is none")
	}
}

func TestBinaryName(t *testing.T) {
	for path, want := range map[string]string{"example.org/m": "m", "example.org/m/v2": "m", "example.org/m/v1": "v1", "m": "m", "v2": "v2", "a/v10": "a", "a/v2x": "v2x"} {
		if got := binaryName(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// module writes files, in which the go command then works.
func module(t *testing.T, files map[string]string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for name, value := range map[string]string{"GOWORK": "off", "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"} {
		t.Setenv(name, value)
	}
	if os.Getenv("HOME") == "" {
		t.Setenv("HOME", t.TempDir())
	}
}

// Two packages of one name, and of another port than the host's.
func TestBuild(t *testing.T) {
	testgate.NeedLong(t, "it builds test binaries of another port")
	const test = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n"
	module(t, map[string]string{"go.mod": "module example.org/m\n\ngo 1.26\n", "a/a_test.go": test, "b/a/a_test.go": test, "c/c.go": "package c\n"})
	g, err := FindModule(context.Background())
	if err != nil || g.Path != "example.org/m" || g.Own() {
		t.Fatalf("%+v, %v", g, err)
	}
	g.Temp, g.Patterns = t.TempDir(), []string{"./..."}
	built, err := g.Build(context.Background(), "riscv64")
	if err != nil || len(built.Packages) != 2 || built.Pageslot != "" {
		t.Fatalf("%+v, %v", built, err)
	}
	for i, want := range []string{"a", "b/a"} {
		p := built.Packages[i]
		port, err := vm.Port(p.Test)
		if p.Path != want || err != nil || port != "riscv64" {
			t.Errorf("%+v: %s, %v", p, port, err)
		}
	}
	// The probe is pageslot's, and this module does not have it.
	g.Probe = true
	if _, err := g.Build(context.Background(), "riscv64"); err == nil || !strings.Contains(err.Error(), Module+"/cmd/pageslot") || strings.ContainsRune(err.Error(), '\n') {
		t.Error(err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		files    map[string]string
		patterns string
		want     string
	}{
		"no tests":     {map[string]string{"go.mod": "module m\n", "a/a.go": "package a\n"}, "./...", "no package of ./... has tests"},
		"no folder":    {map[string]string{"go.mod": "module m\n", "a/a.go": "package a\n"}, "./b", "go list"},
		"syntax error": {map[string]string{"go.mod": "module m\n", "a/a_test.go": "package a\n\nfunc {\n"}, "./...", "go "},
	} {
		t.Run(name, func(t *testing.T) {
			module(t, test.files)
			g, err := FindModule(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			g.Temp, g.Patterns = t.TempDir(), []string{test.patterns}
			_, err = g.Build(context.Background(), "amd64")
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

func TestNoModule(t *testing.T) {
	module(t, nil)
	if _, err := FindModule(context.Background()); err == nil || strings.ContainsRune(err.Error(), '\n') {
		t.Error(err)
	}
	t.Setenv("PATH", "")
	if _, err := FindModule(context.Background()); err == nil || !strings.Contains(err.Error(), "the go command is not in PATH") {
		t.Error(err)
	}
}

func TestBuildInterrupted(t *testing.T) {
	module(t, map[string]string{"go.mod": "module m\n"})
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stopped)
	if _, err := FindModule(ctx); !errors.Is(err, stopped) {
		t.Error(err)
	}
}
