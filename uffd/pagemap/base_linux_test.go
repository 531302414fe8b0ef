package pagemap

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// backings are the kinds of memory that the same is asked of.
var backings = []struct {
	name string
	make func(t *testing.T, m *Map) area
}{
	{"anon", func(t *testing.T, m *Map) area { return anon(t, 10) }},
	{"anon of 20 MiB", func(t *testing.T, m *Map) area {
		return anon(t, testgate.Rounds(20, 4)<<20/int(pageSize))
	}},
	{"transparent huge pages", func(t *testing.T, m *Map) area { return thp(t, m, 2) }},
	{"SysV shared memory of hugetlb", func(t *testing.T, m *Map) area { return hugetlb(t, 2, sysvHugetlb) }},
	{"anonymous hugetlb", func(t *testing.T, m *Map) area { return hugetlb(t, 2, anonHugetlb) }},
	{"memfd of hugetlb", func(t *testing.T, m *Map) area { return hugetlb(t, 2, memfdHugetlb) }},
	{"private file", func(t *testing.T, m *Map) area { return fileMapped(t, unix.MAP_PRIVATE) }},
	{"private memfd", func(t *testing.T, m *Map) area { return memfdMapped(t, unix.MAP_PRIVATE) }},
	// More than the kernel's own tests have.
	{"shared memfd", func(t *testing.T, m *Map) area { return memfdMapped(t, unix.MAP_SHARED) }},
	{"shared file", func(t *testing.T, m *Map) area { return fileMapped(t, unix.MAP_SHARED) }},
	{"shared anon", func(t *testing.T, m *Map) area {
		return mapped(t, -1, 10*int(pageSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
	}},
}

// fileMapped is a file of ten pages in a folder of the test.
func fileMapped(t testing.TB, flags int) area {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("c"), 10*int(pageSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return mapped(t, int(f.Fd()), 10*int(pageSize), unix.PROT_READ|unix.PROT_WRITE, flags)
}

// memfdMapped is a file in memory of ten pages.
func memfdMapped(t testing.TB, flags int) area {
	t.Helper()
	fd, err := sys.MemfdCreate("pagemap", sys.MFD_CLOEXEC)
	testgate.Need(t, testgate.Memfd, err)
	defer unix.Close(fd)
	if _, err := unix.Write(fd, bytes.Repeat([]byte("c"), 10*int(pageSize))); err != nil {
		t.Fatal(err)
	}
	return mapped(t, fd, 10*int(pageSize), unix.PROT_READ|unix.PROT_WRITE, flags)
}

// All that is asked of every kind of memory.
func TestBase(t *testing.T) {
	for _, b := range backings {
		t.Run(b.name, func(t *testing.T) {
			m, d := open(t), async(t)
			a := b.make(t, m)
			arm(t, d, a.all())
			last := a.pages() - 1
			all := fmt.Sprintf("0-%d", last)
			// around is the pages that become dirty with one. The first write splits
			// a transparent huge page.
			together := a.unit > 1 && b.name != "transparent huge pages"
			around := func(page int) string {
				if !together {
					return fmt.Sprint(page)
				}
				return fmt.Sprintf("%d-%d", page/a.unit*a.unit, page/a.unit*a.unit+a.unit-1)
			}

			limited := collect
			limited.MaxPages = uint64(a.pages() - 2)
			if got, _, _ := a.scan(t, m, a.all(), limited, 1); got != "" {
				t.Errorf("new pages: %q", got)
			}
			a.fill(0xff)
			a.want(t, m, "all written", dirty, all)
			a.want(t, m, "all written, still", dirty, all)

			a.want(t, m, "collected", collect, all)
			for i := 1; i < last; i++ {
				a.write(i)
			}
			inner := fmt.Sprintf("1-%d", last-1)
			if together {
				inner = all
			}
			a.want(t, m, "without the first and the last", collect, inner)
			a.want(t, m, "collected again", dirty, "")

			middle := a.pages() / 2
			a.write(middle)
			a.want(t, m, "the middle one", dirty, around(middle))

			a.clean(t, m)
			a.write(middle)
			a.write(middle + 1)
			q := Query{Mask: Written, Return: Written | Huge}
			if got, n, end := a.scan(t, m, a.span(middle, 2), q, 1); n != 1 || end != middle+2 ||
				got != fmt.Sprintf("%d-%d", middle, middle+1) && got != fmt.Sprintf("%d-%d WRITTEN|HUGE", middle, middle+1) {
				t.Errorf("the two in the middle: %q up to %d", got, end)
			}

			// Reading makes nothing dirty.
			a.clean(t, m)
			a.read(0, a.pages())
			a.want(t, m, "only read", dirty, "")
			// And a write by the kernel is seen.
			if n, err := unix.Pread(zeros(t), a.mem[:1], 0); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			a.want(t, m, "written by read(2)", collect, around(0))

			// Without registration nothing is allowed or found.
			if err := d.Unregister(a.all()); err != nil {
				t.Fatal(err)
			}
			allowed := Query{Mask: WPAllowed, Return: WPAllowed}
			a.want(t, m, "no more registered", allowed, "")
		})
	}
}

// zeros is /dev/zero until the end of the test.
func zeros(t testing.TB) int {
	t.Helper()
	fd, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
