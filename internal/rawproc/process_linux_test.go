package rawproc_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"golang.org/x/sys/unix"
)

// makers are the two ways to a process.
var makers = map[string]func(...rawproc.Op) (*rawproc.Process, error){
	"share": rawproc.Share,
	"fork":  rawproc.Fork,
}

// eachMaker runs a test for both, and checks that nothing is left.
func eachMaker(t *testing.T, f func(t *testing.T, name string)) {
	testgate.Need(t, testgate.Port, rawproc.Supported())
	for name := range makers {
		t.Run(name, func(t *testing.T) {
			checkLeft(t)
			f(t, name)
		})
	}
}

func start(t testing.TB, name string, ops ...rawproc.Op) *rawproc.Process {
	t.Helper()
	p, err := makers[name](ops...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func wait(t testing.TB, p *rawproc.Process) syscall.WaitStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 20*time.Second))
	defer cancel()
	status, err := p.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// shared is memory that a forked process shares.
func shared(t testing.TB) []byte {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	return mem
}

func TestEveryStep(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem := shared(t)
		at := address(mem)
		mem[8], mem[9], mem[10] = 7, 200, 9
		p := start(t, name,
			rawproc.Load(at+9),
			rawproc.Store(at+17, 0x5a),
			rawproc.Syscall(sys.SYS_GETPID),
			rawproc.Syscall(sys.SYS_GETPPID),
			rawproc.Syscall(sys.SYS_CLOSE, ^uint64(0)),
			rawproc.Set(at+4, 0x80000001),
			rawproc.Await(at, 0xfedcba98),
			rawproc.Load(at+12),
			rawproc.Exit(42),
			rawproc.Store(at+18, 1),
		)
		for loadWord(mem[4:]) != 0x80000001 {
			time.Sleep(time.Millisecond)
		}
		if n := p.Done(); n < 5 || n > 6 {
			t.Errorf("%d steps are done before the word is set", n)
		}
		if _, done := p.Result(6); done {
			t.Error("Await is done before the word is set")
		}
		mem[12] = 77
		storeWord(mem, 0xfedcba98)
		status := wait(t, p)
		if !status.Exited() || status.ExitStatus() != 42 {
			t.Errorf("status %#x, want exit code 42", status)
		}
		if n := p.Done(); n != 8 {
			t.Errorf("%d steps are done, want 8", n)
		}
		badFD := -int64(unix.EBADF)
		for i, want := range []uint64{200, 0, uint64(p.Pid()), uint64(os.Getpid()), uint64(badFD), 0, uint64(0xfedcba98), 77} {
			got, done := p.Result(i)
			if i == 6 {
				got = want // Await has no result that counts
			}
			if !done || got != want {
				t.Errorf("step %d: %#x, %v, want %#x", i, got, done, want)
			}
		}
		for _, i := range []int{-1, 8, 9, 100} {
			if _, done := p.Result(i); done {
				t.Errorf("step %d is done", i)
			}
		}
		if mem[17] != 0x5a || mem[16] != 0 || mem[18] != 0 {
			t.Errorf("memory around the store: % x", mem[16:19])
		}
	})
}

// All six arguments get through: preadv2(2) has that many.
func TestSixArguments(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		file, err := os.CreateTemp(t.TempDir(), "six")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteAt([]byte{99}, 4711); err != nil {
			t.Fatal(err)
		}
		mem := shared(t)
		at := address(mem)
		storeVector(mem[64:], at+5, 1)
		fd := uint64(file.Fd())
		const unknown = 1 << 30 // no such flag
		p := start(t, name,
			rawproc.Syscall(sys.SYS_PREADV2, fd, at+64, 1, 4711, 0, 0),
			rawproc.Load(at+5),
			rawproc.Syscall(sys.SYS_PREADV2, fd, at+64, 1, 4711, 0, unknown))
		wait(t, p)
		unsupported := -int64(unix.EOPNOTSUPP)
		for i, want := range []uint64{1, 99, uint64(unsupported)} {
			if got, done := p.Result(i); got != want || !done {
				t.Errorf("step %d: %d, %v, want %d", i, int64(got), done, int64(want))
			}
		}
	})
}

func TestEndsByItself(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		p := start(t, name)
		if status := wait(t, p); !status.Exited() || status.ExitStatus() != 0 {
			t.Errorf("status %#x of a process without steps, want exit code 0", status)
		}
		if _, ok := p.Fault(); ok {
			t.Error("it has a fault")
		}
	})
}

// What one is told apart by: whose memory and whose descriptors it has.
func TestShareAndForkDiffer(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(mem)
		fd, err := unix.MemfdCreate("one", unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, name, rawproc.Store(address(mem), 1), rawproc.Syscall(sys.SYS_CLOSE, uint64(fd)))
		wait(t, p)
		if r, done := p.Result(1); r != 0 || !done {
			t.Errorf("close: %#x, %v", r, done)
		}
		closed := unix.Close(fd) != nil
		if shares := name == "share"; (mem[0] == 1) != shares || closed != shares {
			t.Errorf("the store is seen: %v, the close is seen: %v", mem[0] == 1, closed)
		}
	})
}

func TestChild(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem := shared(t)
		at := address(mem)
		p := start(t, name,
			rawproc.Child(
				rawproc.Child(rawproc.Store(at+16, 3), rawproc.Set(at, 1), rawproc.Load(8)),
				rawproc.Syscall(sys.SYS_WAIT4, ^uint64(0), at+8, unix.WALL, 0),
				rawproc.Set(at+4, 1),
				rawproc.Exit(5)),
			rawproc.Syscall(sys.SYS_WAIT4, ^uint64(0), at+12, unix.WALL, 0))
		if status := wait(t, p); !status.Exited() || status.ExitStatus() != 0 {
			t.Errorf("status %#x", status)
		}
		child, _ := p.Result(0)
		if reaped, _ := p.Result(1); reaped != child || int64(child) <= 0 || int(child) == p.Pid() {
			t.Errorf("the child is %d, and %d was reaped", child, int64(reaped))
		}
		if loadWord(mem) != 1 || loadWord(mem[4:]) != 1 || mem[16] != 3 {
			t.Errorf("the grandchild got to %d and the child to %d", loadWord(mem), loadWord(mem[4:]))
		}
		if status := syscall.WaitStatus(loadWord(mem[12:])); status.ExitStatus() != 5 {
			t.Errorf("the child's status is %#x", status)
		}
		if status := syscall.WaitStatus(loadWord(mem[8:])); status == 0 {
			t.Error("the grandchild came through a bad access")
		}
	})
}

func TestBadSteps(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		for _, op := range []rawproc.Op{
			rawproc.Syscall(sys.SYS_GETPID, 1, 2, 3, 4, 5, 6, 7),
			rawproc.Await(0x1002, 1),
			rawproc.Set(0x1001, 1),
			rawproc.Child(rawproc.Exit(0), rawproc.Set(0x1003, 1)),
		} {
			p, err := makers[name](rawproc.Exit(0), op)
			if p != nil || !errors.Is(err, unix.EINVAL) {
				t.Errorf("%v, %v, want EINVAL", p, err)
			}
		}
	})
}
