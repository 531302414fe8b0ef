package selftests

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/hugepages"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// The kernel's uffd-wp-mremap: one page of each size and kind, write-protected and
// then moved. Without EVENT_REMAP the protection does not go along, not even in
// the page table. (Linux 6.1 leaves it there. Writes go through nevertheless, but
// those to hugetlb spin in the kernel.)
func TestWpMremap(t *testing.T) {
	for _, shared := range []bool{false, true} {
		for _, row := range []struct {
			name  string
			sizes []uint64
			get   func(t *testing.T, size uint64, shared bool) uffd.Range
			away  []string // what becomes of the pages before they move
		}{
			{"base", []uint64{smallPage}, smallFolio, []string{"there", "swapped out", "given up"}},
			{"thp", thpSizes(t, shared), thpFolio, []string{"there", "swapped out"}},
			{"hugetlb", sizesIn(t, hugepages.Folder), hugetlbFolio, []string{"there"}},
		} {
			for _, size := range row.sizes {
				for _, away := range row.away {
					sharing := map[bool]string{true: "shared", false: "private"}[shared]
					t.Run(fmt.Sprintf("%s of %d KiB/%s/%s", row.name, size>>10, sharing, away), func(t *testing.T) {
						k := shmem
						if row.name == "hugetlb" {
							k = hugetlb
						} else if !shared {
							k = anon
						}
						checkProcess(t)
						d := open(t, uffd.Options{Required: wpFor(k)})
						wpMremap(t, d, row.get(t, size, shared), row.name == "hugetlb", away)
					})
				}
			}
		}
	}
}

func wpMremap(t *testing.T, d *uffd.Descriptor, mem uffd.Range, huge bool, away string) {
	moved := false
	defer func() {
		if !moved {
			unmap(t, mem)
		}
	}()
	size := mem.Len
	content := bytes.Repeat([]byte{1}, int(size))
	copy(bytesAt(mem), content)

	register(t, d, mem, uffd.ModeWP)
	protect(t, d, mem)
	switch away {
	case "swapped out":
		swapOut(t, mem)
	case "given up": // what stays of the protection in a file is a marker
		advise(t, mem, sys.MADV_DONTNEED)
	}
	kept := d.Enabled().Has(uffd.FeatureWPHugetlbfsShmem) || away != "given up"
	if showsProtection(t) && !all(t, mem, kept) {
		t.Fatalf("not all pages are as they should: %s, want them protected: %v", picture(t, mem), kept)
	}

	to := mapAligned(t, size, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS)
	defer unmap(t, to)
	if _, err := sys.Mremap(uintptr(mem.Start), uintptr(size), uintptr(size), sys.MREMAP_MAYMOVE|sys.MREMAP_FIXED, uintptr(to.Start)); err != nil {
		t.Fatal(err)
	}
	moved = true
	cleared := !showsProtection(t) || all(t, to, false)
	if !cleared && d.Available().Has(uffd.FeatureWPAsync) { // Linux 6.7
		t.Errorf("some pages are protected where they are now: %s", picture(t, to))
	}
	if cleared || !huge { // nobody hears of a write
		writes(t, to.Start, 1).ended()
		writes(t, to.End()-1, 1).ended()
	}
	noEvent(t, d)
	if !kept {
		content = make([]byte, size) // anonymous memory, given up
		content[0], content[size-1] = 1, 1
	}
	if !bytes.Equal(bytesAt(to), content) {
		t.Error("the memory holds other bytes")
	}
	if err := d.WriteProtect(to); !errors.Is(err, uffd.ErrLayout) {
		t.Errorf("protecting it where it is now: %v; want ErrLayout", err)
	}
}

// all tells whether every page of r is protected, or none.
func all(t *testing.T, r uffd.Range, protected bool) bool {
	t.Helper()
	return !slices.ContainsFunc(bitsOf(t, "self", r), func(b pageBits) bool { return b.has(bitProtected) != protected })
}

// mapAligned maps size bytes at a multiple of size.
func mapAligned(t testing.TB, size uint64, prot, flags int) uffd.Range {
	t.Helper()
	// More than needed, so that there is such an address; the rest goes back.
	addr, err := sys.Mmap(0, uintptr(2*size), prot, flags, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := uffd.Range{Start: uint64(addr), Len: 2 * size}
	r := uffd.Range{Start: (all.Start + size - 1) / size * size, Len: size}
	for _, rest := range []uffd.Range{uffd.Between(all.Start, r.Start), uffd.Between(r.End(), all.End())} {
		if rest.Len > 0 {
			unmap(t, rest)
		}
	}
	return r
}

func unmap(t testing.TB, r uffd.Range) {
	t.Helper()
	if err := sys.Munmap(uintptr(r.Start), uintptr(r.Len)); err != nil {
		t.Error(err)
	}
}

// smallFolio, thpFolio and hugetlbFolio map a page of a size.
func smallFolio(t *testing.T, size uint64, shared bool) uffd.Range {
	t.Helper()
	r := mapAligned(t, size, sys.PROT_READ|sys.PROT_WRITE, anonymous(shared))
	bytesAt(r)[0] = 1
	return r
}

func thpFolio(t *testing.T, size uint64, shared bool) uffd.Range {
	t.Helper()
	allowTHP(t, size, shared)
	r := mapAligned(t, size, sys.PROT_READ|sys.PROT_WRITE, anonymous(shared))
	err := sys.Madvise(uintptr(r.Start), uintptr(r.Len), sys.MADV_HUGEPAGE)
	bytesAt(r)[0] = 1
	if there := bitsAt(t, r.End()-smallPage).has(bitPresent); err != nil || !there {
		unmap(t, r)
		testgate.Skip(t, testgate.THP, fmt.Sprintf("a small page came instead of one of %d KiB (MADV_HUGEPAGE: %v)", size>>10, err))
	}
	return r
}

func hugetlbFolio(t *testing.T, size uint64, shared bool) uffd.Range {
	t.Helper()
	if size == hugetlbPage(t) {
		needHugePages(t, 1, size)
	} else if free, _ := hugepages.Free(size); free > 0 { // of other sizes those that are there must do
		needTime(t, size)
	}
	// The kernel wants the logarithm of the size in the flags.
	flags := anonymous(shared) | sys.MAP_HUGETLB | bits.TrailingZeros64(size)<<sys.MAP_HUGE_SHIFT
	addr, err := sys.Mmap(0, uintptr(size), sys.PROT_READ|sys.PROT_WRITE, flags, -1, 0)
	if errors.Is(err, unix.ENOMEM) {
		testgate.Skip(t, testgate.Hugetlb, fmt.Sprintf("no page of %d KiB is free", size>>10))
	}
	if err != nil {
		t.Fatal(err)
	}
	return uffd.Range{Start: uint64(addr), Len: size}
}

func anonymous(shared bool) int {
	if shared {
		return sys.MAP_SHARED | sys.MAP_ANONYMOUS
	}
	return sys.MAP_PRIVATE | sys.MAP_ANONYMOUS
}
