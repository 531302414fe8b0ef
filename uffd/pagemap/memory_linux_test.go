package pagemap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// area is memory of a test, in units of small pages.
type area struct {
	mem  []byte
	unit int // small pages that are protected together: those of a huge page
}

func (a area) all() uffd.Range               { return uffd.RangeOf(a.mem) }
func (a area) pages() int                    { return len(a.mem) / int(pageSize) }
func (a area) addr(i int) uint64             { return a.all().Start + uint64(i)*pageSize }
func (a area) span(i, n int) uffd.Range      { return uffd.Between(a.addr(i), a.addr(i+n)) }
func (a area) part(i, n int) []byte          { return a.mem[i*int(pageSize) : (i+n)*int(pageSize)] }
func (a area) write(i int)                   { a.mem[i*int(pageSize)]++ }
func (a area) advise(i, n, advice int) error { return unix.Madvise(a.part(i, n), advice) }

// read reads pages, which the compiler must not leave out.
func (a area) read(from, n int) {
	for i := from; i < from+n; i++ {
		sink.Add(uint64(a.mem[i*int(pageSize)]))
	}
}

var sink atomic.Uint64

func (a area) fill(b byte) {
	for i := range a.mem {
		a.mem[i] = b
	}
}

// draw has the regions in pages from the start of the area, as "0-3 WRITTEN, 5".
func (a area) draw(regions []Region) string {
	var s []string
	for _, r := range regions {
		first, last := (r.Start-a.all().Start)/pageSize, (r.End-a.all().Start)/pageSize-1
		one := fmt.Sprintf("%d-%d", first, last)
		if first == last {
			one = fmt.Sprint(first)
		}
		if r.Categories != Written {
			one += " " + r.Categories.String()
		}
		s = append(s, one)
	}
	return strings.Join(s, ", ")
}

// anon is fresh private anonymous memory without transparent huge pages.
func anon(t testing.TB, pages int) area {
	t.Helper()
	a := anonAt(t, pages, unix.PROT_READ|unix.PROT_WRITE)
	if err := unix.Madvise(a.mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return a
}

func anonAt(t testing.TB, pages, prot int) area {
	t.Helper()
	return mapped(t, -1, pages*int(pageSize), prot, unix.MAP_PRIVATE|unix.MAP_ANON)
}

func mapped(t testing.TB, fd, length, prot, flags int) area {
	t.Helper()
	mem, err := unix.Mmap(fd, 0, length, prot, flags)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	return area{mem: mem, unit: 1}
}

// open is the page map of this process, on kernels that can scan it.
func open(t testing.TB) *Map {
	t.Helper()
	m := openAny(t)
	_, err := m.Categories()
	testgate.Need(t, testgate.PagemapScan, err)
	return m
}

// openAny is the page map of this process.
func openAny(t testing.TB) *Map {
	t.Helper()
	checkProcess(t)
	m, err := Open(0)
	if errors.Is(err, errors.ErrUnsupported) {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// async is a userfaultfd that tracks writes without messages.
func async(t testing.TB) *uffd.Descriptor {
	t.Helper()
	checkProcess(t)
	d, err := uffd.Open(uffd.Options{
		Required: uffd.FeatureWPAsync, Wanted: uffd.FeatureWPHugetlbfsShmem, UserMode: uffd.UserModeFallback,
	})
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

// register tracks a range; pages that are there count as written until they are
// protected.
func register(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	if _, err := d.Register(r, uffd.ModeWP); err != nil {
		t.Fatal(err)
	}
}

// arm tracks a range, all pages of which are clean then.
func arm(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	register(t, d, r)
	if err := d.WriteProtect(r); err != nil {
		t.Fatal(err)
	}
}

// Queries that most tests ask.
var (
	dirty   = Query{Mask: Written, Return: Written}
	collect = Query{Mask: Written, Return: Written, Protect: true, CheckAsync: true}
)

// scan is one Scan that goes well, drawn, and where it ended, in pages from the
// start of the area.
func (a area) scan(t testing.TB, m *Map, r uffd.Range, q Query, room int) (got string, n int, end int) {
	t.Helper()
	into := make([]Region, room)
	n, e, err := m.Scan(r, q, into)
	if err != nil {
		t.Fatal(err)
	}
	return a.draw(into[:n]), n, int((e - a.all().Start) / pageSize)
}

// want is a Scan of everything that finds what is drawn.
func (a area) want(t testing.TB, m *Map, what string, q Query, want string) {
	t.Helper()
	got, _, end := a.scan(t, m, a.all(), q, a.pages()+1)
	if got != want || end != a.pages() {
		t.Errorf("%s: found %q up to page %d, want %q up to %d", what, got, end, want, a.pages())
	}
}

// clean protects every page, whatever it is.
func (a area) clean(t testing.TB, m *Map) {
	t.Helper()
	if n, _, err := m.Scan(a.all(), collect, nil); n != 0 || err != nil {
		t.Fatalf("%d regions, %v", n, err)
	}
}

// checkProcess fails the test if it leaves descriptors or children behind. The first
// call in a test counts.
func checkProcess(t testing.TB) {
	t.Helper()
	before := descriptors(t)
	t.Cleanup(func() {
		if after := descriptors(t); len(after) > len(before) {
			t.Errorf("descriptors before: %q, after: %q", before, after)
		}
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
			t.Errorf("a child is left: %d, %v", pid, err)
		}
	})
}

func descriptors(t testing.TB) (all []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if err == nil && (strings.Contains(link, "userfaultfd") || strings.HasSuffix(link, "/pagemap") || strings.Contains(link, "memfd:")) {
			all = append(all, link)
		}
	}
	return all
}
