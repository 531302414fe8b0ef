package sigbus

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// area is memory of a test, with pages of a size.
type area struct {
	mem  []byte
	page uint64
}

func (a area) all() uffd.Range        { return uffd.RangeOf(a.mem) }
func (a area) pages() int             { return len(a.mem) / int(a.page) }
func (a area) addr(i int) uint64      { return a.all().Start + uint64(i)*a.page }
func (a area) at(i int) uffd.Range    { return uffd.Range{Start: a.addr(i), Len: a.page} }
func (a area) part(i, n int) []byte   { return a.mem[i*int(a.page) : (i+n)*int(a.page)] }
func (a area) want(seed int64) []byte { return content(seed, int64(len(a.mem))) }

// discard gives the pages up.
func (a area) discard(t testing.TB) {
	t.Helper()
	if err := unix.Madvise(a.mem, unix.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// memory is a kind of it.
type memory struct {
	name string
	make func(t testing.TB, pages int) area
}

var memories = []memory{{"anon", anon}, {"shmem", shmem}, {"hugetlb", hugetlb}}

func forEach(t *testing.T, test func(t *testing.T, m memory)) {
	for _, m := range memories {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// anon is private and anonymous, without transparent huge pages.
func anon(t testing.TB, pages int) area {
	t.Helper()
	return mapped(t, -1, pages, pageSize, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// shmem is a file in memory, mapped shared.
func shmem(t testing.TB, pages int) area {
	t.Helper()
	return mapped(t, file(t, pages), pages, pageSize, unix.MAP_SHARED)
}

func file(t testing.TB, pages int) (fd int) {
	t.Helper()
	fd, err := sys.MemfdCreate("sigbus", sys.MFD_CLOEXEC)
	if errors.Is(err, unix.EACCES) { // vm.memfd_noexec=2
		fd, err = sys.MemfdCreate("sigbus", sys.MFD_CLOEXEC|sys.MFD_NOEXEC_SEAL)
	}
	testgate.Need(t, testgate.Memfd, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Ftruncate(fd, int64(pages)*int64(pageSize)); err != nil {
		t.Fatal(err)
	}
	return fd
}

// hugetlb is private and anonymous, of huge pages that are reserved, or a skip.
func hugetlb(t testing.TB, pages int) area {
	t.Helper()
	const largest = 32 << 20
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 || size > largest {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d bytes", size))
	}
	if err := hugepages.Reserve(t, size, pages, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err) // those that are there may suffice
	}
	return mapped(t, -1, pages, size, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
}

func mapped(t testing.TB, fd, pages int, page uint64, flags int) area {
	t.Helper()
	var mem []byte
	var err error
	if flags == unix.MAP_PRIVATE|unix.MAP_ANON {
		mem, err = uffd.Map(pages * int(page))
	} else {
		mem, err = unix.Mmap(fd, 0, pages*int(page), unix.PROT_READ|unix.PROT_WRITE, flags)
	}
	if err != nil && flags&unix.MAP_HUGETLB != 0 {
		testgate.Skip(t, testgate.Hugetlb, "mmap: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return area{mem, page}
}

// open is a descriptor with SIGBUS and more, which sees no faults inside the kernel:
// nothing here needs them.
func open(t testing.TB, more uffd.Features) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(uffd.Options{Required: uffd.FeatureSIGBUS | more, UserMode: uffd.UserModeFallback})
	if _, lacks := errors.AsType[*uffd.FeatureError](err); lacks {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, testgate.Userfaultfd, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func register(t testing.TB, d *uffd.Descriptor, a area, mode uffd.Mode) {
	t.Helper()
	if _, err := d.Register(a.all(), mode); err != nil {
		t.Fatal(err)
	}
}

// served is memory that comes from a source of its own, page by page, with a count of
// the faults. See content for what is in it.
func served(t testing.TB, m memory, pages int, seed int64) (area, Region) {
	t.Helper()
	a := m.make(t, pages)
	d := open(t, 0)
	register(t, d, a, uffd.ModeMissing)
	r, err := From(d, a.all(), bytes.NewReader(a.want(seed)), Options{Granule: 1, PageSize: a.page})
	if err != nil {
		t.Fatal(err)
	}
	return a, r
}

// content is n bytes that differ from page to page.
func content(seed, n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(seed) + byte(i) + byte(i>>8)*31 + byte(i>>16)*7
	}
	return b
}

// quiet fails the test if Do has changed what a fault does to this goroutine.
func quiet(t testing.TB) {
	t.Helper()
	for _, before := range []bool{false, true} {
		old := debug.SetPanicOnFault(before)
		_ = Do(func(Fault) error { return nil })
		if now := debug.SetPanicOnFault(old); now != before {
			t.Errorf("panics on faults: %v before, %v after", before, now)
		}
	}
}

// panics is what f panics with.
func panics(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// collect runs the garbage collector until the test ends.
func collect(t testing.TB) {
	t.Helper()
	old := debug.SetGCPercent(1)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		debug.SetGCPercent(old)
	})
}
