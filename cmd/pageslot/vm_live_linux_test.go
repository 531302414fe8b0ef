package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/testgate"
)

// otherTest is a test of a module that knows nothing of pageslot.
const otherTest = `package other

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestCovered(t *testing.T) {
	text, err := os.ReadFile("testdata/word")
	if err != nil || Double(string(text)) != "words" + "words" {
		t.Fatal(string(text), err)
	}
	fmt.Println("read", len(text), "bytes")
}

func TestFails(t *testing.T) {
	if os.Getenv("OTHER_FAIL") != "" {
		t.Fatal("as told")
	}
	t.Log("the log")
}

func TestHangs(t *testing.T) {
	if os.Getenv("OTHER_HANG") == "" {
		t.Skip("not now")
	}
	fmt.Println("hangs now")
	time.Sleep(time.Hour)
}

func TestDies(t *testing.T) {
	if os.Getenv("OTHER_DIE") == "" {
		t.Skip("not now")
	}
	f, err := os.OpenFile("/proc/sysrq-trigger", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("c")
	time.Sleep(time.Hour)
}
`

const otherCode = `package other

func Double(s string) string { return s + s }

func never() int { return 1 }
`

// go test -exec works from any module, and what the go command is told about the
// tests is what happened.
func TestExecFromAnotherModule(t *testing.T) {
	testgate.NeedLong(t, "it starts machines")
	root, m := vmLive(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/other\n\ngo 1.26\n", "a_test.go": otherTest, "a.go": otherCode, "testdata/word": "words"} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pageslot := filepath.Join(t.TempDir(), "pageslot")
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 8*time.Minute))
	defer cancel()
	goTest := func(env []string, args ...string) (string, int) {
		t.Helper()
		exec := pageslot + " vm exec -machine " + m.Name + " -kernel " + os.Getenv("PAGESLOT_TEST_KERNEL") + " -env OTHER_FAIL -env OTHER_DIE -env OTHER_HANG"
		return goRun(t, ctx, dir, env, append([]string{"test", "-exec", exec}, args...)...)
	}
	if out, status := goRun(t, ctx, root, nil, "build", "-o", pageslot, "./cmd/pageslot"); status != 0 {
		t.Fatal(out)
	}

	out, status := goTest(nil, "-json", "-v", "-count=1", "-coverprofile=c.out", ".")
	if status != 0 {
		t.Fatalf("exit status %d:\n%s", status, out)
	}
	ended := map[string]string{}
	for line := range strings.Lines(out) {
		var e struct{ Action, Test string }
		if json.Unmarshal([]byte(line), &e) == nil && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
			ended[e.Test] = e.Action
		}
	}
	if ended["TestCovered"] != "pass" || ended["TestFails"] != "pass" || ended["TestDies"] != "skip" || ended[""] != "pass" {
		t.Errorf("the tests ended %v in\n%s", ended, out)
	}
	if !strings.Contains(out, "read 5 bytes") || !strings.Contains(out, "coverage: 50.0% of statements") {
		t.Errorf("what was printed is\n%s", out)
	}
	cover, err := os.ReadFile(filepath.Join(dir, "c.out"))
	if err != nil || !strings.HasPrefix(string(cover), "mode: set\n") || !strings.Contains(string(cover), "example.org/other/a.go:3.") {
		t.Errorf("coverage %q, %v", cover, err)
	}

	out, status = goTest([]string{"OTHER_FAIL=1"}, "-count=1", "-run", "^TestFails$", ".")
	if status != 1 || !strings.Contains(out, "as told") || !strings.Contains(out, "--- FAIL: TestFails") || strings.Contains(out, "TestCovered") {
		t.Errorf("exit status %d of a test that fails:\n%s", status, out)
	}

	out, status = goTest([]string{"OTHER_DIE=1"}, "-count=1", ".")
	if status != 1 || !strings.Contains(out, "machine failed: kernel panic") || !strings.Contains(out, "sysrq") {
		t.Errorf("exit status %d of a kernel that panics:\n%s", status, out)
	}

	if out, status := goRun(t, ctx, dir, nil, "test", "-c", "-o", "other.test", "."); status != 0 {
		t.Fatal(out)
	}
	endExec(t, ctx, pageslot, dir, m)
}

// endExec ends "vm exec" by signals, while a test runs in its machine.
func endExec(t *testing.T, ctx context.Context, pageslot, dir string, m matrix.Machine) {
	// The machine's command line has this name, so that it can be found.
	kernel := filepath.Join(dir, "kernel-of-the-interrupted")
	if err := os.Symlink(os.Getenv("PAGESLOT_TEST_KERNEL"), kernel); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		signal os.Signal
		want   string
		status int
	}{
		{os.Interrupt, "pageslot vm exec: interrupted\n", exitMachine},
		{syscall.SIGTERM, "pageslot vm exec: interrupted\n", exitMachine},
		{syscall.SIGHUP, "pageslot vm exec: interrupted\n", exitMachine},
		{syscall.SIGQUIT, "pageslot vm exec: machine failed: interrupted: quit signal received; its console", exitMachine},
		{os.Kill, "", -1},
	} {
		temp := t.TempDir()
		cmd := exec.CommandContext(ctx, pageslot, "vm", "exec", "-machine", m.Name, "-kernel", kernel, "-env", "OTHER_HANG", "--", "./other.test", "-test.v")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "OTHER_HANG=1", "TMPDIR="+temp)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "hangs now"); {
		}
		if n := len(running(t, kernel)); n != 2 {
			t.Errorf("%d processes have the kernel in their command lines, want pageslot and QEMU", n)
		}
		if err := cmd.Process.Signal(test.signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != test.status || !strings.HasPrefix(errs.String(), test.want) {
			t.Errorf("%v: exit status %d, %q", test.signal, got, errs.String())
		}
		if test.signal != syscall.SIGQUIT && strings.Count(errs.String(), "\n") > 1 {
			t.Errorf("%v: more than a line: %q", test.signal, errs.String())
		}
		for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); len(running(t, kernel)) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%v: still there: %q", test.signal, running(t, kernel))
			}
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v: files are left: %v, %v", test.signal, left, err)
		}
	}
}

// running lists the processes that have a word in their command lines.
func running(t *testing.T, word string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		// A process may end in between.
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), word) {
			out = append(out, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return out
}

// vmLive skips the test if no machine can be started here. It returns the root of
// the source and the machine for the kernel that PAGESLOT_TEST_KERNEL names.
func vmLive(t *testing.T) (root string, m matrix.Machine) {
	t.Helper()
	if os.Getenv("PAGESLOT_TEST_KERNEL") == "" {
		testgate.Skip(t, testgate.VMKernel, "PAGESLOT_TEST_KERNEL names none")
	}
	if _, err := exec.LookPath("go"); err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	all, err := matrix.Default()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = all.Find("", runtime.GOARCH, ""); err != nil {
		testgate.Skip(t, testgate.VMKernel, err.Error())
	}
	if _, err := exec.LookPath(m.QEMU.Program); err != nil {
		testgate.Skip(t, testgate.QEMU, err.Error())
	}
	if root, err = filepath.Abs("../.."); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	return root, m
}

// goRun runs the go command, and returns what it printed and its exit status.
func goRun(t *testing.T, ctx context.Context, dir string, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "PAGESLOT_SKIP_LOG=")
	cmd.Env = append(cmd.Env, env...)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), failed.ExitCode()
	}
	if err != nil {
		t.Fatalf("go %q: %v\n%s", args, err, out)
	}
	return string(out), 0
}
