package track

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

var page = uint64(os.Getpagesize())

// area is memory of a test.
type area struct {
	mem  []byte
	unit int // small pages of which one is dirty only with all
}

func (a area) all() uffd.Range { return uffd.RangeOf(a.mem) }
func (a area) pages() int      { return len(a.mem) / int(page) }
func (a area) span(i, n int) uffd.Range {
	return uffd.Range{Start: a.all().Start + uint64(i)*page, Len: uint64(n) * page}
}
func (a area) part(i, n int) []byte { return a.mem[i*int(page) : (i+n)*int(page)] }
func (a area) write(i int)          { a.mem[i*int(page)]++ }

func (a area) fill(b byte) {
	for i := range a.mem {
		a.mem[i] = b
	}
}

func (a area) read(i int) { sink.Add(uint64(a.mem[i*int(page)])) }

var sink atomic.Uint64

func (a area) advise(t testing.TB, i, n, advice int) {
	t.Helper()
	if err := unix.Madvise(a.part(i, n), advice); err != nil {
		t.Fatalf("madvise %d: %v", advice, err)
	}
}

func mapped(t testing.TB, fd, length, flags int) area {
	t.Helper()
	mem, err := unix.Mmap(fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, flags)
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
	return area{mem: mem, unit: 1}
}

// noCollection keeps the garbage collector from running until the end of the test, for
// tests with a hole in their memory: it maps two pages of its own in nearly every run, and
// the kernel gives it the hole.
func noCollection(t testing.TB) {
	was := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(was) })
}

// anon is private anonymous memory without transparent huge pages.
func anon(t testing.TB, pages int) area {
	t.Helper()
	a := mapped(t, -1, pages*int(page), unix.MAP_PRIVATE|unix.MAP_ANON)
	if err := unix.Madvise(a.mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	return a
}

// buf is small, so that every longer answer takes several calls.
func buf() []pagemap.Region { return make([]pagemap.Region, 3) }

// ask is what Dirty, Collect and their like find, as "0-3, 5": pages from the start
// of the area, joined, each once.
func (a area) ask(t testing.TB, call func([]pagemap.Region, func(uffd.Range) error) error) string {
	t.Helper()
	found := make([]bool, a.pages())
	err := call(buf(), func(r uffd.Range) error {
		for p := r.Start; p < r.End(); p += page {
			i := int(p-a.all().Start) / int(page)
			if i < 0 || i >= len(found) {
				t.Errorf("%v is not in %v", r, a.all())
				break
			}
			found[i] = true
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return draw(found)
}

func draw(found []bool) string {
	var s []string
	for i := 0; i < len(found); i++ {
		first := i
		for i+1 < len(found) && found[first] && found[i+1] {
			i++
		}
		switch {
		case !found[first]:
		case first == i:
			s = append(s, fmt.Sprint(i))
		default:
			s = append(s, fmt.Sprintf("%d-%d", first, i))
		}
	}
	return strings.Join(s, ", ")
}

// want checks twice what is dirty: that looking at it changes nothing, and that
// collecting it makes it clean.
func (a area) want(t testing.TB, tr *Tracker, what, want string) {
	t.Helper()
	for _, ask := range []struct {
		name string
		call func([]pagemap.Region, func(uffd.Range) error) error
		want string
	}{{"Dirty", tr.Dirty, want}, {"Collect", tr.Collect, want}, {"Dirty after Collect", tr.Dirty, ""}} {
		if got := a.ask(t, ask.call); got != ask.want {
			t.Errorf("%s: %s finds %q, want %q", what, ask.name, got, ask.want)
		}
	}
}

// open is a Tracker of this process.
func open(t testing.TB) *Tracker {
	t.Helper()
	checkProcess(t)
	tr, err := Open()
	need(t, err)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

func need(t testing.TB, err error) {
	t.Helper()
	if _, lacks := errors.AsType[*uffd.FeatureError](err); lacks {
		testgate.Skip(t, testgate.UffdFeature, err.Error())
	}
	testgate.Need(t, testgate.Userfaultfd, err)
}

func add(t testing.TB, tr interface{ Add(uffd.Range) error }, r uffd.Range) {
	t.Helper()
	if err := tr.Add(r); err != nil {
		t.Fatal(err)
	}
}

// checkProcess fails the test if it leaves descriptors or children behind.
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
