package selftests

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// movingHuge is moving for one transparent huge page.
func movingHuge(t *testing.T) (d *uffd.Descriptor, dst, src *area, data []byte) {
	t.Helper()
	d = open(t, uffd.Options{Required: uffd.FeatureMove})
	size := hugePageSize(t)
	n := int(size / smallPage)
	dst, src = newAlignedArea(t, anon, n, size), newAlignedArea(t, anon, n, size)
	wantHugePages(t, src)
	wantHugePages(t, dst) // or a fault there makes a page table, and small pages move
	data = src.filled(n, 1)
	copy(src.mem, data)
	if got := hugeBytes(t, src.all()); got != size {
		testgate.Skip(t, testgate.THP, fmt.Sprintf("%d of %d bytes lie in a huge page", got, size))
	}
	// What is split stays so: the kernel's daemon is not to make it huge again.
	if err := unix.Madvise(src.mem, unix.MADV_NOHUGEPAGE); err != nil {
		t.Fatal(err)
	}
	register(t, d, dst.all(), uffd.ModeMissing)
	return d, dst, src, data
}

// A huge page moves as a whole.
func TestMovePmd(t *testing.T) {
	d, dst, src, data := movingHuge(t)
	size := dst.all().Len
	r := reads(t, dst.addr(3))
	missingFault(t, d, dst, 3, false)
	if n, err := d.Move(dst.addr(0), src.addr(0), size, 0); n != size || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	r.saw(data[3*dst.page])
	if got := hugeBytes(t, dst.all()); got != size {
		t.Errorf("%d of %d bytes lie in a huge page", got, size)
	}
	if got := hugeBytes(t, src.all()); got != 0 {
		t.Errorf("%d bytes of the source lie in a huge page", got)
	}
	holds(t, "the destination", dst.all(), data)
	holds(t, "the source", src.all(), make([]byte, size))
	noEvent(t, d)
}

// Parts of a huge page move, which is split then.
func TestMovePmdSplit(t *testing.T) {
	d, dst, src, data := movingHuge(t)
	size := dst.all().Len
	page := dst.page
	// One page for a fault, then the first half over it, then the rest.
	r := reads(t, dst.addr(3))
	missingFault(t, d, dst, 3, false)
	if n, err := d.Move(dst.addr(3), src.addr(3), page, 0); n != page || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	r.saw(data[3*page])
	if got := hugeBytes(t, src.all()) + hugeBytes(t, dst.all()); got != 0 {
		t.Errorf("%d bytes lie in a huge page", got)
	}
	left := append([]byte(nil), data...)
	clear(left[3*page : 4*page])
	holds(t, "the source", src.all(), left)
	missing(t, "beside it", dst, 2, 1)
	missing(t, "beside it", dst, 4, 1)

	n, err := d.MoveAll(dst.addr(0), src.addr(0), size/2, 0, uffd.Retry{Exist: uffd.ExistSkip})
	if n != size/2 || err != nil {
		t.Errorf("the first half: %d, %v", n, err)
	}
	missing(t, "the second half", dst, int(size/2/page), 1)
	n, err = d.MoveAll(dst.addr(0)+size/2, src.addr(0)+size/2, size/2, 0, uffd.Retry{})
	if n != size/2 || err != nil {
		t.Errorf("the second half: %d, %v", n, err)
	}
	holds(t, "the destination", dst.all(), data)
	noEvent(t, d)
}
