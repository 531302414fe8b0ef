package resolver_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

const denied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)

// A filter that is not for all threads does not reach those of a resolver.
func TestFilterOfOneThread(t *testing.T) {
	child(t, func(t *testing.T) {
		runtime.LockOSThread()
		d, mem := open(t, anybody), mapped(t, 4)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Copy, Source: pattern(4)})
		must(t, filter(unix.SYS_IOCTL, denied, false))
		if err := d.Wake(uffd.RangeOf(mem)); !errors.Is(err, unix.EPERM) {
			t.Errorf("the filter does not filter: %v", err)
		}
		if !bytes.Equal(mem, pattern(4)) {
			t.Error("other bytes")
		}
		if err := r.Stop(); !errors.Is(err, unix.EPERM) {
			t.Errorf("Stop: %v", err)
		}
		stopped := make(chan error)
		go func() { stopped <- r.Stop() }() // of a thread without the filter
		must(t, <-stopped)
	})
}

// One for all threads takes the calls away by which a page comes or fails. The page has
// no rights then, and whoever waits is reported, since nobody can wake him.
func TestFilterOfAllThreads(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.Need(t, testgate.Port, rawproc.Supported())
		d, mem := open(t, anybody), mapped(t, 4)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		load(mem, 0)
		must(t, filter(unix.SYS_IOCTL, denied, true))
		p, err := rawproc.Share(rawproc.Load(uffd.RangeOf(mem).Start + uint64(pageSize)))
		must(t, err)
		to := make([]resolver.Message, 1)
		_, err = r.Read(t.Context(), to)
		must(t, err)
		if to[0].Reason != resolver.Parked || !errors.Is(to[0].Err, unix.EPERM) {
			t.Errorf("%v", &to[0])
		}
		failsAt(t, mem, pageSize)
		must(t, p.Kill())
		// A goroutine is sent signals, and so it comes to see it.
		failsAt(t, mem, 2*pageSize)
		if err := r.Stop(); !errors.Is(err, unix.EPERM) {
			t.Errorf("Stop: %v", err)
		}
	})
}

// One that kills kills.
func TestFilterThatKills(t *testing.T) {
	out, inChild, err := testgate.Child(t, time.Minute)
	if inChild {
		mem := mapped(t, 4)
		serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		must(t, filter(unix.SYS_IOCTL, unix.SECCOMP_RET_KILL_PROCESS, true))
		load(mem, 0)
		t.Fatal("still alive")
	}
	failed, ok := errors.AsType[*testgate.ChildError](err)
	if !ok || failed.Deadline != 0 || failed.State == nil || failed.State.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("%v: %s", err, out)
	}
}

// Threads keep the privileges that the process had when they were made.
func TestPrivileges(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.NeedRoot(t)
		d, mem := open(t, anybody), mapped(t, 4)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		become(t, nobody)
		if got := status(t, "Uid"); got != "0 0 0 0" {
			t.Errorf("the thread's user is %s, and the docs say that it stays", got)
		}
		if got := status(t, "CapEff"); got == "0000000000000000" {
			t.Error("the thread has no capabilities, and the docs say that they stay")
		}
		load(mem, 0)
		must(t, r.Stop())
		waiting(t, "the thread is gone", func() bool { return len(threads(t)) == 0 })
		must(t, mmapAt(mem))

		r = serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		if got := status(t, "Uid"); got != "61234 61234 61234 61234" {
			t.Errorf("the new thread's user is %s", got)
		}
		if got := status(t, "CapEff"); got != "0000000000000000" {
			t.Errorf("the new thread's capabilities are %s", got)
		}
		load(mem, pageSize)
		must(t, r.Stop())
	})
}

// status is a line of the status of the resolver's only thread.
func status(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/task/" + threads(t)[0] + "/status")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	t.Fatalf("no %s in %s", name, text)
	return ""
}

// All signals are blocked in the threads: Go's handler would run on no stack of Go.
func TestSignalsAreBlocked(t *testing.T) {
	child(t, func(t *testing.T) {
		r := start(t, open(t, anybody), resolver.Options{})
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		// But for two. Mips has more of them, and other numbers.
		want := fmt.Sprintf("%016x", ^uint64(1<<(unix.SIGKILL-1)|1<<(unix.SIGSTOP-1)))
		if got := status(t, "SigBlk"); strings.TrimLeft(got, "f") != strings.TrimLeft(want, "f") || len(got) < len(want) {
			t.Errorf("%s, want %s", got, want)
		}
		must(t, r.Stop())
	})
}
