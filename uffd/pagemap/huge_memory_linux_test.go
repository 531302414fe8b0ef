package pagemap

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// shmHugetlb is SHM_HUGETLB of linux/shm.h, which no generated package has.
const shmHugetlb = 0o4000

// largestHuge bounds the huge pages that are tried: with small pages of 64 KiB
// they have up to 512 MiB.
const largestHuge = 4 << 20

// thp is memory of n transparent huge pages, which are there, or a skip.
func thp(t testing.TB, m *Map, n int) area {
	t.Helper()
	size := number(t, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
	if size == 0 || size > largestHuge {
		testgate.Skip(t, testgate.THP, fmt.Sprintf("a huge page has %d bytes", size))
	}
	all := mapped(t, -1, (n+1)*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	from := (size - int(all.all().Start%uint64(size))) % size
	a := area{mem: all.mem[from : from+n*size], unit: size / int(pageSize)}
	if err := unix.Madvise(a.mem, unix.MADV_HUGEPAGE); err != nil {
		testgate.Skip(t, testgate.THP, "MADV_HUGEPAGE: "+err.Error())
	}
	for i := 0; i < a.pages(); i += a.unit {
		a.mem[i*int(pageSize)] = 1 // a read first would get the huge page of zeros, which the write may split
	}
	got, _, _ := a.scan(t, m, a.all(), Query{Mask: Present | Huge, Return: Huge}, 2)
	if got != fmt.Sprintf("0-%d HUGE", a.pages()-1) {
		testgate.Skip(t, testgate.THP, fmt.Sprintf("the kernel gave huge pages for %q of the pages", got))
	}
	return a
}

// hugetlbKinds are the ways to huge pages of hugetlbfs.
var hugetlbKinds = map[string]func(t testing.TB, size, n int) area{
	"SysV shared memory": sysvHugetlb,
	"anonymous hugetlb":  anonHugetlb,
	"memfd hugetlb":      memfdHugetlb,
}

// hugetlb is n huge pages of hugetlbfs, or a skip.
func hugetlb(t testing.TB, n int, kind func(t testing.TB, size, n int) area) area {
	t.Helper()
	size := hugeSize(t)
	if err := hugepages.Reserve(t, uint64(size), n, testgate.Stretch(t, 2*time.Second)); err != nil {
		t.Log(err) // those that are there may suffice
	}
	a := kind(t, size, n)
	a.unit = size / int(pageSize)
	return a
}

func anonHugetlb(t testing.TB, size, n int) area {
	t.Helper()
	return hugeMapped(t, -1, n*size, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_HUGETLB)
}

func memfdHugetlb(t testing.TB, size, n int) area {
	t.Helper()
	fd, err := sys.MemfdCreate("pagemap", sys.MFD_CLOEXEC|sys.MFD_HUGETLB)
	if err != nil {
		testgate.Skip(t, testgate.Hugetlb, "memfd_create: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Ftruncate(fd, int64(n*size)); err != nil {
		t.Fatal(err)
	}
	return hugeMapped(t, fd, n*size, unix.MAP_SHARED)
}

func hugeMapped(t testing.TB, fd, length, flags int) area {
	t.Helper()
	mem, err := unix.Mmap(fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err != nil {
		testgate.Skip(t, testgate.Hugetlb, "mmap: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	return area{mem: mem}
}

func sysvHugetlb(t testing.TB, size, n int) area {
	t.Helper()
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, n*size, shmHugetlb|unix.IPC_CREAT|0o600)
	if errors.Is(err, unix.EPERM) {
		// Once RLIMIT_MEMLOCK sufficed; newer kernels say that this is obsolete.
		testgate.Skip(t, testgate.Root, "shmget: huge pages need CAP_IPC_LOCK or the group vm.hugetlb_shm_group: "+err.Error())
	}
	if err != nil {
		testgate.Skip(t, testgate.Hugetlb, "shmget: "+err.Error())
	}
	t.Cleanup(func() {
		if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
			t.Error(err)
		}
	})
	mem, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.SysvShmDetach(mem); err != nil {
			t.Error(err)
		}
	})
	return area{mem: mem}
}

// hugeSize is the default size of huge pages.
func hugeSize(t testing.TB) int {
	t.Helper()
	size, err := hugepages.Default()
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	if size == 0 {
		testgate.Skip(t, testgate.Hugetlb, "the kernel has no huge pages")
	}
	if size > largestHuge {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("a huge page has %d KiB", size>>10))
	}
	return int(size)
}

// number is 0 for a file that does not exist.
func number(t testing.TB, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A huge page can only be protected whole. What the kernel then does is no error
// of its own: it passes the page by, and the walk would go on for ever, or end as if
// all had been done.
func TestPartOfHugePage(t *testing.T) {
	m, d := open(t), async(t)
	a := hugetlb(t, 4, anonHugetlb)
	arm(t, d, a.all())
	u := a.unit
	for what, cut := range map[string]struct {
		r     uffd.Range
		limit uint64
		found string // of what is protected nevertheless
	}{
		"the end":   {a.span(0, 4*u-u/2), 0, fmt.Sprintf("0-%d", 3*u-1)},
		"the start": {a.span(u/2, 4*u-u/2), 0, fmt.Sprintf("%d-%d", u, 4*u-1)},
		"both ends": {a.span(u/2, 3*u), 0, fmt.Sprintf("%d-%d", u, 3*u-1)},
		"MaxPages":  {a.all(), uint64(u + u/2), fmt.Sprintf("0-%d", u-1)},
	} {
		t.Run(what, func(t *testing.T) {
			a.clean(t, m)
			for i := range 4 {
				a.write(i * u)
			}
			a.want(t, m, "before", dirty, fmt.Sprintf("0-%d", 4*u-1))
			q := collect
			q.MaxPages = cut.limit
			into := make([]Region, 8)
			n, end, err := m.Scan(cut.r, q, into)
			if got := a.draw(into[:n]); !errors.Is(err, ErrHugePage) || end != cut.r.Start || got != cut.found {
				t.Errorf("Scan: %q, up to %#x, %v; want %q and ErrHugePage", got, end, err, cut.found)
			}
			var walked []Region
			err = m.Walk(cut.r, q, into, func(r Region) error { walked = append(walked, r); return nil })
			if !errors.Is(err, ErrHugePage) {
				t.Errorf("Walk: %v, %v; want ErrHugePage", a.draw(walked), err)
			}
		})
	}
}
