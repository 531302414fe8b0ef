package sigbus

import (
	"fmt"
	"os"

	"github.com/pageslot/pageslot/uffd"
)

// Region is memory whose faults Do takes, and who provides its pages.
type Region struct {
	// Range is where it lies: whole pages.
	Range uffd.Range

	// Resolve makes the access possible that faulted: it puts the page there, or lets
	// writes through. Another goroutine may have been faster: an error that is
	// uffd.ErrExists counts as success. It is called on the goroutine of Do, when the function has
	// ended and nothing of it is left on the stack. Many goroutines may call it at
	// once.
	//
	// An error ends Do, which returns an [*Error] with it, and [ErrPass] lets
	// the panic pass on. If Resolve panics, or faults itself, that passes on to whoever
	// called Do; it is not served from this Region.
	Resolve func(Fault) error

	// PageSize is that of the memory in bytes, a power of two: hugetlbfs has larger
	// ones. 0 is the kernel's small page.
	PageSize uint64

	// Patience is how often a page may fault again before Do gives up ([ErrAgain]);
	// 0 is 16. A function that makes no progress, since a page goes away whenever
	// another comes, is noticed as well, after a few times as many faults as there are
	// pages in the circle. A function that works for a long time on memory whose
	// pages others take away all the time needs more, or is better called piece by
	// piece.
	Patience int
}

const patience = 16

var pageSize = uint64(os.Getpagesize())

// oddity says what is wrong with a Region, or nothing.
func (r *Region) oddity() string {
	size := r.pageSize()
	switch {
	case r.Resolve == nil:
		return "Resolve is nil"
	case size < pageSize || size&(size-1) != 0:
		return fmt.Sprintf("PageSize is %d", r.PageSize)
	case r.Range.Len == 0:
		return "the range is empty"
	case r.Range.Start%size != 0:
		return fmt.Sprintf("the start is not a multiple of the page size, %d", size)
	case r.Range.Len%size != 0:
		return fmt.Sprintf("the length, %d, is not a multiple of the page size, %d", r.Range.Len, size)
	case r.Range.End() < r.Range.Start && r.Range.End() != 0:
		return "the range goes beyond the last address"
	case r.Patience < 0:
		return fmt.Sprintf("Patience is %d", r.Patience)
	}
	return ""
}

func (r *Region) pageSize() uint64 {
	if r.PageSize == 0 {
		return pageSize
	}
	return r.PageSize
}

func (r *Region) patience() int {
	if r.Patience == 0 {
		return patience
	}
	return r.Patience
}

// page is the one around an address.
func (r *Region) page(address uint64) uffd.Range {
	size := r.pageSize()
	return uffd.Range{Start: address &^ (size - 1), Len: size}
}

// find is the index of the first region that has the address, or -1.
func find(regions []Region, address uint64) int {
	for i := range regions {
		if regions[i].Range.Contains(address) {
			return i
		}
	}
	return -1
}
