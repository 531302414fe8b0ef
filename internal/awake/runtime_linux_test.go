package awake

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

const (
	waitsEnv = "PAGESLOT_TEST_WAITS" // how TestMonitor's child waits: "alone" or "awake"

	// entersSyscalls is the line of the runtime between a thread's look whether the world
	// is to be stopped, and its word that it is in a system call.
	entersSyscalls = "\t// As soon as we switch to _Gsyscall, we are in danger of losing our P.\n"

	// otherRuntime is the name of a skip: the runtime has no such line. Perhaps it is mended,
	// and nobody needs this package any more.
	otherRuntime = testgate.Name("x-other-runtime")
)

// With a runtime in which these two steps are far apart, a program hangs. With timers
// that are pending it does not.
func TestMonitor(t *testing.T) {
	if how := os.Getenv(waitsEnv); how != "" {
		waitForAnother(t, how)
		return
	}
	testgate.NeedLong(t, "it builds the runtime, and waits for a hang")
	program := slowRuntime(t)
	if still := stands(t, program, "alone", testgate.Stretch(t, time.Minute)); !still {
		t.Error("without the timers nothing stood still: the test shows nothing")
	}
	if still := stands(t, program, "awake", testgate.Stretch(t, 14*time.Second)); still {
		t.Error("it stood still all the same")
	}
}

// waitForAnother waits in read(2) for what another goroutine writes, while the world
// is stopped all the time, and says so each time.
func waitForAnother(t *testing.T, how string) {
	runtime.GOMAXPROCS(2)
	if how == "awake" {
		Begin()
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			runtime.GC()
		}
	}()
	wanted := make(chan bool, 1)
	go func() {
		for range wanted {
			_, _ = unix.Write(pipe[1], []byte{1})
		}
	}()
	one := make([]byte, 1)
	for {
		wanted <- true
		if _, err := unix.Read(pipe[0], one); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		if _, err := unix.Write(1, []byte{'.'}); err != nil {
			t.Fatal(err)
		}
	}
}

// stands tells whether a program says nothing for a long time, and ends it then or
// after some time.
func stands(t *testing.T, program, how string, after time.Duration) bool {
	t.Helper()
	cmd := exec.Command(program, "-test.run", "^TestMonitor$", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), waitsEnv+"="+how)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := make(chan bool)
	go func() {
		for in := bufio.NewReader(out); ; heard <- true {
			if _, err := in.ReadByte(); err != nil {
				close(heard)
				return
			}
		}
	}()
	defer func() {
		_ = cmd.Process.Kill()
		for range heard {
		}
		_ = cmd.Wait()
	}()
	end := time.After(after)
	long := testgate.Stretch(t, 6*time.Second)
	silent := time.NewTimer(2 * long)
	for {
		select {
		case _, ok := <-heard:
			if !ok {
				t.Fatal("the program has ended")
			}
			silent.Reset(long)
		case <-silent.C:
			return true
		case <-end:
			return false
		}
	}
}

// slowRuntime builds these tests with a runtime that takes its time there.
func slowRuntime(t *testing.T) string {
	t.Helper()
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if slices.Contains([]string{"-race", "-msan", "-asan", "-cover", "-gcflags"}, s.Key) {
			testgate.Skip(t, testgate.Plain, "this binary was built with "+s.Key+", which its child would not be")
		}
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	if _, err := os.Stat("awake.go"); err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	root, err := exec.Command(goTool, "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	of := filepath.Join(strings.TrimSpace(string(root)), "src/runtime/proc.go")
	text, err := os.ReadFile(of)
	if err != nil {
		testgate.Skip(t, testgate.GoTool, err.Error())
	}
	if strings.Count(string(text), entersSyscalls) != 1 {
		testgate.Skip(t, otherRuntime, runtime.Version()+" enters system calls in another way")
	}
	dir := t.TempDir()
	slow := strings.Replace(string(text), entersSyscalls, "\tprocyield(10000)\n"+entersSyscalls, 1)
	put(t, filepath.Join(dir, "proc.go"), []byte(slow))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{of: filepath.Join(dir, "proc.go")}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "overlay.json"), overlay)
	program := filepath.Join(dir, "slow")
	cmd := exec.Command(goTool, "test", "-c", "-o", program, "-overlay", filepath.Join(dir, "overlay.json"), ".")
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return program
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
