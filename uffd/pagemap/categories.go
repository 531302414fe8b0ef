package pagemap

import "github.com/pageslot/pageslot/internal/bitnames"

// Categories are what a page is (PAGE_IS_ in linux/fs.h, PAGEMAP_SCAN). Bits that
// this package has no name for are kept.
type Categories uint64

// Populated is a page with contents of its own, wherever they are. Present alone
// misses pages in swap space, and those that the kernel is just moving.
const Populated = Present | Swapped

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (c Categories) String() string { return bitnames.String(uint64(c), categoryNames) }

// Has tells whether all of other are in c.
func (c Categories) Has(other Categories) bool { return c&other == other }

// In the order of the bits.
var categoryNames = []bitnames.Name{
	{Bit: uint64(WPAllowed), Name: "WPALLOWED"},
	{Bit: uint64(Written), Name: "WRITTEN"},
	{Bit: uint64(File), Name: "FILE"},
	{Bit: uint64(Present), Name: "PRESENT"},
	{Bit: uint64(Swapped), Name: "SWAPPED"},
	{Bit: uint64(PFNZero), Name: "PFNZERO"},
	{Bit: uint64(Huge), Name: "HUGE"},
	{Bit: uint64(SoftDirty), Name: "SOFT_DIRTY"},
	{Bit: uint64(Guard), Name: "GUARD"},
	{Bit: uint64(Accessed), Name: "ACCESSED"},
}
