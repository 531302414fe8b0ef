package uffd

import (
	"fmt"
	"os"
)

// Range is a range of addresses in the memory of the process that a descriptor
// belongs to, which is the process that opened it, and not always this one.
type Range struct {
	Start uint64 // the first address
	Len   uint64 // in bytes
}

// Between is the range of the addresses from start up to end, which is not part
// of it.
func Between(start, end uint64) Range { return Range{Start: start, Len: end - start} }

// End is the first address after the range; 0 for a range that reaches the end
// of 64 bits.
func (r Range) End() uint64 { return r.Start + r.Len }

// Contains tells whether address a lies in the range.
func (r Range) Contains(a uint64) bool { return a-r.Start < r.Len }

// String is the first address and the one after the last: [0x1000, 0x3000).
func (r Range) String() string { return fmt.Sprintf("[%#x, %#x)", r.Start, r.End()) }

// from is what is left of the range after its first n bytes.
func (r Range) from(n uint64) Range { return Range{Start: r.Start + n, Len: r.Len - n} }

// pageSize is that of the kernel's small pages. Huge pages are multiples.
var pageSize = uint64(os.Getpagesize())

// sourceOddity is oddity of a range that is the source of another.
func (r Range) sourceOddity() string {
	if odd := r.oddity(); odd != "" {
		return "of the source, " + odd
	}
	return ""
}

// oddity says what no kernel accepts of a range, or nothing.
func (r Range) oddity() string {
	switch {
	case r.Len == 0:
		return "the range is empty"
	case r.Start%pageSize != 0:
		return fmt.Sprintf("the start is not a multiple of the page size, %d", pageSize)
	case r.Len%pageSize != 0:
		return fmt.Sprintf("the length, %d, is not a multiple of the page size, %d", r.Len, pageSize)
	case r.End() < r.Start && r.End() != 0:
		return "the range goes beyond the last address"
	}
	return ""
}
