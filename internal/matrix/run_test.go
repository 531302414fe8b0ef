package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pageslot/pageslot/internal/debian"
	"github.com/pageslot/pageslot/internal/vm"
	"github.com/pageslot/pageslot/probe"
)

// passes is what a test binary prints.
const passes = "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.00s)\n\x16=== RUN   TestB\n    b_test.go:1: memfd-secret: none\n\x16--- SKIP: TestB (0.00s)\nPASS\n"

// fakes is a matrix of one machine whose every part can be made to fail.
type fakes struct {
	runner *Runner
	// job is what a program does: it writes, and returns how it ended.
	job func(name string, j vm.Job) vm.Result
	// machine, if it is not nil, is the error after so many jobs.
	machine error
	after   int
	mu      sync.Mutex // lanes run beside each other
	ran     []string
	done    []string
}

func newFakes(t *testing.T) *fakes {
	t.Helper()
	f := new(fakes)
	f.job = func(name string, j vm.Job) vm.Result {
		if strings.HasPrefix(name, "the probe") {
			_ = json.NewEncoder(j.Stdout).Encode(report(yes("a", "X")))
			return vm.Result{}
		}
		fmt.Fprint(j.Stdout, passes)
		logSkip(t, j, "memfd-secret")
		return vm.Result{Took: time.Second}
	}
	dir := t.TempDir()
	expect := Expect{
		Probe: map[string]Answers{Root: {"a": {probe.Yes, []string{"X"}}}},
		Skips: map[string]map[string]Names{Root: {"memfd": {"memfd-secret"}}, User: {"memfd": {"memfd-secret"}}},
	}
	f.runner = &Runner{
		Matrix: &Matrix{Kernels: []Kernel{{ID: "amd64-6.1", Release: "6.1", Arch: "amd64", Page: page}}},
		Resolve: func(ctx context.Context, m Machine) (Resolved, error) {
			return Resolved{Machine: m, Kernel: debian.Fetched{Package: debian.Package{Name: "linux", Version: "6.1"}}}, nil
		},
		Build: func(ctx context.Context, port string) (Built, error) {
			return Built{Packages: []Package{{Path: "memfd", Dir: dir, Test: "/memfd.test"}}, Pageslot: "/pageslot"}, nil
		},
		Run: func(ctx context.Context, c vm.Config, jobs []vm.Job, log func(string)) ([]vm.Result, error) {
			var out []vm.Result
			c.Booted(vm.Info{Boot: time.Second, Kernel: "Linux"})
			for i, j := range jobs {
				if f.machine != nil && i == f.after {
					return out, f.machine
				}
				f.mu.Lock()
				f.ran = append(f.ran, j.Name)
				f.mu.Unlock()
				out = append(out, f.job(j.Name, j))
			}
			return out, f.machine
		},
		Expect: fstest.MapFS{"expect/amd64-6.1.json": {Data: expect.text()}},
		Short:  true, Limit: time.Minute, Lanes: 1, Temp: t.TempDir(), All: true,
		Want: func(string, string) bool { return true },
		Done: func(r MachineReport) {
			f.mu.Lock()
			f.done = append(f.done, r.Line()+"\n"+r.Details())
			f.mu.Unlock()
		},
		Log: func(string) {},
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(f.runner.Temp)
		if err != nil || len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	})
	return f
}

// A package that a machine is without is not run there; the probe still is.
func TestRunWithout(t *testing.T) {
	f := newFakes(t)
	machines := slices.Clone(oneMachine)
	machines[0].Without = map[string]string{"memfd": "it crashes"}
	if _, err := f.runner.Machines(context.Background(), machines); err != nil {
		t.Fatal(err)
	}
	if want := []string{"the probe as root", "the probe as user"}; !slices.Equal(f.ran, want) {
		t.Errorf("%q were run, want %q", f.ran, want)
	}
	if got, want := machines[0].Left(), []string{"memfd is not run: it crashes"}; !slices.Equal(got, want) {
		t.Errorf("left: %q", got)
	}
}

// logSkip is what testgate does, and then package vm.
func logSkip(t *testing.T, j vm.Job, name string) {
	t.Helper()
	i := slices.IndexFunc(j.Back, func(f vm.File) bool { return strings.HasPrefix(filepath.Base(f.Host), "skips-") })
	if i < 0 {
		t.Fatalf("%s has no log of skips: %+v", j.Name, j.Back)
	}
	file, err := os.OpenFile(j.Back[i].Host, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "%s\tpageslot.TestB\tnone\n", name)
	file.Close()
}

var oneMachine = []Machine{{Name: "amd64-6.1", Port: "amd64", Kernel: "amd64-6.1"}}

func (f *fakes) run(t *testing.T) MachineReport {
	t.Helper()
	out, err := f.runner.Machines(context.Background(), oneMachine)
	if err != nil || len(out) != 1 || len(f.done) != 1 {
		t.Fatalf("%v, %v, %q", out, err, f.done)
	}
	return out[0]
}

func TestRun(t *testing.T) {
	f := newFakes(t)
	r := f.run(t)
	if !r.OK() || r.Details() != "" {
		t.Fatalf("%+v", r)
	}
	if want := []string{"the probe as root", "the probe as user", "memfd as root", "memfd as user"}; !slices.Equal(f.ran, want) {
		t.Errorf("ran %q, want %q", f.ran, want)
	}
	p := r.Packages[0]
	if len(r.Packages) != 2 || p.Passed != 1 || p.Skipped != 1 || p.Skips["memfd-secret"] != 1 || p.Seconds != 1 || r.Boot != 1 || r.Package != "linux 6.1" {
		t.Errorf("%+v", r)
	}
}

// What must not pass for a success is none.
func TestRunFails(t *testing.T) {
	const panicked = "[    1.0] Kernel panic - not syncing: Fatal exception"
	only := func(f *fakes, name string, what func(j vm.Job) vm.Result) {
		usual := f.job
		f.job = func(n string, j vm.Job) vm.Result {
			if n == name {
				return what(j)
			}
			return usual(n, j)
		}
	}
	for name, test := range map[string]struct {
		change func(t *testing.T, f *fakes)
		want   []string
	}{
		"a kernel panics": {func(t *testing.T, f *fakes) {
			f.machine, f.after = &vm.Error{Why: "kernel panic: Fatal exception", Console: panicked}, 2
		}, []string{"machine failed: kernel panic: Fatal exception, in memfd as root", panicked}},
		"the machine fails at the end": {func(t *testing.T, f *fakes) { f.machine, f.after = &vm.Error{Why: "no last word"}, 99 },
			[]string{"no last word"}},
		"a result is missing": {func(t *testing.T, f *fakes) {
			run := f.runner.Run
			f.runner.Run = func(ctx context.Context, c vm.Config, jobs []vm.Job, log func(string)) ([]vm.Result, error) {
				out, err := run(ctx, c, jobs, log)
				return out[:3], err
			}
		}, []string{"3 results of 4 jobs"}},
		"a test hangs": {func(t *testing.T, f *fakes) {
			only(f, "memfd as user", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stderr, "SIGQUIT: quit\ngoroutine 1 [sleep]\n")
				return vm.Result{Code: 2, TimedOut: true, Took: 90 * time.Second}
			})
		}, []string{"memfd as user: it hung", "1m30s", "goroutine 1 [sleep]"}},
		"a test fails": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stdout, "\x16--- PASS: TestA (0.00s)\n    b_test.go:7: got 1, want 2\n\x16--- FAIL: TestB (0.00s)\nFAIL\n")
				return vm.Result{Code: 1}
			})
		}, []string{"memfd as root: exit status 1", "got 1, want 2", "--- FAIL: TestB"}},
		"a test fails and exits with 0": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stdout, "\x16--- FAIL: TestB (0.00s)\n")
				return vm.Result{}
			})
		}, []string{"exit status 0, but 1 test failed"}},
		"a test is killed": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(vm.Job) vm.Result { return vm.Result{Code: -1, Signal: "segmentation fault"} })
		}, []string{"memfd as root: killed by a signal: segmentation fault"}},
		"nothing runs": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(vm.Job) vm.Result { return vm.Result{} })
		}, []string{"no test said how it ended"}},
		"an extra skip": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stdout, passes)
				logSkip(t, j, "memfd-secret")
				logSkip(t, j, "hugetlb")
				return vm.Result{}
			})
		}, []string{`memfd as root: an extra skip "hugetlb", once`}},
		"a vanished skip": {func(t *testing.T, f *fakes) {
			only(f, "memfd as user", func(j vm.Job) vm.Result { fmt.Fprint(j.Stdout, passes); return vm.Result{} })
		}, []string{`memfd as user: the skip "memfd-secret" has vanished`}},
		"a wrong expectation": {func(t *testing.T, f *fakes) {
			only(f, "the probe as user", func(j vm.Job) vm.Result {
				_ = json.NewEncoder(j.Stdout).Encode(report(no("a", "refused")))
				return vm.Result{}
			})
		}, []string{"probe as user: a is no [refused], expected yes (X)"}},
		"no expectation": {func(t *testing.T, f *fakes) { f.runner.Expect = fstest.MapFS{} },
			[]string{"nothing is committed for this machine", "-update", "expect/amd64-6.1.json"}},
		"an expectation that makes no sense": {func(t *testing.T, f *fakes) {
			f.runner.Expect = fstest.MapFS{"expect/amd64-6.1.json": {Data: []byte("{")}}
		}, []string{"amd64-6.1.json: unexpected EOF"}},
		"the probe fails": {func(t *testing.T, f *fakes) {
			only(f, "the probe as root", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stderr, "pageslot probe: no\n")
				return vm.Result{Code: 1}
			})
		}, []string{"probe as root: exit status 1: pageslot probe: no"}},
		"the probe makes no sense": {func(t *testing.T, f *fakes) {
			only(f, "the probe as root", func(j vm.Job) vm.Result { return vm.Result{} })
		}, []string{"probe as root: its report makes no sense"}},
		"a broken log of skips": {func(t *testing.T, f *fakes) {
			only(f, "memfd as root", func(j vm.Job) vm.Result {
				fmt.Fprint(j.Stdout, passes)
				logSkip(t, j, "memfd-secret\tmore")
				return vm.Result{}
			})
		}, []string{"memfd as root: a line of the log of skips makes no sense"}},
		"no kernel": {func(t *testing.T, f *fakes) {
			f.runner.Resolve = func(context.Context, Machine) (Resolved, error) { return Resolved{}, errors.New("no network") }
		}, []string{"no network"}},
		"no compiler": {func(t *testing.T, f *fakes) {
			f.runner.Build = func(context.Context, string) (Built, error) { return Built{}, errors.New("syntax error") }
		}, []string{"syntax error"}},
		"no package": {func(t *testing.T, f *fakes) { f.runner.Want = func(string, string) bool { return false } },
			[]string{"nothing is to run here"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakes(t)
			test.change(t, f)
			r := f.run(t)
			if r.OK() {
				t.Errorf("it counts as passed: %+v", r)
			}
			if !strings.Contains(r.Line(), "FAILED") || strings.ContainsRune(r.Line(), '\n') {
				t.Errorf("the line is %q", r.Line())
			}
			for _, words := range test.want {
				if text := r.Line() + "\n" + r.Details(); !strings.Contains(text, words) {
					t.Errorf("nothing says %q:\n%s", words, text)
				}
			}
		})
	}
}

func TestRunUpdates(t *testing.T) {
	f := newFakes(t)
	f.runner.Expect = fstest.MapFS{}
	written := map[string]Expect{}
	f.runner.Update = func(machine string, e Expect) error { written[machine] = e; return nil }
	if r := f.run(t); !r.OK() || len(r.Updated) != 1 {
		t.Fatalf("%+v", r)
	}
	// What was written is what is expected; then nothing is written.
	f = newFakes(t)
	f.runner.Expect = fstest.MapFS{"expect/amd64-6.1.json": {Data: written["amd64-6.1"].text()}}
	f.runner.Update = func(string, Expect) error { return errors.New("nothing has changed") }
	if r := f.run(t); !r.OK() || len(r.Updated) != 0 {
		t.Fatalf("%+v", r)
	}
	// What changes is told.
	usual := f.job
	f.done, f.job = nil, func(name string, j vm.Job) vm.Result {
		if name == "memfd as root" {
			logSkip(t, j, "mseal")
		}
		return usual(name, j)
	}
	f.runner.Update = func(machine string, e Expect) error { written[machine] = e; return nil }
	if r := f.run(t); !r.OK() || !slices.Equal(r.Updated, []string{`memfd as root: an extra skip "mseal", once`}) {
		t.Fatalf("%+v", r)
	}
	if got := written["amd64-6.1"].Skips[Root]["memfd"]; !slices.Equal(got, Names{"memfd-secret", "mseal"}) {
		t.Errorf("written: %q", got)
	}
	// A machine that fails changes nothing.
	f.done, f.machine, f.after = nil, &vm.Error{Why: "panic"}, 3
	f.runner.Update = func(string, Expect) error { t.Error("a machine that failed changed its expectation"); return nil }
	if r := f.run(t); r.OK() {
		t.Errorf("%+v", r)
	}
}

// An expectation that could not be written is a failure.
func TestRunCannotUpdate(t *testing.T) {
	f := newFakes(t)
	f.runner.Expect = fstest.MapFS{}
	f.runner.Update = func(string, Expect) error { return errors.New("disk full") }
	if r := f.run(t); r.OK() || !strings.Contains(r.Details(), "disk full") {
		t.Errorf("%+v", r)
	}
}

// Each port is built once, and what ends the run ends the builder too.
func TestRunInterrupted(t *testing.T) {
	f := newFakes(t)
	var mu sync.Mutex
	built := map[string]int{}
	ctx, cancel := context.WithCancelCause(context.Background())
	stopped := errors.New("stopped")
	f.runner.Lanes = 3
	build := f.runner.Build
	f.runner.Build = func(ctx context.Context, port string) (Built, error) {
		mu.Lock()
		built[port]++
		mu.Unlock()
		if port == "s390x" {
			cancel(stopped)
			<-ctx.Done()
			return Built{}, ctx.Err()
		}
		return build(ctx, port)
	}
	machines := []Machine{
		{Name: "amd64-6.1", Port: "amd64", Kernel: "amd64-6.1", Slow: 2}, {Name: "amd64-6.1-too", Port: "amd64", Kernel: "amd64-6.1", Slow: 2},
		{Name: "s390x-6.1", Port: "s390x", Kernel: "amd64-6.1", Slow: 1},
	}
	if _, err := f.runner.Machines(ctx, machines); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
	if built["amd64"] != 1 || built["s390x"] != 1 {
		t.Errorf("built %v", built)
	}
}
