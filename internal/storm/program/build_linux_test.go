package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// cCompiler is the name of a skip: some ways to build need one.
const cCompiler = testgate.Name("x-c-compiler")

// builds are the ways to build a Go program.
var builds = []struct {
	name string
	args []string
	cgo  bool // it has C in it, or code of the race detector
	c    bool // with testdata/cgo.go.txt, which is no file of the module: that has no cgo
}{
	{name: "plain"},
	{name: "race", args: []string{"-race"}, cgo: true},
	{name: "checkptr", args: []string{"-gcflags=all=-d=checkptr=2"}},
	{name: "unoptimized", args: []string{"-gcflags=all=-N -l"}},
	{name: "cover", args: []string{"-cover"}},
	{name: "pie", args: []string{"-buildmode=pie"}},
	{name: "c-shared", args: []string{"-buildmode=c-shared"}, cgo: true, c: true},
	{name: "cgo", cgo: true, c: true},
}

// roundsEnv is how often TestBuilds runs each program.
const roundsEnv = "PAGESLOT_STORM_ROUNDS"

// The storm in programs that are built in all the ways there are.
func TestBuilds(t *testing.T) {
	plainTests(t)
	f := newForge(t)
	rounds := 1
	if s := os.Getenv(roundsEnv); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil || rounds < 1 {
			t.Fatalf("%s must be a number from 1 on, is %q", roundsEnv, s)
		}
	}
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			command := f.build(t, b.name, b.args, b.cgo, b.c)
			for _, procs := range []int{1, 2, 4} {
				t.Run(fmt.Sprintf("GOMAXPROCS=%d", procs), func(t *testing.T) {
					good := 0
					for range rounds {
						out, err := f.storm(t, command, "-procs", strconv.Itoa(procs), "-threads", strconv.Itoa((procs+1)/2))
						if err != nil {
							t.Errorf("%v; it printed:\n%s", err, out)
							continue
						}
						good++
						t.Log(strings.ReplaceAll(strings.TrimSpace(out), "\n", ", "))
					}
					t.Logf("%d of %d", good, rounds)
				})
			}
		})
	}
}

// plainTests skips the test where its binary is no plain one: the programs would be the
// same again.
func plainTests(t *testing.T) {
	t.Helper()
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if slices.Contains([]string{"-race", "-msan", "-asan", "-cover", "-gcflags"}, s.Key) {
			testgate.Skip(t, testgate.Plain, "this binary was built with "+s.Key+", and its programs do not depend on that")
		}
	}
}

// forge builds the programs.
type forge struct {
	goTool string
	here   string // the folder of the program
	dir    string
}

// newForge skips the test where nothing can be built, or no storm be made.
func newForge(t *testing.T) *forge {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	if _, err := os.Stat("main.go"); err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	here, err := os.Getwd()
	must(t, err)
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	r, err := resolver.Start(d, resolver.Options{})
	if err == nil {
		must(t, r.Stop())
	}
	must(t, d.Close())
	testgate.Need(t, testgate.Port, err)
	f := &forge{goTool, here, t.TempDir()}
	if dir, err := f.command("list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output(); err != nil || len(strings.TrimSpace(string(dir))) == 0 {
		testgate.Skip(t, testgate.GoTool, "go list finds no source of golang.org/x/sys")
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *forge) command(args ...string) *exec.Cmd {
	cmd := exec.Command(f.goTool, args...)
	cmd.Dir = f.here
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	return cmd
}

// build gives the command line of a program, but for its arguments.
func (f *forge) build(t *testing.T, name string, args []string, cgo, c bool) []string {
	t.Helper()
	out := filepath.Join(f.dir, name)
	args = append([]string{"build", "-o", out}, args...)
	command := []string{out}
	if cgo {
		cc := f.compiler(t)
		if c {
			args = append(args, "-overlay", f.overlay(t))
		}
		if name == "c-shared" {
			command = []string{f.loader(t, cc), out}
		}
	}
	cmd := f.command(append(args, ".")...)
	cmd.Env = append(cmd.Env, "CGO_ENABLED="+map[bool]string{false: "0", true: "1"}[cgo])
	text, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(string(text), "is not supported on") {
		testgate.Skip(t, testgate.Port, string(text))
	}
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, text)
	}
	return command
}

// compiler is the C compiler that the go command takes.
func (f *forge) compiler(t *testing.T) []string {
	t.Helper()
	out, err := f.command("env", "CC").Output()
	must(t, err)
	cc := strings.Fields(string(out))
	if len(cc) == 0 {
		testgate.Skip(t, cCompiler, "go env CC is empty")
	}
	if _, err := exec.LookPath(cc[0]); err != nil {
		testgate.Skip(t, cCompiler, err.Error())
	}
	return cc
}

// overlay adds the part of the program that is written in C.
func (f *forge) overlay(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("testdata/cgo.go.txt")
	must(t, err)
	file := filepath.Join(f.dir, "cgo.go")
	must(t, os.WriteFile(file, source, 0o600))
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(f.here, "cgo.go"): file}})
	must(t, err)
	name := filepath.Join(f.dir, "overlay.json")
	must(t, os.WriteFile(name, text, 0o600))
	return name
}

// loader is a C program that calls the storm in a library.
func (f *forge) loader(t *testing.T, cc []string) string {
	t.Helper()
	name := filepath.Join(f.dir, "loader")
	cmd := exec.Command(cc[0], append(cc[1:], "-Wall", "-Werror", "-o", name, "testdata/loader.c", "-ldl")...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, text)
	}
	return name
}

// storm runs a program, and kills it when it hangs: first with SIGQUIT, so that it
// prints its stacks.
func (f *forge) storm(t *testing.T, command []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 2*time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], args...)...)
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1 atexit_sleep_ms=0", "GOCOVERDIR="+f.dir, "GOTRACEBACK=all")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = 3 * time.Second
	// It must not go on without this process, nor may the thread end that starts it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("it hangs: %w, %w", context.Cause(ctx), err)
	}
	return string(out), err
}
