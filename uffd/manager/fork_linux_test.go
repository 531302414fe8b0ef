package manager

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["fork"] = forks
	children["nested"] = nested
}

// byteOf is what lies at the beginning of a page of the pattern.
func byteOf(page uint64) uint64 {
	var word [8]byte
	_, _ = patternSource{1}.ReadAt(word[:], int64(page*systemPage))
	return uint64(word[0])
}

// loads are steps that touch pages, and what they should find.
func loads(mem []byte, pages ...uint64) (ops []rawproc.Op, want []uint64) {
	for _, page := range pages {
		ops = append(ops, rawproc.Load(uint64(address(mem))+page*systemPage))
		want = append(want, byteOf(page))
	}
	return ops, want
}

func finish(p *rawproc.Process, want []uint64) error {
	status, err := p.Wait(context.Background())
	if err != nil || !status.Exited() || status.ExitStatus() != 0 {
		return fmt.Errorf("a forked process: %v, %v", status, err)
	}
	for i, w := range want {
		if got, done := p.Result(i); !done || got != w {
			return fmt.Errorf("step %d: %#x, %v, want %#x", i, got, done, w)
		}
	}
	return nil
}

// forks forks processes that touch what their parent has not touched, while it
// moves and gives up its own.
func forks(c *client) error {
	if err := c.open(uffd.FeatureEventFork); err != nil {
		return err
	}
	mem, err := fresh(64)
	if err != nil {
		return err
	}
	shared, err := unix.Mmap(-1, 0, int(systemPage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	if err != nil {
		return err
	}
	if err := c.serve(uffd.ModeMissing, told{Range: uffd.RangeOf(mem), Salt: 1}); err != nil {
		return err
	}
	p := systemPage
	if err := holds(mem[:4*p], 1, 0); err != nil {
		return err
	}
	if err := unix.Madvise(mem[8*p:12*p], unix.MADV_DONTNEED); err != nil {
		return err
	}
	ops, want := loads(mem, 0, 5, 20, 40, 63)
	ops = append(ops, rawproc.Load(uint64(address(mem))+9*p), rawproc.Store(uint64(address(mem))+21*p, 7), rawproc.Load(uint64(address(mem))+21*p))
	want = append(want, 0, 0, 7)
	// The child waits for its parent to have moved everything away.
	gate := uint64(address(shared))
	child, err := rawproc.Fork(append([]rawproc.Op{rawproc.Set(gate, 1), rawproc.Await(gate, 2)}, ops...)...)
	if err != nil {
		return err
	}
	for shared[0]|shared[3] == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := unix.Madvise(mem[40*p:], unix.MADV_DONTNEED); err != nil {
		return err
	}
	if err := zeros(mem[40*p:]); err != nil {
		return err
	}
	moved, err := mremap(address(mem), 64, 64, unix.MREMAP_MAYMOVE|sys.MREMAP_DONTUNMAP, 0)
	if err != nil {
		return err
	}
	if err := holds(memoryAt(moved, 40*p)[20*p:], 1, 20*p); err != nil {
		return err
	}
	// Steps of another process at once: the gate opens by its own word.
	opener, err := rawproc.Share(rawproc.Set(gate, 2))
	if err != nil {
		return err
	}
	if err := finish(opener, nil); err != nil {
		return err
	}
	return finish(child, append([]uint64{0, 2}, want...))
}

// mustFork skips where a process cannot fork under a Manager.
func mustFork(t *testing.T) {
	testgate.Need(t, testgate.Port, rawproc.Supported())
	needs(t, Events|uffd.FeatureEventFork)
}

func TestFork(t *testing.T) {
	mustFork(t)
	var born []ID
	var now atomic.Pointer[station]
	s := newStation(t, Options{
		PollInterval: 10 * time.Millisecond,
		OnFork: func(parent, child ID) {
			born = append(born, parent, child)
			for _, id := range []ID{parent, child} {
				if err := now.Load().m.Map(id); err != nil {
					t.Error(err)
				}
			}
		},
	})
	now.Store(s)
	s.run("fork")
	got := s.m.Stats()
	if got.Forks != 1 || got.Gone != 2 || got.Errors != 0 || len(born) != 2 || born[0] == born[1] {
		t.Errorf("%+v, born %v", got, born)
	}
}

// nested forks a process that forks, which forks: all of them go on with the same
// steps.
func nested(c *client) error {
	if err := c.open(uffd.FeatureEventFork); err != nil {
		return err
	}
	mem, err := fresh(64)
	if err != nil {
		return err
	}
	if err := c.serve(uffd.ModeMissing, told{Range: uffd.RangeOf(mem), Salt: 1}); err != nil {
		return err
	}
	args := []uint64{uint64(unix.SIGCHLD), 0, 0, 0, 0}
	if runtime.GOARCH == "s390x" {
		args[0], args[1] = args[1], args[0] // the stack comes first
	}
	again := rawproc.Syscall(sys.SYS_CLONE, args...)
	ops, _ := loads(mem, 1, 17, 33)
	more, want := loads(mem, 17, 34, 50)
	ops = append(append(ops, again, again), more...)
	// The four share a count of the steps that are done, and may lose some of it.
	for range 8 {
		ops = append(ops, rawproc.Syscall(sys.SYS_GETPID))
	}
	child, err := rawproc.Fork(ops...)
	if err != nil {
		return err
	}
	if err := finish(child, nil); err != nil {
		return err
	}
	for i, w := range want {
		if got, _ := child.Result(5 + i); got != w {
			return fmt.Errorf("page %d: %#x, want %#x", i, got, w)
		}
	}
	return nil
}

func TestNestedForks(t *testing.T) {
	mustFork(t)
	if runtime.GOARCH == "386" {
		testgate.Skip(t, testgate.Port, "a raw process of 386 keeps its place in memory that its forks share")
	}
	s := newStation(t, Options{PollInterval: 10 * time.Millisecond, Granule: 1})
	s.run("nested")
	// Four processes come of two forks in a row, and the first fork before.
	if got := s.m.Stats(); got.Forks != 4 || got.Gone != 5 || got.Errors != 0 {
		t.Errorf("%+v", got)
	}
}

// A fork cannot get its descriptor to here while there is no room: it waits, and
// goes on when there is.
func TestForkWithoutRoom(t *testing.T) {
	mustFork(t)
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var failures []error
	full := make(chan struct{})
	s := newStation(t, Options{PollInterval: 10 * time.Millisecond, OnError: func(f Failure) Action {
		if failures = append(failures, f.Err); len(failures) == 1 {
			close(full)
		}
		return Leave
	}})
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	s.added = func(*uffd.Descriptor) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
			t.Error(err)
		}
	}
	c := s.spawn("fork")
	<-full
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := c.wait(); err != nil {
		t.Error(err)
	}
	s.wait("no process is left", func() bool { return s.m.Processes() == 0 })
	if got := s.m.Stats(); got.Forks != 1 || got.Errors == 0 {
		t.Errorf("%+v, %v", got, failures)
	}
}
