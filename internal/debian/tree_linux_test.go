package debian

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hostArch is the host's architecture as dpkg calls it.
func hostArch(t *testing.T) string {
	t.Helper()
	out, err := run(t.Context(), nil, "dpkg", "--print-architecture")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// made is a closure of a program, its library and data, in two suites.
func made(t *testing.T, r *repo) Closure {
	t.Helper()
	program := r.build("prog", "2~bpo", map[string]string{
		"usr/bin/prog": "the program", "usr/bin/unwanted": "x", "usr/share/prog/rom": "-> ../../lib/rom/1", "usr/share/doc/prog/copyright": "y",
	}, "Depends: lib (>= 1)")
	library := r.build("lib", "1", map[string]string{"usr/lib/x/lib.so.1": "the library", "usr/lib/x/lib.so": "-> lib.so.1"}, "Depends: rom")
	rom := r.build("rom", "7", map[string]string{"usr/lib/rom/1": "the rom"})
	old := r.build("prog", "1", map[string]string{"usr/bin/prog": "the old program"})
	arch := hostArch(t)
	r.suite("new", arch, program)
	r.suite("base", arch, library, rom, old)
	return Closure{Suites: []string{"new", "base"}, Packages: []string{"prog"}, Programs: []string{"prog"}}
}

func TestTree(t *testing.T) {
	r := newRepo(t)
	closure := made(t, r)
	c := Cache{t.TempDir()}
	dir, err := c.Tree(t.Context(), r.archive, closure, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"usr/bin/prog": "the program", "usr/lib/x/lib.so": "the library", "usr/share/prog/rom": "the rom",
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"usr/bin/unwanted", "usr/share/doc"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there (%v)", name, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "usr/bin/prog")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("the program cannot be executed: %v, %v", info, err)
	}
	again, err := c.Tree(t.Context(), noArchive(t), closure, nil)
	if err != nil || again != dir {
		t.Errorf("the second time: %s, %v", again, err)
	}
	_, installed, ok := c.HaveTree(closure)
	if want := []string{"lib 1", "prog 2~bpo", "rom 7"}; !ok || !slices.Equal(installed, want) {
		t.Errorf("got %q, want %q", installed, want)
	}
	// A file that was cut off makes the whole tree anew.
	if err := os.Truncate(filepath.Join(dir, "usr/bin/prog"), 3); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.HaveTree(closure); ok {
		t.Error("a damaged tree is had")
	}
	if _, err := c.Tree(t.Context(), r.archive, closure, nil); err != nil {
		t.Error(err)
	}
	if _, _, ok := c.HaveTree(closure); !ok {
		t.Error("the tree was not made anew")
	}
	if left, _ := filepath.Glob(c.path("tmp", "*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestTreeAtOnce(t *testing.T) {
	r := newRepo(t)
	closure := made(t, r)
	c := Cache{t.TempDir()}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if _, err := c.Tree(t.Context(), r.archive, closure, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.requests("pool/rom_7_all.deb"); n != 1 {
		t.Errorf("%d requests for one package", n)
	}
}

func TestTreeCancel(t *testing.T) {
	r := newRepo(t)
	closure := made(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	r.serve(func(w http.ResponseWriter, q *http.Request) {
		cancel()
		<-q.Context().Done()
	})
	c := Cache{t.TempDir()}
	_, err := c.Tree(ctx, r.archive, closure, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	checkEmpty(t, c)
}

func TestTreeErrors(t *testing.T) {
	r := newRepo(t)
	good := made(t, r)
	for name, c := range map[string]struct {
		spoil func(*Closure)
		want  string
	}{
		"package":  {func(c *Closure) { c.Packages = []string{"nothing"} }, "Unable to locate package nothing"},
		"program":  {func(c *Closure) { c.Programs = []string{"nothing"} }, "has a program nothing"},
		"suite":    {func(c *Closure) { c.Suites = []string{"missing"} }, "missing"},
		"no suite": {func(c *Closure) { c.Suites = nil }, "no suite"},
		"needs":    {func(c *Closure) { c.Suites = []string{"new"} }, "prog"},
	} {
		t.Run(name, func(t *testing.T) {
			closure, cache := good, Cache{t.TempDir()}
			c.spoil(&closure)
			_, err := cache.Tree(t.Context(), r.archive, closure, nil)
			oneLine(t, err, c.want)
			checkEmpty(t, cache)
		})
	}
}

// Settings of the host that would run programs or write elsewhere have no effect.
func TestHooksDoNotRun(t *testing.T) {
	r := newRepo(t)
	closure := made(t, r)
	mark := filepath.Join(t.TempDir(), "mark")
	config := filepath.Join(t.TempDir(), "apt.conf")
	r.write(config, `Acquire::http::Proxy::127.0.0.1 "DIRECT";
APT::Update::Pre-Invoke { "touch `+mark+`"; };
APT::Update::Post-Invoke { "touch `+mark+`"; };
DPkg::Pre-Invoke { "touch `+mark+`"; };
Dir::Cache "`+mark+`";
Dir::State::lists "`+mark+`";
`)
	t.Setenv("APT_CONFIG", config)
	if _, err := (Cache{t.TempDir()}).Tree(t.Context(), r.archive, closure, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a hook ran, or a folder of the host was used (%v)", err)
	}
}
