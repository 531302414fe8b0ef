package resolver_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// nobody is a user who has no process.
const nobody = 61234

// become makes this process that of an ordinary user, if it is not.
func become(t testing.TB, user int) {
	t.Helper()
	if os.Geteuid() == 0 {
		must(t, syscall.Setgroups(nil))
		must(t, syscall.Setresgid(user, user, user))
		must(t, syscall.Setresuid(user, user, user))
	}
}

// tasks is how many threads this process has.
func tasks(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(all)
}

// spareThreads makes the runtime have threads at hand, so that it needs no new ones.
func spareThreads(t testing.TB, n int) {
	t.Helper()
	p := make([]int, 2)
	must(t, unix.Pipe2(p, unix.O_CLOEXEC))
	var all sync.WaitGroup
	for range n {
		all.Go(func() { _, _ = unix.Read(p[0], make([]byte, 1)) })
	}
	for end := time.Now().Add(testgate.Stretch(t, 5*time.Second)); tasks(t) < n && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	must(t, unix.Close(p[1]))
	all.Wait()
	must(t, unix.Close(p[0]))
	runtime.GC()
}

// Without leave to make threads nothing is made.
func TestThreadLimit(t *testing.T) {
	child(t, func(t *testing.T) {
		testgate.NeedRoot(t) // only this user's threads may count
		needResolver(t)
		d := open(t, anybody)
		gone(t)
		before := left(t)
		become(t, nobody)
		spareThreads(t, 20)
		var old unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_NPROC, &old))
		tasks, err := os.ReadDir("/proc/self/task")
		must(t, err)
		for _, more := range []uint64{0, 1} { // so many may come
			must(t, unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: uint64(len(tasks)) + more, Max: old.Max}))
			r, err := resolver.Start(d, resolver.Options{Threads: 40})
			if r != nil || !errors.Is(err, unix.EAGAIN) {
				t.Errorf("%v, %v", r, err)
			}
			leaves(t, before)
		}
		must(t, unix.Setrlimit(unix.RLIMIT_NPROC, &old))
		r := start(t, d, resolver.Options{Threads: 4})
		must(t, r.Stop())
		leaves(t, before)
	})
}

// Wherever the descriptors run out, Start fails and leaves nothing.
func TestDescriptorLimit(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		must(t, start(t, d, resolver.Options{}).Stop()) // what comes but once is there
		gone(t)
		before := left(t)
		var old unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
		lowest, err := unix.Dup(0)
		must(t, err)
		must(t, unix.Close(lowest))
		failed := 0
		for n := lowest; ; n++ {
			must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(n), Max: old.Max}))
			r, err := resolver.Start(d, resolver.Options{Threads: 3})
			must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
			if err == nil {
				must(t, r.Stop())
				break
			}
			if failed++; !errors.Is(err, unix.EMFILE) {
				t.Fatalf("with %d descriptors: %v", n-lowest, err)
			}
			leaves(t, before)
		}
		if failed < 7 { // two userfaultfds, two for all, one for each thread at least
			t.Errorf("it failed %d times", failed)
		}
		leaves(t, before)
	})
}

// Nor is anything left for want of address space; rules that exist are still in force.
// What is asked for is more than there is left, which is enough for Go's runtime.
func TestMemoryLimit(t *testing.T) {
	child(t, func(t *testing.T) {
		const notes, room = 4 << 20, 2 << 20 // bytes: one for each page, and what is left
		needResolver(t)                      // no port with 32 bits has one
		d := open(t, anybody)
		mem, another := vast(t, notes), vast(t, notes)
		r := serve(t, d, resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		load(mem, 0)
		waiting(t, "the thread has its name", func() bool { return len(threads(t)) == 1 })
		before := left(t)
		var old unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_AS, &old))
		must(t, unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: addressSpace(t) + room, Max: old.Max}))
		more, startErr := resolver.Start(d, resolver.Options{Threads: 64, Ring: 1 << 16})
		rule := resolver.Rule{Range: uffd.RangeOf(another), Missing: resolver.Guard}
		serveErr := r.Serve(rule)
		rule.Range = uffd.RangeOf(mem)
		changeErr := r.Change(rule)
		must(t, unix.Setrlimit(unix.RLIMIT_AS, &old))
		if more != nil || !errors.Is(startErr, unix.ENOMEM) {
			t.Errorf("Start: %v, %v", more, startErr)
		}
		if !errors.Is(serveErr, unix.ENOMEM) || !errors.Is(changeErr, unix.ENOMEM) {
			t.Errorf("Serve: %v; Change: %v", serveErr, changeErr)
		}
		leaves(t, before)
		all(t, pages(mem, 0, 4), 0)
		must(t, r.Stop())
	})
}

// vast is memory of which little is used.
func vast(t testing.TB, pages int) []byte {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	testgate.Need(t, testgate.Overcommit, err)
	t.Cleanup(func() { must(t, unix.Munmap(mem)) })
	return mem
}

// addressSpace is how much of it this process has, in bytes.
func addressSpace(t testing.TB) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	var n uint64
	if _, err := fmt.Sscan(string(text), &n); err != nil {
		t.Fatal(err)
	}
	return n * uint64(pageSize)
}

// Cycles of start, serve, stop leave nothing.
func TestCycles(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		mem, source := mapped(t, 8), pattern(8)
		cycle := func(i int) {
			r := start(t, d, resolver.Options{Threads: 1 + i%3, Ring: 1 << (i % 9)})
			must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(pages(mem, 0, 4)), Missing: resolver.Copy, Source: source[:4*pageSize]}))
			must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(pages(mem, 4, 4)), Missing: resolver.Guard}))
			if load(mem, 2*pageSize) != source[2*pageSize] {
				t.Fatal("another byte")
			}
			failsAt(t, mem, 5*pageSize)
			switch i % 3 {
			case 0:
				must(t, r.Stop())
			case 1:
				must(t, r.StopFinished())
			case 2:
				must(t, r.Fail(r.Ranges()...))
			}
			must(t, mmapAt(mem))
		}
		cycle(0)
		gone(t)
		before := left(t)
		maps, threads := len(smaps(t)), tasks(t)
		for i := range testgate.Rounds(2000, 40) {
			cycle(i)
		}
		leaves(t, before)
		// The heap grows, and so does the number of Go's threads, with what belongs to them.
		if now := len(smaps(t)); now > maps+20+8*max(0, tasks(t)-threads) {
			t.Errorf("%d mappings, there were %d", now, maps)
		}
	})
}
