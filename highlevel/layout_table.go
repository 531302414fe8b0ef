package highlevel

import (
	"fmt"
	"math/bits"
)

// TableConstraints say what a pool of tables must hold. Tables are small,
// have no guards and no keys: their users check every index.
type TableConstraints struct {
	Tables      int    // how many tables the pool can hold at once
	Elements    uint64 // the most elements that a table can have
	ElementSize uint64 // bytes of one element
	PageSize    uint64 // a power of two; no default, as in Constraints
}

// TableLayout is where the tables of a pool lie: back to back, each in whole
// pages, so that one can be dropped without touching its neighbours.
type TableLayout struct {
	Tables     int
	TableBytes uint64 // from one table to the next
	Total      uint64
	PageSize   uint64
}

// NewTableLayout computes the layout that c asks for. Its errors are those of
// NewLayout.
func NewTableLayout(c TableConstraints) (TableLayout, error) {
	return newTableLayout(c, addressable)
}

// newTableLayout is NewTableLayout for an address space of the given size.
func newTableLayout(c TableConstraints, limit uint64) (TableLayout, error) {
	switch {
	case c.Tables < 0:
		return TableLayout{}, invalid("Tables", c.Tables, "0 or more")
	case bits.OnesCount64(c.PageSize) != 1:
		return TableLayout{}, invalid("PageSize", c.PageSize, "a power of two")
	}
	hi, size := bits.Mul64(c.Elements, c.ElementSize)
	each, ok := roundUp(size, c.PageSize, limit)
	if hi != 0 || !ok {
		return TableLayout{}, &LayoutError{
			Field: "Elements",
			Value: fmt.Sprint(c.Elements),
			Want:  fmt.Sprintf("tables of elements of %d bytes in at most %d bytes in whole pages", c.ElementSize, limit),
			Err:   ErrAddressSpace,
		}
	}
	hi, total := bits.Mul64(each, uint64(c.Tables))
	if hi != 0 || total > limit {
		return TableLayout{}, &LayoutError{
			Field: "Tables",
			Value: fmt.Sprint(c.Tables),
			Want:  fmt.Sprintf("tables of %d bytes in at most %d bytes", each, limit),
			Err:   ErrAddressSpace,
		}
	}
	return TableLayout{Tables: c.Tables, TableBytes: each, Total: total, PageSize: c.PageSize}, nil
}

// TableOffset returns where table i begins.
//
// Precondition: 0 <= i < l.Tables.
func (l TableLayout) TableOffset(i int) uint64 {
	return uint64(i) * l.TableBytes
}
