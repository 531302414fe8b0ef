package pagemap

import (
	"fmt"
	"os"
	"structs"

	"github.com/pageslot/pageslot/uffd"
)

// Query says which pages a scan is for and what it does with them. A page fits if
// its categories, those in Inverted turned round, have all of Mask and any of
// AnyOf; an empty set asks for nothing. So the zero Query fits every page that
// something is mapped at.
type Query struct {
	Inverted Categories // the page shall not have these where Mask or AnyOf name them
	Mask     Categories // the page has all of these
	AnyOf    Categories // and one of these at least

	// Return are the categories that regions report. Neighbours are one region
	// if they are equal in these.
	Return Categories

	// MaxPages ends the scan after so many pages; 0 is no limit.
	MaxPages uint64

	// Protect write-protects the pages found that are Written, in the same step:
	// a write comes before it, and is found, or after it, and is found by the
	// next scan (PM_SCAN_WP_MATCHING). Memory that is not WPAllowed is passed
	// over. Have Written in Mask: a query that fits pages which are not there
	// makes kernels without the fixes of summer 2026 wait for themselves, and no
	// signal ends that, in hugetlbfs that was registered and never protected.
	Protect bool

	// CheckAsync makes memory in the range that is not WPAllowed an error,
	// ErrNotTracked (PM_SCAN_CHECK_WPASYNC).
	CheckAsync bool
}

// Region are neighbouring pages that are equal in what was asked for. Its layout is
// that of struct page_region.
type Region struct {
	_          structs.HostLayout
	Start      uint64 // the first address
	End        uint64 // the first address after it
	Categories Categories
}

// Range is where the region lies.
func (r Region) Range() uffd.Range { return uffd.Between(r.Start, r.End) }

// String is the range and the categories.
func (r Region) String() string { return fmt.Sprintf("%v %v", r.Range(), r.Categories) }

// pages is how many small pages the regions have.
func pages(regions []Region) (n uint64) {
	for i := range regions {
		n += (regions[i].End - regions[i].Start) / pageSize
	}
	return n
}

// pageSize is that of the kernel's small pages.
var pageSize = uint64(os.Getpagesize())

// oddity says what is wrong with a range, or nothing.
func oddity(r uffd.Range) string {
	switch {
	case r.Start%pageSize != 0:
		return fmt.Sprintf("the start is not a multiple of the page size, %d", pageSize)
	case r.End() < r.Start:
		return "the range goes beyond the last address"
	}
	return ""
}
