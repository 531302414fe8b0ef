package pagemap

import "github.com/pageslot/pageslot/sys"

// The categories. The version is that of the first kernel whose headers have it;
// what this kernel has [Map.Categories] tells.
const (
	WPAllowed Categories = sys.PAGE_IS_WPALLOWED  // memory that a userfaultfd with WP_ASYNC tracks (6.7)
	Written   Categories = sys.PAGE_IS_WRITTEN    // not write-protected, so perhaps written since (6.7)
	File      Categories = sys.PAGE_IS_FILE       // a page of a file, shared memory among them (6.7)
	Present   Categories = sys.PAGE_IS_PRESENT    // mapped (6.7)
	Swapped   Categories = sys.PAGE_IS_SWAPPED    // in swap space, on the move, or only marked (6.7)
	PFNZero   Categories = sys.PAGE_IS_PFNZERO    // the kernel's one page of zeros (6.7)
	Huge      Categories = sys.PAGE_IS_HUGE       // part of a huge page (6.7)
	SoftDirty Categories = sys.PAGE_IS_SOFT_DIRTY // soft-dirty (6.8)
	Guard     Categories = sys.PAGE_IS_GUARD      // a guard region (6.16)
	Accessed  Categories = sys.PAGE_IS_ACCESSED   // not protected by RWP, so perhaps accessed since (7.3)
)
