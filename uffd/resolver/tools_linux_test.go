package resolver_test

import (
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// child runs f in a process of its own, which may hang or die.
func child(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	_, inChild, err := testgate.Child(t, 3*time.Minute)
	if inChild {
		f(t)
		return
	}
	must(t, err)
}

// anybody are options by which everybody gets a descriptor.
var anybody = uffd.Options{UserMode: uffd.UserModeFallback}

// openKernel is a descriptor for faults inside the kernel, too.
func openKernel(t testing.TB, o uffd.Options) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(o)
	testgate.Need(t, testgate.UffdKernelFaults, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// openWith is a descriptor with features, for everybody.
func openWith(t testing.TB, f uffd.Features) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(uffd.Options{Required: f, UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.UffdFeature, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// poisonless is a descriptor of which nobody knows that it has POISON.
func poisonless(t testing.TB) *uffd.Descriptor {
	t.Helper()
	var d *uffd.Descriptor
	must(t, open(t, anybody).Control(func(fd int) error {
		fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			d, err = uffd.FromFD(fd)
		}
		return err
	}))
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

// pages is a part of memory.
func pages(mem []byte, first, n int) []byte { return mem[first*pageSize:][:n*pageSize] }

// fault runs f and gives the address at which it faults, or 0.
func fault(f func()) (addr uintptr) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			addr = p.(interface{ Addr() uintptr }).Addr()
		}
	}()
	f()
	return 0
}

// load reads a byte in a way that no compiler leaves out.
//
//go:noinline
func load(mem []byte, i int) byte { return mem[i] }

// failsAt fails the test unless reading and writing byte i of memory faults in its page.
func failsAt(t testing.TB, mem []byte, i int) {
	t.Helper()
	want := uffd.RangeOf(pages(mem, i/pageSize, 1))
	for name, f := range map[string]func(){
		"a load":  func() { load(mem, i) },
		"a store": func() { mem[i] = 1 },
		"a copy":  func() { copy(make([]byte, 1), mem[i:]) },
	} {
		if at := fault(f); !want.Contains(uint64(at)) {
			t.Errorf("%s faults at %#x, want one in %v", name, at, want)
		}
	}
}

// all fails the test unless every byte is b.
func all(t testing.TB, mem []byte, b byte) {
	t.Helper()
	for i := range mem {
		if mem[i] != b {
			t.Fatalf("byte %d of page %d is %#x, want %#x", i%pageSize, i/pageSize, mem[i], b)
		}
	}
}

// smaps are the mappings of this process.
func smaps(t testing.TB) []procmaps.VMA {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	vmas, err := procmaps.Parse(f)
	must(t, err)
	return vmas
}

// traces is what of resolvers is to be seen in this process.
type traces struct {
	fds, threads, mappings int
	registered             string // ranges, of all descriptors
}

// left are the traces there are. A thread that has ended is to be seen for a moment.
func left(t testing.TB) (x traces) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range fds {
		if link, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(link, "[userfaultfd]") || strings.Contains(link, "[eventfd]") {
			x.fds++
		}
	}
	x.threads = len(threads(t))
	var registered []string
	for _, v := range smaps(t) {
		if strings.HasPrefix(v.Path, "/dev/zero") { // shared and anonymous
			x.mappings++
		}
		if v.Has("um") || v.Has("uw") || v.Has("ui") {
			registered = append(registered, uffd.Between(v.Start, v.End).String()+v.Perms)
		}
	}
	x.registered = strings.Join(registered, " ")
	return x
}

// gone waits until no thread is to be seen: one that has ended may be for a moment.
func gone(t testing.TB) {
	t.Helper()
	waiting(t, "no thread is left", func() bool { return len(threads(t)) == 0 })
}

// leaves fails the test unless the traces become these.
func leaves(t testing.TB, want traces) {
	t.Helper()
	var x traces
	for range 1000 {
		if x = left(t); x == want {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("left: %+v, want %+v", x, want)
}

// threads are the numbers of the threads of resolvers.
func threads(t testing.TB) (ids []string) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	for _, task := range tasks {
		name, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if string(name) == "pageslot-faults\n" {
			ids = append(ids, task.Name())
		}
	}
	return ids
}

// waiting waits until f is true.
func waiting(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(testgate.Stretch(t, 20*time.Second)); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not so", what)
		}
	}
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// serve starts a resolver with one rule for some memory.
func serve(t testing.TB, d *uffd.Descriptor, o resolver.Options, mem []byte, rule resolver.Rule) *resolver.Resolver {
	t.Helper()
	r := start(t, d, o)
	rule.Range = uffd.RangeOf(mem)
	must(t, r.Serve(rule))
	return r
}

// counts fails the test unless the counters become right: those of what was done are
// counted after whoever waited was woken.
func counts(t testing.TB, r *resolver.Resolver, right func(s resolver.Stats) bool) {
	t.Helper()
	var s resolver.Stats
	for end := time.Now().Add(testgate.Stretch(t, 5*time.Second)); ; time.Sleep(time.Millisecond) {
		if s = r.Stats(); right(s) {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%+v", s)
			return
		}
	}
}
