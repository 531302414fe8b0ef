package vm

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// actEnv makes the test binary a program for a machine, or a host that starts
// one.
const actEnv = "VM_TEST_ACT"

func TestMain(m *testing.M) {
	if name := os.Getenv(actEnv); name != "" {
		if acts[name] == nil {
			fmt.Fprintln(os.Stderr, "there is no act named", name)
			os.Exit(99)
		}
		acts[name]()
		os.Exit(0)
	}
	code := m.Run()
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

var acts = map[string]func(){
	"report":  actReport,
	"code":    func() { os.Exit(3) },
	"flood":   actFlood,
	"signal":  func() { syscall.Kill(os.Getpid(), syscall.SIGTERM); select {} },
	"hang":    actHang,
	"deaf":    func() { signal.Ignore(syscall.SIGQUIT); time.Sleep(time.Hour) },
	"leave":   actLeave,
	"look":    actLook,
	"panic":   func() { write("/proc/sysrq-trigger", "c"); select {} },
	"sleep":   func() { fmt.Println("asleep"); time.Sleep(time.Hour) },
	"orphan":  func() { fmt.Println("asleep"); os.NewFile(3, "told").Close(); time.Sleep(time.Hour) },
	"console": func() { write("/dev/console", "@psGUESS 2 0 exit e30= 00000000;\nhalf a line") },
	"host":    actHost,
}

func write(file, text string) {
	if err := os.WriteFile(file, []byte(text), 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(98)
	}
}

// actReport says how the machine looks to a job.
func actReport() {
	dir, err := os.Getwd()
	fmt.Printf("dir %s %v\nargs %q\n", dir, err, os.Args[1:])
	groups, err := os.Getgroups()
	fmt.Printf("ids %d %d %v %v\n", os.Getuid(), os.Getgid(), groups, err)
	for _, name := range []string{"HOME", "TMPDIR", "PATH", "PAGESLOT_TIME_SCALE", "EXTRA"} {
		fmt.Printf("env %s=%s\n", name, os.Getenv(name))
	}
	text, err := os.ReadFile("testdata/one")
	fmt.Printf("file %q %v\n", text, err)
	fmt.Printf("own file %v\n", os.WriteFile("testdata/two", nil, 0o644))
	fmt.Printf("scratch %v %v\n", os.WriteFile("/tmp/a", nil, 0o644), os.WriteFile("/dev/shm/a", nil, 0o644))
	hugepages, err := os.ReadFile("/proc/sys/vm/nr_hugepages")
	fmt.Printf("sysctl %s %v\n", strings.TrimSpace(string(hugepages)), err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		_, err = net.Dial("tcp", l.Addr().String())
	}
	fmt.Printf("loopback %v\n", err)
	fmt.Printf("year %v\n", time.Now().Year() >= 2026)
	_, err = os.Stat("/dev/null")
	fmt.Printf("null %v port %v\n", err, runtime.GOARCH)
	fmt.Fprintln(os.Stderr, "to stderr")
	if err := os.WriteFile(os.Getenv("VM_TEST_BACK"), []byte("it came back\n"), 0o644); err != nil {
		fmt.Println(err)
		os.Exit(97)
	}
}

// floodLine is line i of a megabyte.
func floodLine(i int) string { return fmt.Sprintf("%07d %s\n", i, strings.Repeat("x", 55)) }

const floodLines = 1 << 14

func actFlood() {
	for i := range floodLines {
		fmt.Print(floodLine(i))
		if i%8 == 0 {
			fmt.Fprint(os.Stderr, floodLine(i))
		}
	}
}

func actHang() {
	fmt.Println("about to hang")
	hangHere()
}

//go:noinline
func hangHere() {
	for {
		time.Sleep(time.Hour)
	}
}

// actLeave leaves files wherever it may, and a process that nobody waits for.
func actLeave() {
	for _, dir := range []string{"/tmp", "/dev/shm", "/run", ".", "/", "/etc", "/back"} {
		os.WriteFile(filepath.Join(dir, "left"), nil, 0o666)
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), actEnv+"=orphan")
	cmd.Stdout, cmd.ExtraFiles = os.Stdout, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Println("left", cmd.Start() == nil)
	w.Close()
	io.Copy(io.Discard, r) // until it has said so
}

// actLook looks for what another job left.
func actLook() {
	for _, dir := range []string{"/tmp", "/dev/shm", "/run", ".", "/", "/etc", "/back"} {
		if _, err := os.Stat(filepath.Join(dir, "left")); err == nil {
			fmt.Println("found", dir)
		}
	}
	names, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil && name != fmt.Sprintf("/proc/%d/exe", os.Getpid()) && to != "/init" {
			fmt.Println("found", to)
		}
	}
	fmt.Println("looked")
}

// actHost starts a machine that never ends.
func actHost() {
	c := Config{QEMU: strings.Fields(os.Getenv("VM_TEST_QEMU")), Args: strings.Fields(os.Getenv("VM_TEST_ARGS")), Kernel: os.Getenv("PAGESLOT_TEST_KERNEL"),
		Append: os.Getenv("VM_TEST_APPEND"), Arch: os.Getenv("VM_TEST_ARCH"), Slow: 5, Cache: os.Getenv("VM_TEST_CACHE")}
	_, err := Run(context.Background(), c, []Job{{Name: "sleep", Program: os.Getenv("VM_TEST_PROGRAM"), Env: []string{actEnv + "=sleep"}, Limit: time.Hour, Stdout: os.Stdout}}, nil)
	fmt.Println(err)
	os.Exit(1)
}
