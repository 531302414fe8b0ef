package pagemap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

const peerEnv = "PAGESLOT_TEST_PEER"

// TestPeer is another process: it says where its memory is, and lives until its
// input ends.
func TestPeer(t *testing.T) {
	if os.Getenv(peerEnv) == "" {
		return
	}
	a := anon(t, 8)
	for _, i := range []int{1, 2, 5} {
		a.write(i)
	}
	fmt.Printf("memory %#x\n", a.all().Start)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startPeer starts one, and returns where its eight pages are.
func startPeer(t *testing.T) (pid int, r uffd.Range, stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestPeer$")
	c.Env = append(os.Environ(), peerEnv+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = in.Close()
			_ = c.Wait()
		}
	}
	t.Cleanup(stop)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the other process ended: %v", err)
		}
		if at, ok := strings.CutPrefix(line, "memory "); ok {
			if _, err := fmt.Sscanf(at, "0x%x", &r.Start); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	r.Len = 8 * pageSize
	return c.Process.Pid, r, stop
}

// Another process's pages, and its end.
func TestOtherProcess(t *testing.T) {
	openAny(t)
	pid, r, stop := startPeer(t)
	m, err := Open(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Pid() != pid {
		t.Errorf("pid %d, want %d", m.Pid(), pid)
	}
	entries := make([]Entry, 8)
	if n, err := m.Entries(r.Start, entries); n != 8 || err != nil {
		t.Fatal(n, err)
	}
	for i, e := range entries {
		if want := i == 1 || i == 2 || i == 5; e.Populated() != want {
			t.Errorf("page %d: %v", i, e)
		}
	}
	_, none := m.Categories()
	var regions []Region
	q := Query{AnyOf: Populated, Return: File}
	if none == nil {
		err := m.Walk(r, q, make([]Region, 2), func(r Region) error { regions = append(regions, r); return nil })
		p := func(i uint64) uint64 { return r.Start + i*pageSize }
		want := []Region{{Start: p(1), End: p(3)}, {Start: p(5), End: p(6)}}
		if err != nil || fmt.Sprint(regions) != fmt.Sprint(want) {
			t.Errorf("%v, %v; want %v", regions, err, want)
		}
		if n, end, err := m.Scan(uffd.Range{Start: r.Start + 6*pageSize, Len: pageSize}, q, make([]Region, 1)); n != 0 || end != p(7) || err != nil {
			t.Errorf("nothing to find: %d, %#x, %v", n, end, err)
		}
	}

	stop()
	if n, err := m.Entries(r.Start, entries); n != 0 || !errors.Is(err, uffd.ErrGone) || !errors.Is(err, unix.ESRCH) {
		t.Errorf("Entries of a process that ended: %d, %v", n, err)
	}
	if none == nil {
		if n, _, err := m.Scan(r, q, make([]Region, 1)); n != 0 || !errors.Is(err, uffd.ErrGone) || !strings.Contains(err.Error(), fmt.Sprint(pid)) {
			t.Errorf("Scan of a process that ended: %d, %v", n, err)
		}
		if err := m.Walk(r, q, make([]Region, 1), func(Region) error { return nil }); !errors.Is(err, uffd.ErrGone) {
			t.Errorf("Walk of a process that ended: %v", err)
		}
	}
	if m, err := Open(pid); !errors.Is(err, uffd.ErrGone) || m != nil {
		t.Errorf("Open of a process that ended: %v", err)
	}
}

// A process that has ended and was not waited for has a page map, but no memory. Who
// is not root is refused first.
func TestZombie(t *testing.T) {
	openAny(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^$")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, c.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := Open(c.Process.Pid); m != nil || !errors.Is(err, uffd.ErrGone) && (os.Geteuid() == 0 || !errors.Is(err, os.ErrPermission)) {
		t.Errorf("%v, %v; want ErrGone", m, err)
	}
}

func TestOpenErrors(t *testing.T) {
	openAny(t)
	for pid, want := range map[int]error{-1: unix.EINVAL, 1<<31 - 1: uffd.ErrGone} {
		if m, err := Open(pid); m != nil || !errors.Is(err, want) {
			t.Errorf("process %d: %v, %v; want %v", pid, m, err, want)
		}
	}
	// Threads of the kernel have no memory. In a container number 2 is another one.
	if name, err := os.ReadFile("/proc/2/comm"); err == nil && string(name) == "kthreadd\n" {
		if m, err := Open(2); m != nil || !errors.Is(err, uffd.ErrGone) && !errors.Is(err, os.ErrPermission) {
			t.Errorf("kthreadd: %v, %v", m, err)
		}
	}
}

// The page map of somebody else's process is refused.
func TestRefused(t *testing.T) {
	testgate.NeedUser(t)
	openAny(t)
	if m, err := Open(1); m != nil || !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "ptrace") {
		t.Errorf("process 1: %v, %v; want a refusal", m, err)
	}
}

// A process that is not dumpable is root's: its own page map is refused to it.
func TestNotDumpable(t *testing.T) {
	testgate.NeedUser(t)
	openAny(t)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	if m, err := Open(0); m != nil || !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v, %v; want a refusal", m, err)
	}
}
