package vm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// hostMachines are machines like the host, by its port.
var hostMachines = map[string]Config{
	"amd64":   {QEMU: []string{"qemu-system-x86_64"}, Args: []string{"-machine", "q35", "-cpu", "max", "-m", "512", "-smp", "2"}, Append: "console=ttyS0", Arch: "amd64"},
	"386":     {QEMU: []string{"qemu-system-x86_64"}, Args: []string{"-machine", "q35", "-cpu", "max", "-m", "512", "-smp", "2"}, Append: "console=ttyS0", Arch: "amd64"},
	"arm64":   {QEMU: []string{"qemu-system-aarch64"}, Args: []string{"-machine", "virt", "-cpu", "max,pauth-impdef=on", "-m", "512", "-smp", "2"}, Append: "console=ttyAMA0", Arch: "arm64"},
	"ppc64le": {QEMU: []string{"qemu-system-ppc64"}, Args: []string{"-machine", "pseries,x-vof=on", "-cpu", "power9", "-m", "1024", "-smp", "2"}, Append: "console=hvc0", Arch: "ppc64le"},
	"riscv64": {QEMU: []string{"qemu-system-riscv64"}, Args: []string{"-machine", "virt", "-cpu", "rv64", "-m", "512", "-smp", "2"}, Append: "console=ttyS0", Arch: "riscv64"},
	"s390x":   {QEMU: []string{"qemu-system-s390x"}, Args: []string{"-machine", "s390-ccw-virtio", "-cpu", "max", "-m", "512", "-smp", "2"}, Append: "console=ttysclp0", Arch: "s390x"},
}

// hostMachine is a machine that can be started here, and a program for it.
func hostMachine(t *testing.T) (c Config, program string) {
	t.Helper()
	c, ok := hostMachines[runtime.GOARCH]
	if !ok {
		testgate.Skip(t, testgate.Port, "no machine like this host is known")
	}
	if _, err := exec.LookPath(c.QEMU[0]); err != nil {
		testgate.Skip(t, testgate.QEMU, err.Error())
	}
	if c.Kernel = os.Getenv("PAGESLOT_TEST_KERNEL"); c.Kernel == "" {
		testgate.Skip(t, testgate.VMKernel, "PAGESLOT_TEST_KERNEL names none")
	}
	needGo(t)
	c.Cache, c.Slow, c.Boot = testCache(t), 2, time.Minute
	return c, testProgram(t, runtime.GOARCH)
}

func needGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
}

// shared is a folder for all tests of this process.
var shared struct {
	sync.Mutex
	dir      string
	programs map[string]string
}

func testCache(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "vm-test-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir, shared.programs = dir, map[string]string{}
	}
	return shared.dir
}

// testProgram is this test binary, static and for a port.
func testProgram(t *testing.T, goarch string) string {
	t.Helper()
	dir := testCache(t)
	shared.Lock()
	defer shared.Unlock()
	if file, ok := shared.programs[goarch]; ok {
		return file
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if port, err := Port(self); err == nil && port == goarch {
		shared.programs[goarch] = self
		return self
	}
	if _, err := os.Stat("act_linux_test.go"); err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	file := filepath.Join(dir, "program-"+goarch)
	cmd := exec.Command("go", "test", "-c", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	shared.programs[goarch] = file
	return file
}

// during is a context that ends long after every test.
func during(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 5*time.Minute))
	t.Cleanup(cancel)
	return ctx
}

// failed demands an *Error that says want.
func failed(t *testing.T, err error, want string) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.Contains(e.Why, want) {
		t.Fatalf("want an error with %q, got %v", want, err)
	}
	return e
}

// children are the processes that this one, or parent, started.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, _, _ := strings.Cut(string(text), " ")
		field := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if field[1] == strconv.Itoa(parent) && field[0] != "Z" {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	slices.Sort(pids)
	return pids
}

// scratch makes the folder for temporary files one that is looked at afterwards.
func scratch(t *testing.T) {
	t.Helper()
	testCache(t) // not in there
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
	})
}
