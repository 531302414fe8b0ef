package selftests

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// memory is a kind of memory that userfaultfd serves.
type memory string

const (
	anon           memory = "anon"            // MAP_PRIVATE|MAP_ANONYMOUS
	shmem          memory = "shmem"           // MAP_SHARED of a memfd
	shmemPrivate   memory = "shmem-private"   // MAP_PRIVATE of a memfd
	hugetlb        memory = "hugetlb"         // MAP_SHARED of a memfd of huge pages
	hugetlbPrivate memory = "hugetlb-private" // MAP_PRIVATE of a memfd of huge pages
)

var allMemory = []memory{anon, shmem, shmemPrivate, hugetlb, hugetlbPrivate}

func (k memory) file() bool    { return k != anon }
func (k memory) huge() bool    { return k == hugetlb || k == hugetlbPrivate }
func (k memory) private() bool { return k == anon || k == shmemPrivate || k == hugetlbPrivate }

// half leaves anonymous memory, and one of two kinds of files and of huge pages: not
// the same for root as for others, nor for all tests.
func half(kinds []memory, test string, root bool) []memory {
	private := root
	for _, c := range test {
		private = private != (c&1 == 1)
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(k memory) bool { return k != anon && k.private() != private })
}

func TestHalf(t *testing.T) {
	turns := map[bool]int{}
	for _, name := range []string{"TestWp", "TestMissing", "TestMinor", "TestPoison", "TestCopy", "TestMove"} {
		as, bs := half(allMemory, name, true), half(allMemory, name, false)
		if len(as) != 3 || len(bs) != 3 || as[0] != anon || bs[0] != anon || slices.Contains(bs, as[1]) || slices.Contains(bs, as[2]) {
			t.Errorf("%s: %v and %v", name, as, bs)
		}
		turns[as[1].private()]++
	}
	if len(turns) != 2 {
		t.Errorf("it is the same half each time: %v", turns)
	}
}

// smallPage is the kernel's smallest page.
var smallPage = uint64(os.Getpagesize())

// area is fresh memory of some pages, none of which is there yet.
type area struct {
	kind  memory
	mem   []byte // registered, mostly: no goroutine may touch a page of it that faults
	alias []byte // the same pages again, never registered; nil for private memory
	page  uint64 // the size of a page of this memory
	fd    int    // the file, or -1

	lost bool
	gone uffd.Range // what the test unmaps of mem: Go's runtime may put something there
	t    testing.TB
}

// newArea maps pages of kind k. They go at the end of the test. Huge pages are
// asked for, and given back; where there are none the test is skipped.
func newArea(t testing.TB, k memory, pages int) *area {
	t.Helper()
	return newAlignedArea(t, k, pages, 0)
}

// newAlignedArea is newArea at a multiple of align, for huge pages that are not
// hugetlb's.
func newAlignedArea(t testing.TB, k memory, pages int, align uint64) *area {
	t.Helper()
	checkProcess(t)
	a := &area{kind: k, page: smallPage, fd: -1, t: t}
	if k.huge() {
		a.page = hugetlbPage(t)
		// The file's own, the copies of a private mapping, and those of a
		// forked process. A page of a file that was given up has no reservation
		// when it comes again, so the file needs some that are free.
		huge := 2 * pages
		if k.private() {
			huge = 3 * pages
		}
		needHugePages(t, huge, a.page)
	}
	if k.file() {
		a.fd = newFile(t, k.huge())
		if err := unix.Ftruncate(a.fd, int64(pages)*int64(a.page)); err != nil {
			t.Fatal(err)
		}
	}
	length := uint64(pages) * a.page
	a.mem = mapPages(t, a, length, align, k.private())
	if k.file() && !k.private() {
		a.alias = mapPages(t, a, length, 0, false)
	}
	return a
}

func newFile(t testing.TB, huge bool) int {
	t.Helper()
	fd, err := memoryFile(huge)
	if huge && err != nil {
		testgate.Need(t, testgate.Hugetlb, fmt.Errorf("a file of huge pages: %w: %w", errors.ErrUnsupported, err))
	}
	testgate.Need(t, testgate.Memfd, err)
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	})
	return fd
}

func memoryFile(huge bool) (int, error) {
	flags := uint(sys.MFD_CLOEXEC | sys.MFD_ALLOW_SEALING)
	if huge {
		flags |= sys.MFD_HUGETLB
	}
	fd, err := sys.MemfdCreate("selftests", flags)
	if errors.Is(err, unix.EACCES) { // vm.memfd_noexec=2
		fd, err = sys.MemfdCreate("selftests", flags|sys.MFD_NOEXEC_SEAL)
	}
	return fd, err
}

func mapPages(t testing.TB, a *area, length, align uint64, private bool) []byte {
	t.Helper()
	flags := unix.MAP_SHARED
	if private {
		flags = unix.MAP_PRIVATE
	}
	if a.fd < 0 {
		flags |= unix.MAP_ANON
	}
	all, err := unix.Mmap(a.fd, 0, int(length+align), unix.PROT_READ|unix.PROT_WRITE, flags)
	if a.kind.huge() && errors.Is(err, unix.ENOMEM) {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("there are not enough free huge pages for %d bytes", length))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if a.lost {
			return
		}
		if of := uffd.RangeOf(all); of.Start <= a.gone.Start && a.gone.Start < of.End() {
			for _, rest := range []uffd.Range{uffd.Between(of.Start, a.gone.Start), uffd.Between(a.gone.End(), of.End())} {
				if rest.Len > 0 {
					unmap(t, rest)
				}
			}
			return
		}
		if err := unix.Munmap(all); err != nil {
			t.Error(err)
		}
	})
	if !a.kind.huge() && align == 0 {
		// Where they are always on, a page could be there because its neighbour is.
		if err := unix.Madvise(all, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
			t.Fatal(err)
		}
	}
	if align == 0 {
		return all
	}
	from := (align - uffd.RangeOf(all).Start%align) % align
	aligned := all[from : from+length : from+length]
	if a.fd >= 0 { // its beginning belongs there
		start := uintptr(uffd.RangeOf(aligned).Start)
		if _, err := sys.Mmap(start, uintptr(length), sys.PROT_READ|sys.PROT_WRITE, flags|sys.MAP_FIXED, a.fd, 0); err != nil {
			t.Fatal(err)
		}
	}
	return aligned
}

// lose tells that the test itself has unmapped or moved a.mem (and alias), so that
// something else may be there by the end of the test.
func (a *area) lose() { a.lost = true }

// addr is the address of page i.
func (a *area) addr(i int) uint64 { return uffd.RangeOf(a.mem).Start + uint64(i)*a.page }

// at is page i.
func (a *area) at(i int) uffd.Range { return uffd.Range{Start: a.addr(i), Len: a.page} }

// span is n pages from page i on.
func (a *area) span(i, n int) uffd.Range {
	return uffd.Range{Start: a.addr(i), Len: uint64(n) * a.page}
}

// all is the whole area.
func (a *area) all() uffd.Range { return uffd.RangeOf(a.mem) }

// filled is n pages' worth of bytes that differ from page to page, and from seed
// to seed, and are never 0.
func (a *area) filled(n int, seed byte) []byte {
	b := a.buffer(uint64(n) * a.page)
	for p := range n {
		page := b[uint64(p)*a.page:][:a.page]
		for i := range period {
			page[i] = byte((p*31+i+int(seed)*7)%255) + 1
		}
		// Not byte by byte: huge pages are large, and emulated processors slow.
		for done := period; done < len(page); done *= 2 {
			copy(page[done:], page[:done])
		}
	}
	return b
}

// spare are large buffers for tests to come. New ones have to be cleared first, page
// by page, which takes most of a test with huge pages where a processor is emulated.
var spare = map[uint64][][]byte{}

// buffer is one that is the test's until it ends. What is in it is left to chance.
func (a *area) buffer(length uint64) []byte {
	if length < 1<<20 || length > 32<<20 {
		return make([]byte, length)
	}
	var b []byte
	if free := spare[length]; len(free) > 0 {
		b, spare[length] = free[len(free)-1], free[:len(free)-1]
	} else {
		b = make([]byte, length)
	}
	a.t.Cleanup(func() { spare[length] = append(spare[length], b) })
	return b
}

// period is that of the bytes of a page: a prime, so that bytes that are shifted by
// a power of 2 differ.
const period = 251

// forEach runs f as a subtest for every kind. Under -short, root takes either the
// shared or the private file and either the shared or the private huge pages, and an
// ordinary user the others: CI runs both in each machine.
func forEach(t *testing.T, kinds []memory, f func(t *testing.T, k memory)) {
	t.Helper()
	if testgate.Rounds(5, 3) == 3 && len(kinds) == 5 {
		kinds = half(kinds, t.Name(), os.Geteuid() == 0)
	}
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) { f(t, k) })
	}
}
