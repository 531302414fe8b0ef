package resolver_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

const tellEnv = "PAGESLOT_RESOLVER_TELL"

// TestTellDescriptors is what TestExec starts.
func TestTellDescriptors(t *testing.T) {
	if os.Getenv(tellEnv) == "" {
		return // it is no test of its own
	}
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range all {
		link, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		fmt.Println("has", link)
	}
}

// Programs that are started while faults are served get no descriptor of it.
func TestExec(t *testing.T) {
	child(t, func(t *testing.T) {
		mem, source := mapped(t, 500), pattern(500)
		r := serve(t, open(t, anybody), resolver.Options{Threads: 2}, mem, resolver.Rule{Missing: resolver.Copy, Source: source})
		var stop atomic.Bool
		ended := make(chan bool)
		go func() {
			for !stop.Load() {
				if !bytes.Equal(mem, source) {
					t.Error("other bytes")
				}
				must(t, unix.Madvise(mem, unix.MADV_DONTNEED))
			}
			ended <- true
		}()
		for range testgate.Rounds(30, 5) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestTellDescriptors$")
			// The race detector waits for a second at the end.
			cmd.Env = append(os.Environ(), tellEnv+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("has ")) || bytes.Contains(out, []byte("[userfaultfd]")) {
				t.Fatalf("%v: %s", err, out)
			}
			if strings.Count(string(out), "[eventfd]") > 1 { // the runtime has one
				t.Fatalf("%s", out)
			}
		}
		stop.Store(true)
		<-ended
		must(t, r.Stop())
	})
}

// Processes that share the memory are served; a copy of it by fork(2) is not, and does
// not hold up anything.
func TestProcesses(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.Need(t, testgate.Port, rawproc.Supported())
		mem, source := mapped(t, 8), pattern(8)
		at := uffd.RangeOf(mem).Start
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: source})
		sharing, err := rawproc.Share(rawproc.Load(at+1), rawproc.Store(at+uint64(pageSize), 1))
		must(t, err)
		forked, err := rawproc.Fork(rawproc.Load(at+1), rawproc.Load(at+7*uint64(pageSize)))
		must(t, err)
		for _, p := range []*rawproc.Process{sharing, forked} {
			status, err := p.Wait(t.Context())
			if must(t, err); status.Signaled() {
				t.Errorf("%#x", status)
			}
		}
		if v, _ := sharing.Result(0); byte(v) != source[1] {
			t.Errorf("sharing: %#x", v)
		}
		if v, _ := forked.Result(1); byte(v) != 0 {
			t.Errorf("forked: %#x", v)
		}
		if mem[pageSize] != 1 || !bytes.Equal(mem[:pageSize], source[:pageSize]) || mem[7*pageSize] != source[7*pageSize] {
			t.Error("other bytes")
		}
		must(t, r.Stop())
	})
}

// The whole process is stopped and goes on, over and over.
func TestStopSignal(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.Need(t, testgate.Port, rawproc.Supported())
		block := mapped(t, 1)
		binary.NativeEndian.PutUint64(block[8:], 2_000_000) // a timespec: 2 ms
		pause := rawproc.Syscall(unix.SYS_NANOSLEEP, uffd.RangeOf(block).Start, 0)
		var steps []rawproc.Op
		for range testgate.Rounds(50, 10) {
			steps = append(steps, rawproc.Syscall(unix.SYS_KILL, uint64(os.Getpid()), uint64(unix.SIGSTOP)), pause,
				rawproc.Syscall(unix.SYS_KILL, uint64(os.Getpid()), uint64(unix.SIGCONT)), pause)
		}
		disturbed(t, func() []rawproc.Op { return steps })
	})
}

// A debugger comes to the resolver's thread and goes, over and over.
func TestDebugger(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.NeedRoot(t) // where a process may be attached to is a matter of settings
		testgate.Need(t, testgate.Port, rawproc.Supported())
		disturbed(t, func() (steps []rawproc.Op) {
			waiting(t, "the threads have their names", func() bool { return len(threads(t)) == 2 })
			for range testgate.Rounds(50, 10) {
				for _, thread := range threads(t) {
					id, err := strconv.Atoi(thread)
					must(t, err)
					steps = append(steps, rawproc.Syscall(unix.SYS_PTRACE, unix.PTRACE_ATTACH, uint64(id), 0, 0),
						rawproc.Syscall(unix.SYS_WAIT4, uint64(id), 0, unix.WALL, 0),
						rawproc.Syscall(unix.SYS_PTRACE, unix.PTRACE_DETACH, uint64(id), 0, 0))
				}
			}
			return steps
		})
	})
}

// disturbed serves faults while a process does something to this one.
func disturbed(t testing.TB, by func() []rawproc.Op) {
	t.Helper()
	mem, source := mapped(t, 64), pattern(64)
	r := serve(t, open(t, anybody), resolver.Options{Threads: 2}, mem, resolver.Rule{Missing: resolver.Copy, Source: source})
	steps := by()
	p, err := rawproc.Share(steps...)
	must(t, err)
	for p.Done() < len(steps) {
		if !bytes.Equal(mem, source) {
			t.Fatal("other bytes")
		}
		must(t, unix.Madvise(mem, unix.MADV_DONTNEED))
	}
	for i := range steps {
		if v, _ := p.Result(i); int64(v) < 0 {
			t.Fatalf("step %d: %v", i, unix.Errno(-int64(v)))
		}
	}
	must(t, r.Err())
	must(t, r.Stop())
}
