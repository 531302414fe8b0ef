package selftests

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func moveTo(r uffd.Range, to uffd.Range) error {
	_, err := sys.Mremap(uintptr(r.Start), uintptr(r.Len), uintptr(r.Len), sys.MREMAP_MAYMOVE|sys.MREMAP_FIXED, uintptr(to.Start))
	return err
}

// The kernel's hugetlb-mremap: a range of hugetlb that is mapped twice, and
// registered, moves. It is registered no longer then. (The original registers
// other memory than it moves, by a slip.)
func TestMremapOfHugetlb(t *testing.T) {
	d := open(t, uffd.Options{})
	a := newArea(t, hugetlb, 2)
	content := a.filled(1, 1)
	copy(a.alias, content)
	register(t, d, a.all(), uffd.ModeMissing)
	reads(t, a.addr(0)).saw(content[0])
	noEvent(t, d)
	to := mapAligned(t, 2*a.page, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS)
	defer unmap(t, to)
	err := moveTo(a.all(), to)
	if errors.Is(err, unix.EINVAL) {
		testgate.Skip(t, testgate.Hugetlb, "mremap does not move it (Linux 5.16)")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := moveTo(a.all(), to); !errors.Is(err, unix.EFAULT) {
		t.Errorf("moved once more: %v; want EFAULT", err)
	}
	plug(t, a.all())
	if !bytes.Equal(bytesAt(to)[:a.page], content) {
		t.Error("the memory holds other bytes where it is now")
	}
	// A page that was missing is nobody's any more.
	writes(t, to.Start+a.page, 9).ended()
	noEvent(t, d)
	if got := a.alias[a.page]; got != 9 {
		t.Errorf("the other mapping shows %d, want 9", got)
	}
	if n, err := d.Copy(to.Start, content, 0); n != 0 || !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("copy to where it is now: %d, %v; want ErrLayout", n, err)
	}
}

// plug fills a hole that the test made in mappings of its own with something that
// may not be touched. So nothing else gets there before they go.
func plug(t testing.TB, r uffd.Range) {
	t.Helper()
	if _, err := sys.Mmap(uintptr(r.Start), uintptr(r.Len), sys.PROT_NONE,
		sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED_NOREPLACE|sys.MAP_NORESERVE, -1, 0); err != nil {
		t.Fatal(err)
	}
}

// The case of mremap_test: several mappings can move in one call since Linux 6.17,
// but for those that are registered. What comes before the first of those has
// moved when the call fails.
func TestMremapOfSeveralMappings(t *testing.T) {
	const pages = 5
	many := movesTogether(t, pages, nil)
	if many != "moved moved moved moved moved" && many != "" {
		t.Errorf("without a userfaultfd: %q", many)
	}
	for name, test := range map[string]struct {
		registered []int
		want       string
	}{
		"the first":  {[]int{0}, ""},
		"the third":  {[]int{2}, "moved moved"},
		"the last":   {[]int{4}, "moved moved moved moved"},
		"two others": {[]int{1, 3}, "moved"},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want
			if many == "" {
				want = ""
			}
			if got := movesTogether(t, pages, test.registered); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// movesTogether maps pages with a mapping for each, registers some of them, and moves all
// with one call. It tells what has moved, in order, and looks whether the
// registered ones still fault.
func movesTogether(t *testing.T, pages int, registered []int) string {
	t.Helper()
	d := open(t, uffd.Options{})
	length := uint64(pages) * smallPage
	mem := mapAligned(t, roundUp(length), sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS)
	defer unmap(t, mem)
	to := mapAligned(t, mem.Len, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS)
	defer unmap(t, to)
	page := func(r uffd.Range, i int) uffd.Range {
		return uffd.Range{Start: r.Start + uint64(i)*smallPage, Len: smallPage}
	}
	for i := range pages {
		// Every second one has other rights, so none is merged with the next.
		if i%2 == 1 {
			if err := sys.Mprotect(uintptr(page(mem, i).Start), uintptr(smallPage), sys.PROT_READ); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, i := range registered {
		register(t, d, page(mem, i), uffd.ModeMissing)
	}
	all := uffd.Range{Start: mem.Start, Len: length}
	err := moveTo(all, uffd.Range{Start: to.Start, Len: length})
	if err != nil && !errors.Is(err, unix.EFAULT) {
		t.Fatalf("mremap: %v; want EFAULT or none", err)
	}
	moved := ""
	for i := range pages {
		if sys.Madvise(uintptr(page(mem, i).Start), uintptr(smallPage), sys.MADV_NORMAL) == nil {
			break // still there
		}
		plug(t, page(mem, i))
		moved += " moved"
	}
	if (moved == "") != (err != nil) && len(registered) == 0 {
		t.Errorf("mremap: %v, and%s", err, moved)
	}
	for _, i := range registered {
		r := reads(t, page(mem, i).Start)
		if f := nextFault(t, d); f.Address != page(mem, i).Start {
			t.Errorf("%v; want one at %#x", f, page(mem, i).Start)
		}
		if _, err := d.Zero(page(mem, i), 0); err != nil {
			t.Error(err)
		}
		r.saw(0)
	}
	if moved != "" {
		return moved[1:]
	}
	return ""
}

// roundUp is the next power of two.
func roundUp(n uint64) uint64 {
	p := uint64(1)
	for p < n {
		p *= 2
	}
	return p
}

// The UFFDIO_COPY case of mkdirty: a page that is put into memory that may not be
// written does not become writable by that.
func TestCopyIntoReadOnlyMemory(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d := open(t, uffd.Options{})
		a := newArea(t, k, 2)
		if err := unix.Mprotect(a.mem, unix.PROT_READ); err != nil {
			t.Fatal(err)
		}
		register(t, d, a.all(), uffd.ModeMissing)
		content := a.filled(1, 1)
		if n, err := d.Copy(a.addr(0), content, 0); n != len(content) || err != nil {
			t.Fatal(n, err)
		}
		writes(t, a.addr(0), 9).killed(unix.SIGSEGV)
		reads(t, a.addr(0)).saw(content[0])
		writes(t, a.addr(1), 9).killed(unix.SIGSEGV) // missing, and no fault of ours
		noEvent(t, d)
		if k.huge() {
			return
		}
		if _, err := d.Zero(a.at(1), 0); err != nil {
			t.Fatal(err)
		}
		writes(t, a.addr(1), 9).killed(unix.SIGSEGV)
		reads(t, a.addr(1)).saw(0)
		noEvent(t, d)
	})
}
