package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/vm"
)

// A link to the test binary is a QEMU that knows its version.
func init() {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "qemu-system-") {
		fmt.Println("QEMU emulator version 99.1.0")
		os.Exit(0)
	}
}

// vmHost is a host without network, with an empty cache and these QEMUs in PATH.
// It returns a kernel's file.
func vmHost(t *testing.T, programs ...string) (kernel string) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := os.Symlink(self, filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("PAGESLOT_CACHE", t.TempDir())
	kernel = filepath.Join(dir, "vmlinuz")
	if err := os.WriteFile(kernel, []byte("a kernel"), 0o644); err != nil {
		t.Fatal(err)
	}
	return kernel
}

// static is an ELF program without anything in it.
func static(t *testing.T, machine elf.Machine, progs ...elf.Prog64) string {
	t.Helper()
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Entry: 1, Ehsize: 64, Phoff: 64, Phentsize: 56, Phnum: uint16(len(progs))}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	var b bytes.Buffer
	if err := errors.Join(binary.Write(&b, binary.LittleEndian, h), binary.Write(&b, binary.LittleEndian, progs)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// callExec runs "vm exec" with a machine that does what run says.
func callExec(run runMachine, args ...string) called {
	var out, errs bytes.Buffer
	status := execIn(context.Background(), run, args, &out, &errs)
	return called{status, out.String(), errs.String()}
}

// never is for what has to end before a machine starts.
func never(t *testing.T) runMachine {
	return func(context.Context, vm.Config, []vm.Job, func(string)) ([]vm.Result, error) {
		t.Error("a machine was started")
		return nil, nil
	}
}

func ends(r vm.Result, err error) runMachine {
	return func(_ context.Context, _ vm.Config, jobs []vm.Job, _ func(string)) ([]vm.Result, error) {
		fmt.Fprint(jobs[0].Stdout, "out")
		fmt.Fprint(jobs[0].Stderr, "err\n")
		return []vm.Result{r}, err
	}
}

// The program's words and its exit status come through, and a machine that failed
// is never a success.
func TestExecStatus(t *testing.T) {
	kernel := vmHost(t, "qemu-system-x86_64")
	program := static(t, elf.EM_X86_64)
	for name, test := range map[string]struct {
		run  runMachine
		want called
	}{
		"passed":     {ends(vm.Result{}, nil), called{0, "out", "err\n"}},
		"failed":     {ends(vm.Result{Code: 3}, nil), called{3, "out", "err\n"}},
		"killed":     {ends(vm.Result{Code: -1, Signal: "killed"}, nil), called{137, "out", "err\npageslot vm exec: the program was ended by a signal: killed, as the kernel does when memory runs out (-memory MiB gives more)\n"}},
		"segfault":   {ends(vm.Result{Code: -1, Signal: "segmentation fault"}, nil), called{139, "out", "err\npageslot vm exec: the program was ended by a signal: segmentation fault\n"}},
		"hung":       {ends(vm.Result{Code: 2, TimedOut: true, Took: time.Minute}, nil), called{2, "out", "err\npageslot vm exec: the program ran past its limit, for 60.0s, and was told to end\n"}},
		"hung to 0":  {ends(vm.Result{TimedOut: true, Took: time.Minute}, nil), called{125, "out", "err\npageslot vm exec: the program ran past its limit, for 60.0s, and was told to end\n"}},
		"hung, dead": {ends(vm.Result{Code: -1, Signal: "killed", TimedOut: true}, nil), called{125, "out", "err\npageslot vm exec: the program ran past its limit, for 0.0s, and was told to end\n"}},
		"panicked":   {ends(vm.Result{}, &vm.Error{Why: "kernel panic", Console: "its\nwords"}), called{125, "out", "err\npageslot vm exec: machine failed: kernel panic; its console:\nits\nwords\n"}},
		"no result": {func(context.Context, vm.Config, []vm.Job, func(string)) ([]vm.Result, error) { return nil, nil },
			called{125, "", "pageslot vm exec: machine failed: 0 results of one program\n"}},
	} {
		if got := callExec(test.run, "-kernel", kernel, program); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// What the flags say reaches the machine and the program.
func TestExecFlags(t *testing.T) {
	kernel := vmHost(t, "qemu-system-x86_64", "qemu-system-aarch64")
	t.Setenv("PASSES", "by name")
	t.Setenv("STAYS", "here")
	var c vm.Config
	var j vm.Job
	run := func(_ context.Context, config vm.Config, jobs []vm.Job, _ func(string)) ([]vm.Result, error) {
		c, j = config, jobs[0]
		return []vm.Result{{}}, nil
	}
	extra := filepath.Join(t.TempDir(), "extra")
	if err := os.WriteFile(extra, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	program := static(t, elf.EM_AARCH64)
	got := callExec(run, "-kernel", kernel, "-machine", "arm64-6.12-16k", "-memory", "512", "-user", "nobody", "-timeout", "7s",
		"-env", "PASSES", "-env", "NEW=a b", "-add", extra, "--", program, "-kernel", "-test.v")
	if got != (called{}) {
		t.Fatalf("%+v", got)
	}
	if c.Arch != "arm64" || c.Kernel != kernel || !strings.Contains(strings.Join(c.Args, " "), "-m 512 ") || c.QEMU[0] != "qemu-system-aarch64" || c.Slow <= 1 {
		t.Errorf("%+v", c)
	}
	if j.User != 65534 || j.Limit != 7*time.Second || j.Program != program || !slices.Equal(j.Args, []string{"-kernel", "-test.v"}) {
		t.Errorf("%+v", j)
	}
	if !slices.Contains(j.Env, "PASSES=by name") || !slices.Contains(j.Env, "NEW=a b") || slices.Contains(j.Env, "STAYS=here") {
		t.Errorf("environment %q", j.Env)
	}
	if !slices.ContainsFunc(j.Files, func(f vm.File) bool { return f.Host == extra && f.Guest == extra }) {
		t.Errorf("files %+v", j.Files)
	}
	// By default root's, for as long as package vm has it, or a bit longer than the
	// test's own limit.
	for _, test := range []struct {
		args []string
		want func(time.Duration) bool
	}{
		{nil, func(d time.Duration) bool { return d == 0 }},
		{[]string{"-test.timeout=20m"}, func(d time.Duration) bool { return d > 20*time.Minute && d < 25*time.Minute }},
		{[]string{"-test.timeout=0"}, func(d time.Duration) bool { return d >= 24*time.Hour }},
	} {
		callExec(run, append([]string{"-kernel", kernel, program}, test.args...)...)
		if j.User != 0 || !test.want(j.Limit) {
			t.Errorf("%q: user %d, limit %v", test.args, j.User, j.Limit)
		}
	}
	if got := callExec(run, "-v", "-kernel", kernel, program); got.status != 0 || !strings.Contains(got.stderr, "machine arm64-7.3, kernel "+kernel+", QEMU 99.1.0") {
		t.Errorf("-v: %+v", got)
	}
}

// Every mistake of the command line is one line, and starts nothing.
func TestExecBadUsage(t *testing.T) {
	kernel := vmHost(t, "qemu-system-x86_64")
	program := static(t, elf.EM_X86_64)
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("words"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args  []string
		words []string
	}{
		{nil, []string{"no program"}},
		{[]string{"--"}, []string{"no program"}},
		{[]string{"-no-such-flag", program}, []string{"no-such-flag"}},
		{[]string{"-timeout", "-1s", program}, []string{"-timeout"}},
		{[]string{"-memory", "3", program}, []string{"-memory 3", "64"}},
		{[]string{"-user", "me", program}, []string{`-user "me"`, "nobody"}},
		{[]string{"-env", "=x", program}, []string{`-env "=x"`}},
		{[]string{"-keyring", "/k", program}, []string{"-keyring", "-mirror"}},
		{[]string{"-kernel", "6.2", program}, []string{`no kernel "6.2"`, "5.10, 6.1"}},
		{[]string{"-machine", "vax", program}, []string{`no machine "vax"`, "amd64-6.1"}},
		{[]string{"-machine", "arm64-6.1", program}, []string{"arm64-6.1 runs programs of arm64", "built for amd64"}},
		{[]string{"-machine", "amd64-6.1", "-kernel", "6.12", program}, []string{"has kernel 6.1, not 6.12"}},
		{[]string{"-kernel", kernel + "x", program}, []string{"kernel: ", kernel + "x", "no such file"}},
		{[]string{"-kernel", filepath.Dir(kernel) + "/", program}, []string{"kernel: ", "is not a file"}},
		{[]string{"-kernel", static(t, elf.EM_AARCH64), program}, []string{"kernel: ", "is for arm64, and the machine is amd64"}},
		{[]string{text}, []string{"not an ELF program"}},
		{[]string{filepath.Join(filepath.Dir(text), "gone")}, []string{"no such file"}},
		{[]string{static(t, elf.EM_X86_64, elf.Prog64{Type: uint32(elf.PT_INTERP)})}, []string{"not static", "CGO_ENABLED=0"}},
		{[]string{static(t, elf.EM_SPARCV9)}, []string{"no port of Go's"}},
		{[]string{"-add", "/no/such/file", program}, []string{"/no/such/file"}},
		{[]string{program, "-test.fuzz=X"}, []string{"fuzz"}},
	} {
		args := test.args
		if !slices.Contains(args, "-kernel") && !slices.Contains(args, "-machine") {
			args = append([]string{"-kernel", kernel}, args...)
		}
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			checkOneLine(t, callExec(never(t), args...), exitUsage, append(test.words, "pageslot vm exec: ")...)
		})
	}
}

// What the host lacks is one line too.
func TestExecCannot(t *testing.T) {
	program := static(t, elf.EM_X86_64)
	nowhere := "file://" + filepath.Join(t.TempDir(), "none")
	kernel := vmHost(t, "qemu-system-x86_64")
	for name, test := range map[string]struct {
		args  []string
		words []string
	}{
		"no QEMU":   {[]string{"-mirror", nowhere, "-kernel", kernel, static(t, elf.EM_AARCH64)}, []string{"qemu-system-aarch64 is not installed", "apt-get install qemu-system-arm"}},
		"no kernel": {[]string{"-mirror", nowhere, "-kernel", "6.1", program}, []string{"amd64-6.1", "linux-image-6.1"}},
		"no URL":    {[]string{"-mirror", "nonsense", "-kernel", "6.1", program}, []string{`"nonsense"`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := callExec(never(t), test.args...)
			// What is being fetched has a line of its own before.
			lines := strings.SplitAfter(strings.TrimSuffix(got.stderr, "\n"), "\n")
			got.stderr = lines[len(lines)-1] + "\n"
			checkOneLine(t, got, exitMachine, append(test.words, "pageslot vm exec: ")...)
		})
	}
	t.Run("no folder for the cache", func(t *testing.T) {
		t.Setenv("PAGESLOT_CACHE", "")
		t.Setenv("HOME", "")
		t.Setenv("XDG_CACHE_HOME", "")
		checkOneLine(t, callExec(never(t), "-kernel", kernel, program), exitMachine, "PAGESLOT_CACHE")
	})
}

func TestExecInterrupted(t *testing.T) {
	kernel := vmHost(t, "qemu-system-x86_64")
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs bytes.Buffer
	status := execIn(ctx, func(ctx context.Context, _ vm.Config, _ []vm.Job, _ func(string)) ([]vm.Result, error) {
		cancel()
		return nil, ctx.Err()
	}, []string{"-kernel", kernel, static(t, elf.EM_X86_64)}, &out, &errs)
	checkOneLine(t, called{status, out.String(), errs.String()}, exitMachine, "interrupted")
}

func TestExecHelp(t *testing.T) {
	got := call("vm", "exec", "-h")
	if got.status != exitOK || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	for _, words := range []string{"go test -exec 'pageslot vm exec", "-kernel kernel", "-mirror URL", "125"} {
		if !strings.Contains(got.stdout, words) {
			t.Errorf("%q is missing in %s", words, got.stdout)
		}
	}
}
